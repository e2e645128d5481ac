import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import {
  bytes,
  enumeration,
  fixedBytes,
  i64,
  lazy,
  list,
  map,
  nothing,
  nullable,
  omitEmpty,
  optional,
  type Schema,
  struct,
  text,
  time,
  tuple,
  u16,
  u32,
  u64,
  u8,
  unionOf,
  versionOf,
  withForms,
} from "#common/schema/index.js";

const max = { max: 1000 };

class Pair extends struct("Pair", { longName: u8, ab: u8, aa: u8, c: omitEmpty(u8) }) {}

describe("a struct", () => {
  it("writes its fields by length of the name, then bytewise", () => {
    expect(toHex(Pair.encode({ longName: 1, ab: 2, aa: 3, c: 4 }))).toBe(
      "a46163046261610362616202696c6f6e675f6e616d6501",
    );
  });

  it("prints JSON in declaration order", () => {
    expect(Object.keys(Pair.toJson({ longName: 1, ab: 2, aa: 3, c: 4 }) as object)).toEqual([
      "long_name",
      "ab",
      "aa",
      "c",
    ]);
  });

  it("reads any order, any case and long heads, and refuses the rest by name", () => {
    expect(Pair.decode(fromHex("a362616203624161180361631804"))).toEqual({ longName: 0, ab: 3, aa: 3, c: 4 });
    expect(() => Pair.decode(fromHex("a1617a01"))).toThrow('unknown field "z" of Pair');
    expect(Pair.decode(fromHex("a1617a01"), "rpc")).toEqual(Pair.zero());
    expect(() => Pair.decode(fromHex("a26261610162616102"))).toThrow('duplicate field "aa"');
    expect(() => Pair.decode(fromHex("a2614101614102"), "rpc")).toThrow("duplicate");
    expect(() => Pair.decode(fromHex("a1410101"))).toThrow("neither text nor integer");
    expect(() => Pair.decode(fromHex("a1410101"), "rpc")).toThrow(DecodeError);
  });

  it("in trusted mode keeps the first of a repeated field, and the last of a repeated map key", () => {
    expect(Pair.decode(fromHex("a26261610162616102"), "trusted").aa).toBe(1);
    expect(map(u8, u8, max).decode(fromHex("a201010102"), "trusted").get(1)).toBe(2);
    expect(() => map(u8, u8, max).decode(fromHex("a201010102"))).toThrow("duplicate map key");
  });

  it("counts a second spelling of the same unknown or known key once in rpc mode", () => {
    expect(Pair.decode(fromHex("a26261610162414102"), "rpc").aa).toBe(1);
    expect(() => Pair.decode(fromHex("a26241410162414102"), "rpc")).toThrow("duplicate");
    expect(() => Pair.decode(fromHex("a220011bffffffffffffffff02"), "rpc")).toThrow("duplicate");
    expect(Pair.decode(fromHex("a220012102"), "rpc")).toEqual(Pair.zero());
  });

  it("names the path to the broken field", () => {
    class Outer extends struct("Outer", { inner: Pair, items: list(Pair, max), byKey: map(text(max), Pair, max) }) {}
    const path = (hex: string): string => {
      try {
        Outer.decode(fromHex(hex));
      } catch (error) {
        return (error as DecodeError).path;
      }
      return "";
    };
    expect(path("a165696e6e6572a16261616178")).toBe("inner.aa");
    expect(path("a1656974656d7382a0a1626161f5")).toBe("items[1].aa");
    expect(path("a16662795f6b6579a16178a1626161f5")).toBe("by_key[0].aa");
    expect(() => Outer.fromJson({ inner: { aa: "x" } })).toThrow("inner.aa");
  });

  it("compares by value", () => {
    expect(Pair.equals(Pair.zero(), { longName: 0, ab: 0, aa: 0, c: 0 })).toBe(true);
    expect(Pair.equals(Pair.zero(), { longName: 0, ab: 1, aa: 0, c: 0 })).toBe(false);
  });

  it("encodes inside an encoder without mixing them up", () => {
    const nested: Schema<bigint> = withForms(u64, { write: (w, v) => w.bytes(u64.encode(v)) });
    class Deep extends struct("Deep", { a: nested, b: u64 }) {}
    expect(toHex(Deep.encode({ a: 300n, b: 1n }))).toBe("a261614319012c616201");
  });

  it("may refer to itself", () => {
    interface Tree {
      readonly left?: Tree | undefined;
    }
    const Tree: Schema<Tree> = struct("Tree", { left: optional(lazy("Tree", () => Tree)) }) as unknown as Schema<Tree>;
    expect(Tree.decode(Tree.encode({ left: { left: {} } }))).toEqual({ left: { left: {} } });
  });
});

