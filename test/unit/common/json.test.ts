import { describe, expect, it } from "vitest";
import { DecodeError } from "#common/errors/index.js";
import { type Json, parseJson, printJson } from "#common/json.js";
import { bytes, map, struct, text, u64 } from "#common/schema/index.js";

describe("printing", () => {
  it("escapes as Go does", () => {
    expect(printJson('<&>"\\/\u2028\u2029\u0000\b\f\n\r\t\u007f\u001f')).toBe(
      '"\\u003c\\u0026\\u003e\\"\\\\/\\u2028\\u2029\\u0000\\u0008\\u000c\\n\\r\\t\u007f\\u001f"',
    );
    expect(printJson("a\\b and \\f")).toBe('"a\\\\b and \\\\f"');
    expect(printJson("é😀\ufffd")).toBe('"é😀\ufffd"');
    expect(printJson("x\ud800y")).toBe('"x\\ufffdy"');
  });

  it("keeps large integers exact", () => {
    expect(printJson({ a: 2n ** 64n - 1n, b: [1, -5n] })).toBe('{"a":18446744073709551615,"b":[1,-5]}');
  });

  it("indents like Go's MarshalIndent", () => {
    expect(printJson({ a: [1, { b: null }], c: {}, d: [] }, 2)).toBe(
      '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": {},\n  "d": []\n}',
    );
  });

  it("orders the keys of maps by their text, integers too", () => {
    const ByNumber = map(u64, u64, { max: 10 });
    const m = ByNumber.zero().set(10n, 1n).set(9n, 2n).set(100n, 3n);
    expect(printJson(ByNumber.toJson(m))).toBe('{"10":1,"100":3,"9":2}');
  });
});

describe("parsing", () => {
  it("reads what it prints", () => {
    const values: Json[] = [
      null,
      true,
      0,
      -1,
      1.5,
      1e300,
      2n ** 63n,
      "",
      "😀",
      [],
      {},
      [[]],
      { "": { a: ["\u0001"] } },
    ];
    for (const value of values) expect(parseJson(printJson(value))).toEqual(value);
    expect(parseJson(' {"a" : [ 1 , 2.50 , -0 ] }\n')).toEqual({ a: [1, 2.5, -0] });
  });

  it("lets a repeated member overwrite and a lone surrogate become U+FFFD", () => {
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
    expect(parseJson('"\\ud800x\\udc00"')).toBe("\ufffdx\ufffd");
    expect(parseJson('"\\ud83d\\ude00"')).toBe("😀");
  });

  it("treats __proto__ as any other name", () => {
    const parsed = parseJson('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
    expect(Object.keys(parsed)).toEqual(["__proto__"]);
    expect(({} as { polluted?: boolean }).polluted).toBe(undefined);
  });

  it("refuses everything else with its place", () => {
    const bad = [
      "",
      "{",
      "[1,]",
      '{"a":1,}',
      "01",
      "1.",
      ".5",
      "+1",
      "nul",
      '"\n"',
      '"\\x"',
      '"\\u12g4"',
      "[1] 2",
      "'a'",
      "NaN",
    ];
    for (const text of bad) expect(() => parseJson(text), text).toThrow(DecodeError);
  });

  it("bounds nesting and the length of numbers", () => {
    expect(() => parseJson("[".repeat(100_000))).toThrow("nesting");
    expect(() => parseJson("9".repeat(1_000_000))).toThrow("1000 characters");
    expect(parseJson(`"${"a".repeat(1_000_000)}"`)).toHaveLength(1_000_000);
    expect(parseJson(`"${"\\n".repeat(500_000)}"`)).toHaveLength(500_000);
    expect(parseJson(`[${"1,".repeat(300_000)}1]`)).toHaveLength(300_001);
  });
});

describe("structs from JSON", () => {
  class S extends struct("S", { someName: u64, data: bytes({ max: 10 }), word: text({ max: 10 }) }) {}

  it("ignore unknown members, case and null", () => {
    expect(S.fromJson({ SOME_NAME: 5, extra: [1], data: null })).toEqual({
      someName: 5n,
      data: new Uint8Array(0),
      word: "",
    });
  });

  it("read bytes from base64, line breaks included, and from numbers", () => {
    expect(S.fromJson({ data: "AQ\nID" }).data).toEqual(Uint8Array.of(1, 2, 3));
    expect(S.fromJson({ data: [1, null, 255] }).data).toEqual(Uint8Array.of(1, 0, 255));
    for (const data of ["AQ", "A===", [256], [-1], ["1"], 5, {}]) {
      expect(() => S.fromJson({ data: data as Json }), JSON.stringify(data)).toThrow(DecodeError);
    }
    expect(() => S.fromJson({ data: "AAAAAAAAAAAAAAAA" })).toThrow("limit 10");
  });
});
