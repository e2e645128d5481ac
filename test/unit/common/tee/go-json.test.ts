import { describe, expect, test } from "vitest";
import { concatBytes, toHex, utf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import {
  decodeGoJson,
  goArray,
  goBytes,
  goInt,
  goInt32,
  goPointer,
  type GoShape,
  goSlice,
  goString,
  goStruct,
  goUint16,
  goWord,
} from "#common/tee/go-json.js";

const decode = <T>(shape: GoShape<T>, text: string): T => decodeGoJson(shape, utf8(text));

interface Pair {
  readonly name: string;
  readonly size: number;
}
const Pair = goStruct<Pair>({ name: goString, size: goUint16 });

describe("JSON structs as Go decodes them", () => {
  test("match member names in any case and skip unknown members", () => {
    expect(decode(Pair, '{"NAME":"a","\u017fiZe":3,"other":{"deep":[1,2.5e3,null]}}')).toEqual({ name: "a", size: 3 });
    expect(decode(Pair, "{}")).toEqual({ name: "", size: 0 });
  });

  test("keep what a repeated member had when null follows", () => {
    expect(decode(Pair, '{"size":1,"size":2,"name":"a","name":null}')).toEqual({ name: "a", size: 2 });
  });

  test("merge repeated structs", () => {
    const Outer = goStruct<{ readonly pair: Pair }>({ pair: Pair });
    expect(decode(Outer, '{"pair":{"name":"a"},"Pair":{"size":7}}')).toEqual({ pair: { name: "a", size: 7 } });
  });

  test("refuse anything but an object", () => {
    for (const text of ["1", '"a"', "[]", "true"]) expect(() => decode(Pair, text)).toThrow(DecodeError);
    expect(decode(Pair, "null")).toEqual({ name: "", size: 0 });
  });
});

describe("JSON numbers as Go decodes them", () => {
  test("are integers without fraction or exponent, in range", () => {
    expect([decode(goUint16, "65535"), decode(goInt32, "-2147483648"), decode(goInt32, "-0")]).toEqual([
      65535, -2147483648, 0,
    ]);
    for (const text of [
      "65536",
      "-1",
      "-0",
      "1.0",
      "1e0",
      '"1"',
      "true",
      "01",
      "+1",
      "123456789012345678901234567890",
    ]) {
      expect(() => decode(goUint16, text), text).toThrow(DecodeError);
    }
    expect(() => decode(goInt, "9223372036854775808")).toThrow(DecodeError);
  });
});

describe("JSON arrays as Go decodes them", () => {
  test("of fixed length are filled up with zeros and cut", () => {
    const three = goArray(goUint16, 3);
    expect([decode(three, "[]"), decode(three, "[1]"), decode(three, '[1,2,3,"4"]')]).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [1, 2, 3],
    ]);
    expect(decode(three, "null")).toEqual([0, 0, 0]);
    expect(() => decode(three, "{}")).toThrow(DecodeError);
  });

  test("of any length may be null", () => {
    expect([decode(goSlice(goString), "null"), decode(goSlice(goString), '["a",null]')]).toEqual([[], ["a", ""]]);
  });
});

describe("JSON strings as Go decodes them", () => {
  test("may have escapes; lone surrogates and bytes that are no UTF-8 become U+FFFD", () => {
    expect(decode(goString, String.raw`"\u0041\n\/\"\\\ud83d\ude00\ud800"`)).toBe('A\n/"\\\u{1f600}\ufffd');
    const raw = concatBytes(utf8('"a'), Uint8Array.of(0xff), utf8('b"'));
    expect(decodeGoJson(goString, raw)).toBe("a\ufffdb");
  });

  test("refuse control characters and unknown escapes", () => {
    for (const text of ['"\n"', String.raw`"\x"`, String.raw`"\u00g0"`, '"open', "'a'"]) {
      expect(() => decode(goString, text), text).toThrow(DecodeError);
    }
  });

  test("stand for bytes and words", () => {
    const Word = goWord<number>({ yes: 1, no: 2 }, 0);
    expect([decode(Word, "null"), decode(Word, '"no"'), decode(goPointer(Word), "null")]).toEqual([0, 2, undefined]);
    for (const text of ['"No"', "1", '"constructor"']) expect(() => decode(Word, text)).toThrow(DecodeError);
    expect(toHex(decode(goBytes, '"AQ\\nID"'))).toBe("010203");
    expect(decode(goBytes, "null").length).toBe(0);
    expect(() => decode(goBytes, '"AQI"')).toThrow(DecodeError);
  });
});

describe("JSON documents", () => {
  test("have nothing after them and no needless commas", () => {
    for (const text of ["", "1 2", "[1,]", '{"a":1,}', "{1:2}", '{"a" 1}', "[1", "nul", "{"]) {
      expect(() => decode(goPointer(goSlice(goPointer(Pair))), text), text).toThrow(DecodeError);
    }
    expect(decode(goUint16, " \t\r\n7 ")).toBe(7);
  });

  test("nest only so deep and take linear time", () => {
    expect(() => decode(Pair, `${"[".repeat(100_000)}`)).toThrow("nested deeper");
    expect(decode(goString, `"${"\\n".repeat(200_000)}"`).length).toBe(200_000);
    expect(() => decode(goString, `"${"a".repeat(1_000_000)}`)).toThrow("malformed string");
  });
});