describe("integers", () => {
  it("keep 64 bits", () => {
    const top = 2n ** 64n - 1n;
    expect(toHex(u64.encode(top))).toBe("1bffffffffffffffff");
    expect(u64.decode(u64.encode(top))).toBe(top);
    for (const v of [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 0n, 23n, 24n, 255n, 256n, 65535n, 65536n, 2n ** 32n]) {
      expect(u64.decode(u64.encode(v))).toBe(v);
    }
    for (const v of [-1n, -24n, -25n, -(2n ** 63n), 2n ** 63n - 1n]) expect(i64.decode(i64.encode(v))).toBe(v);
    expect(() => i64.decode(fromHex("1b8000000000000000"))).toThrow(DecodeError);
    expect(() => i64.decode(fromHex("3b8000000000000000"))).toThrow(DecodeError);
    expect(() => u64.decode(fromHex("20"))).toThrow(DecodeError);
  });

  it("stay in their range", () => {
    expect(() => u8.decode(fromHex("190100"))).toThrow("limit 255");
    expect(() => u16.decode(fromHex("1a00010000"))).toThrow("limit 65535");
    expect(() => u32.decode(fromHex("1b0000000100000000"))).toThrow("limit 4294967295");
    expect(() => u8.fromJson(256)).toThrow(DecodeError);
    expect(() => u8.fromJson(-1)).toThrow(DecodeError);
    expect(() => u8.fromJson(1.5)).toThrow(DecodeError);
  });

  it("are JSON numbers while exact, then bigint", () => {
    expect(u64.toJson(5n)).toBe(5);
    expect(u64.toJson(2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
    expect(u64.fromJson(2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
  });
});

describe("other types", () => {
  it("enumerations are words in JSON and numbers on the wire", () => {
    const Role = enumeration("Role", { worker: 1, "backup-worker": 2 });
    expect([Role.toJson(1), Role.fromJson("backup-worker"), Role.toJson(9)]).toEqual(["worker", 2, 9]);
    expect(Role.decode(fromHex("09"))).toBe(9);
    expect(() => Role.fromJson("boss")).toThrow('unknown Role "boss"');
  });

  it("tuples are arrays of an exact length", () => {
    const Roots = tuple("Roots", [u8, nullable(bytes(max))]);
    expect(toHex(Roots.encode([1, null]))).toBe("8201f6");
    expect(() => Roots.decode(fromHex("8101"))).toThrow("must have 2");
    expect(() => Roots.decode(fromHex("83010101"))).toThrow(DecodeError);
    expect(() => Roots.decode(fromHex("a0"))).toThrow(DecodeError);
    expect(Roots.decode(fromHex("f6"))).toEqual([0, null]);
  });

  it("unions are maps with one known key", () => {
    const Body = unionOf("Body", { Ping: Pair, Pong: nothing });
    const ping = { type: "Ping" as const, value: Pair.zero() };
    expect(Body.decode(Body.encode(ping))).toEqual(ping);
    expect(Body.fromJson(Body.toJson({ type: "Pong", value: null }))).toEqual({ type: "Pong", value: null });
    for (const hex of ["a0", "a16178a0", "a26450696e67a064506f6e67f6", "80", "f6", "a16974726f746f5f5fa0"]) {
      expect(() => Body.decode(fromHex(hex)), hex).toThrow(DecodeError);
    }
    expect(() => Body.fromJson({ __proto__x: 1 })).toThrow(DecodeError);
    expect(() => Body.fromJson({ toString: 1 })).toThrow("unknown variant");
  });

  it("maps may have structs, bytes and integers as keys, in canonical order", () => {
    const ByPair = map(Pair, u8, max);
    const m = ByPair.zero().set({ longName: 2, ab: 0, aa: 0, c: 0 }, 2).set(Pair.zero(), 1);
    expect([...ByPair.decode(ByPair.encode(m)).values()]).toEqual([1, 2]);
    const ByNumber = map(u64, u8, max);
    const n = ByNumber.decode(fromHex("a3190100010002181803"));
    expect([...n.keys()]).toEqual([0n, 24n, 256n]);
    expect(ByNumber.toJson(n)).toEqual({ "0": 2, "24": 3, "256": 1 });
    expect(ByNumber.fromJson({ "256": 1 }).get(256n)).toBe(1);
    expect(() => map(u8, u8, { max: 1 }).decode(fromHex("a201010202"))).toThrow("limit 1");
  });

  it("time is unix seconds, RFC 3339 in JSON, and null when it is Go's zero", () => {
    const t = time.fromJson("2019-11-27T12:38:04.5+01:00");
    expect(time.toJson(t)).toBe("2019-11-27T11:38:04.5Z");
    expect(toHex(time.encode(t))).toBe("1a5dde601c");
    expect(toHex(time.encode(time.zero()))).toBe("f6");
    expect(time.toJson(time.decode(fromHex("f6")))).toBe("0001-01-01T00:00:00Z");
    expect(() => time.fromJson("yesterday")).toThrow(DecodeError);
  });

  it("fixed bytes have an exact length, an array in their place none", () => {
    const Key = fixedBytes("Key", 3, { json: "base64" });
    expect(() => Key.decode(fromHex("420102"))).toThrow("Key has 2 bytes, must have 3");
    expect(Key.decode(fromHex("8101"))).toEqual(Uint8Array.of(1, 0, 0));
    expect(Key.decode(fromHex("8401f6036161"))).toEqual(Uint8Array.of(1, 0, 3));
    expect(() => Key.decode(fromHex("8219010001"))).toThrow(DecodeError);
    expect(Key.fromJson("AQID")).toEqual(Uint8Array.of(1, 2, 3));
    expect(() => Key.fromJson("AQ==")).toThrow(DecodeError);
  });

  it("versionOf looks at v alone", () => {
    expect(versionOf(fromHex("a2617603616101"))).toBe(3);
    expect(versionOf(fromHex("a0"))).toBe(undefined);
    expect(versionOf(fromHex("a1617619ffff"))).toBe(undefined);
    expect(() => versionOf(fromHex("a1617661"))).toThrow(DecodeError);
  });

  it("is SortedMap that map values are", () => {
    expect(map(u8, u8, max).zero()).toBeInstanceOf(SortedMap);
  });
});
