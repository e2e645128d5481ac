import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { Quantity } from "#common/quantity.js";
import {
  bool,
  byteArray,
  bytes,
  fixedBytes,
  type Infer,
  list,
  map,
  named,
  extension,
  nullable,
  omitEmpty,
  optional,
  raw,
  type Schema,
  struct,
  text,
  u64,
  u8,
} from "#common/schema/index.js";

const max = { max: 100 };
const Key = fixedBytes("Key", 4, { json: "hex" });

class Inner extends struct("Inner", { x: omitEmpty(u64), y: omitEmpty(text(max)) }) {}

/** A struct with the one field `f`. */
function only<T>(field: Schema<T>): Schema<{ f: T }> {
  return struct("Only", { f: field }) as unknown as Schema<{ f: T }>;
}

/** How the field is written for each value, as hexadecimal; "a0" means left out. */
function written<T>(field: Schema<T>, values: readonly T[]): string[] {
  return values.map((f) => toHex(only(field).encode({ f })).replace(/^a16166/, ""));
}

function readBack<T>(field: Schema<T>, hex: string): T {
  return (only(field).decode(fromHex(hex === "" ? "a0" : `a16166${hex}`)) as { f: T }).f;
}

const empty = new Uint8Array(0);

describe("a plain field", () => {
  it("is always written", () => {
    expect(written(u64, [0n, 1n])).toEqual(["00", "01"]);
    expect(written(bytes(max), [empty])).toEqual(["40"]);
    expect(written(list(u8, max), [[]])).toEqual(["80"]);
    expect(written(Quantity, [0n])).toEqual(["40"]);
    expect(written(Inner, [Inner.zero()])).toEqual(["a0"]);
  });

  it("reads absence and null as the zero value", () => {
    for (const hex of ["", "f6", "f7"]) {
      expect(readBack(u64, hex)).toBe(0n);
      expect(readBack(bool, hex)).toBe(false);
      expect(readBack(bytes(max), hex)).toEqual(empty);
      expect(readBack(Key, hex)).toEqual(new Uint8Array(4));
      expect(readBack(list(u8, max), hex)).toEqual([]);
      expect(readBack(map(u8, u8, max), hex).size).toBe(0);
      expect(readBack(Inner, hex)).toEqual({ x: 0n, y: "" });
    }
  });
});

describe("omitEmpty", () => {
  it("leaves out what Go calls empty", () => {
    expect(written(omitEmpty(u64), [0n, 1n])).toEqual(["a0", "01"]);
    expect(written(omitEmpty(bool), [false, true])).toEqual(["a0", "f5"]);
    expect(written(omitEmpty(text(max)), ["", "a"])).toEqual(["a0", "6161"]);
    expect(written(omitEmpty(bytes(max)), [empty, Uint8Array.of(0)])).toEqual(["a0", "4100"]);
    expect(written(omitEmpty(list(u8, max)), [[], [0]])).toEqual(["a0", "8100"]);
    expect(written(omitEmpty(Quantity), [0n, 256n])).toEqual(["a0", "420100"]);
    expect(written(omitEmpty(raw), [empty, fromHex("f6")])).toEqual(["a0", "f6"]);
    const entries = map(u8, u8, max).zero().set(1, 2);
    expect(written(omitEmpty(map(u8, u8, max)), [map(u8, u8, max).zero(), entries])).toEqual(["a0", "a10102"]);
  });

  it("never leaves out a key or hash, and a struct only when all its fields are left out", () => {
    expect(written(omitEmpty(Key), [new Uint8Array(4)])).toEqual(["4400000000"]);
    expect(written(omitEmpty(Inner), [Inner.zero(), { x: 1n, y: "" }])).toEqual(["a0", "a1617801"]);
    class Always extends struct("Always", { a: u8, b: omitEmpty(u8) }) {}
    expect(written(omitEmpty(Always), [Always.zero()])).toEqual(["a1616100"]);
    class Nothing extends struct("Nothing", {}) {}
    expect(written(omitEmpty(Nothing), [{}])).toEqual(["a0"]);
  });

  it("tells nil from empty after reading when it holds a nullable, and writes neither", () => {
    const field = omitEmpty(nullable(bytes(max)));
    expect(written(field, [null, empty, Uint8Array.of(1)])).toEqual(["a0", "a0", "4101"]);
    expect([readBack(field, ""), readBack(field, "f6"), readBack(field, "40")]).toEqual([null, null, empty]);
  });
});

