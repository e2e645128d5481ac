import { describe, expect, test } from "vitest";
import { DecodeError } from "#common/errors/index.js";
import { parseJson } from "#common/json.js";
import { enumeration, i64, map, type Schema, text, time, u64, u8 } from "#common/schema/index.js";

const word = enumeration("Word", { no: 0, yes: 1 });

/** What a schema reads from the text of a file; "refused" for what it does not take. */
function read<T>(schema: Schema<T>, json: string): T | "refused" {
  try {
    return schema.fromJson(parseJson(json));
  } catch (error) {
    if (error instanceof DecodeError) return "refused";
    throw error;
  }
}

describe("reading JSON as the reference does", () => {
  test("integers are written as integers: not as texts, with fractions or with exponents", () => {
    for (const json of ['"1"', '""', "1.0", "0.0", "1e3", "1E2", "1.5", "true", "[]", "{}"]) {
      expect([json, read(u8, json), read(u64, json), read(i64, json)]).toEqual([json, "refused", "refused", "refused"]);
    }
    expect([read(u8, "255"), read(u8, "256"), read(u8, "-1"), read(u8, "null")]).toEqual([
      255,
      "refused",
      "refused",
      0,
    ]);
    expect(read(u64, "18446744073709551615")).toBe((1n << 64n) - 1n);
    expect([read(i64, "-0"), read(u64, "-0"), read(u8, "-0")]).toEqual([0n, "refused", "refused"]);
  });

  test("words of a closed set are no numbers", () => {
    expect([read(word, '"yes"'), read(word, "1"), read(word, '"1"'), read(word, '"Yes"'), read(word, "null")]).toEqual([
      1,
      "refused",
      "refused",
      "refused",
      0,
    ]);
  });

  test("names of members may be integers, with leading zeros, and with signs where the type has them", () => {
    const keys = (schema: Schema<bigint>, key: string): unknown => {
      const found = read(map(schema, text({ max: 9 }), { max: 9 }), `{"${key}":""}`);
      return found === "refused" ? found : Array.from(found.keys());
    };
    expect(["7", "007", "18446744073709551615"].map((key) => keys(u64, key))).toEqual([[7n], [7n], [(1n << 64n) - 1n]]);
    expect(["", "+7", "-7", "7.0", " 7", "18446744073709551616"].map((key) => keys(u64, key))).toEqual(
      Array.from({ length: 6 }, () => "refused"),
    );
    expect(["+7", "-7"].map((key) => keys(i64, key))).toEqual([[7n], [-7n]]);
  });

  test("times name days that exist, in upper case; an hour may have one digit, a second any fraction", () => {
    const nanos = (json: string): unknown => {
      const found = read(time, `"${json}"`);
      return found === "refused" ? found : `${found.seconds}.${found.nanos}`;
    };
    expect(nanos("2006-01-02T05:04:05Z")).toBe("1136178245.0");
    expect(nanos("2006-01-02T5:04:05,5Z")).toBe("1136178245.500000000");
    expect(nanos("2006-01-02T05:04:05.1234567899Z")).toBe("1136178245.123456789");
    for (const wrong of [
      "2006-02-30T05:04:05Z",
      "2006-01-02t05:04:05Z",
      "2006-01-02T05:04:05z",
      "2006-01-02 05:04:05Z",
    ]) {
      expect([wrong, nanos(wrong)]).toEqual([wrong, "refused"]);
    }
    expect(nanos("0000-01-01T00:00:00Z")).toBe("-62167219200.0");
    expect(time.toJson({ seconds: -62167219200n, nanos: 0 })).toBe("0000-01-01T00:00:00Z");
    expect([nanos("2005-02-29T00:00:00Z"), nanos("2004-02-29T00:00:00Z")]).toEqual(["refused", "1078012800.0"]);
  });
});