describe("optional", () => {
  it("keeps a present zero and leaves out what is undefined", () => {
    expect(written(optional(u64), [undefined, 0n])).toEqual(["a0", "00"]);
    expect(written(optional(Quantity), [undefined, 0n])).toEqual(["a0", "40"]);
    expect(written(optional(Inner), [undefined, Inner.zero()])).toEqual(["a0", "a0"]);
    expect(toHex(only(optional(Inner)).encode({ f: Inner.zero() }))).toBe("a16166a0");
    expect([readBack(optional(u64), ""), readBack(optional(u64), "f6"), readBack(optional(u64), "00")]).toEqual([
      undefined,
      undefined,
      0n,
    ]);
  });

  it("is an optional property of the type", () => {
    class Mixed extends struct("Mixed", { a: u8, b: optional(u8) }) {}
    const value: Infer<typeof Mixed> = { a: 1 };
    expect(toHex(Mixed.encode(value))).toBe("a1616101");
    expect(Mixed.decode(fromHex("a1616101"))).toEqual({ a: 1 });
  });
});

describe("extension", () => {
  class Extended extends struct("Extended", { a: u8, bb: extension(optional(u8)), c: extension(omitEmpty(bool)) }) {}
  const full = "a36161016163f562626207";

  it("writes nothing where there is nothing", () => {
    expect(toHex(Extended.encode({ a: 1, c: false }))).toBe("a1616101");
    expect(toHex(Extended.encode({ a: 1, bb: 7, c: true }))).toBe(full);
  });

  it("is an unknown field to the untrusted decoder, in every order and spelling", () => {
    for (const hex of [full, "a262626207616101", "a261610162424207", "a2616101626262f6"]) {
      expect(() => Extended.decode(fromHex(hex)), hex).toThrow(/unknown field "(bb|BB|c)" of Extended/);
    }
    expect(Extended.decode(fromHex("a1616101"))).toEqual({ a: 1, bb: undefined, c: false });
  });

  it("is a field to all others, but never null", () => {
    for (const mode of ["extended", "rpc", "trusted", "runtime"] as const) {
      expect(Extended.decode(fromHex(full), mode), mode).toEqual({ a: 1, bb: 7, c: true });
      expect(Extended.decode(fromHex("a1616101"), mode), mode).toEqual({ a: 1, bb: undefined, c: false });
      expect(() => Extended.decode(fromHex("a2616101626262f6"), mode), mode).toThrow(/null instead of no field/);
    }
    expect(() => Extended.decode(fromHex("a2616101616401"), "extended")).toThrow(/unknown field "d"/);
    expect(() => Extended.decode(fromHex("a36161016262620762626207"), "extended")).toThrow(/duplicate field/);
  });

  it("keeps its modifier under another name", () => {
    class Renamed extends struct("Renamed", { a: named("other", extension(optional(u8))) }) {}
    expect(() => Renamed.decode(Renamed.encode({ a: 1 }))).toThrow(/unknown field "other"/);
    expect(Renamed.decode(Renamed.encode({ a: 1 }), "extended")).toEqual({ a: 1 });
  });
});

describe("nullable", () => {
  it("writes null and tells it from empty", () => {
    expect(written(nullable(bytes(max)), [null, empty])).toEqual(["f6", "40"]);
    expect(written(nullable(list(u8, max)), [null, []])).toEqual(["f6", "80"]);
    const field = nullable(list(u8, max));
    expect([readBack(field, ""), readBack(field, "f6"), readBack(field, "80")]).toEqual([null, null, []]);
    expect(field.toJson(null)).toBe(null);
    expect(field.fromJson(null)).toBe(null);
  });
});

describe("named", () => {
  it("replaces the snake-case name and keeps the other modifiers", () => {
    class Names extends struct("Names", {
      gasWanted: u8,
      u8Value: u8,
      runtimeID: u8,
      other: named("Other", omitEmpty(u8)),
    }) {}
    expect(Names.toJson({ gasWanted: 1, u8Value: 2, runtimeID: 3, other: 0 })).toEqual({
      gas_wanted: 1,
      u8_value: 2,
      runtime_id: 3,
    });
    expect(toHex(Names.encode({ ...Names.zero(), other: 5 }))).toContain("654f7468657205");
  });
});

describe("byteArray", () => {
  it("cuts and fills as Go does", () => {
    const field = byteArray(3);
    expect(readBack(field, "450102030405")).toEqual(Uint8Array.of(1, 2, 3));
    expect(readBack(field, "4101")).toEqual(Uint8Array.of(1, 0, 0));
    expect(readBack(field, "8501020361616162")).toEqual(Uint8Array.of(1, 2, 3));
    expect(field.toJson(Uint8Array.of(1, 2, 3))).toEqual([1, 2, 3]);
    expect(field.fromJson([7])).toEqual(Uint8Array.of(7, 0, 0));
  });
});
