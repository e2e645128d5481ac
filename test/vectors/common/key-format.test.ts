import { expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import {
  type KeyElement,
  KeyFormat,
  keyBytes,
  keyHashed,
  keyI64,
  keyRest,
  keyU8,
  keyU16,
  keyU32,
  keyU64,
} from "#common/key-format.js";
import { describeVectors } from "../support/vectors.ts";

type Item =
  | { t: "u8" | "u16" | "u32"; v: number }
  | { t: "u64"; v: number | string }
  | { t: "bytes" | "var" | "hashed"; v: string };

interface Vector {
  prefix: number;
  elements: Item[];
  encoded: string;
}

function elementOf(item: Item): { element: KeyElement<unknown>; value: unknown; decoded: unknown } {
  const both = (element: KeyElement<unknown>, value: unknown) => ({ element, value, decoded: value });
  switch (item.t) {
    case "u8":
      return both(keyU8, item.v);
    case "u16":
      return both(keyU16, item.v);
    case "u32":
      return both(keyU32, item.v);
    case "u64":
      return both(keyU64, BigInt(item.v));
    case "bytes":
      return both(keyBytes(item.v.length / 2), fromHex(item.v));
    case "var":
      return both(keyRest, fromHex(item.v));
    case "hashed":
      return { element: keyHashed, value: fromHex(item.v), decoded: hash(fromHex(item.v)) };
  }
}

describeVectors<{ vectors: Vector[] }>("common/keyformat.json", ({ vectors }) => {
  it.each(vectors)("$encoded is built and read", ({ prefix, elements, encoded }) => {
    const items = elements.map(elementOf);
    const format = new KeyFormat(prefix, ...items.map(({ element }) => element));
    const key = format.encode(...(items.map(({ value }) => value) as never[]));
    expect(toHex(key)).toBe(encoded);
    expect(format.decode(key)).toEqual(items.map(({ decoded }) => decoded));
    const other = key.slice();
    other[0] = (prefix + 1) % 256;
    expect(format.decode(other)).toBeUndefined();
  });
});

it("a key with fewer values is the prefix of a range", () => {
  const format = new KeyFormat(0x53, keyBytes(2), keyRest, keyI64);
  const key = format.encode(fromHex("0102"), fromHex("aa"), -1n);
  expect(toHex(key)).toBe("530102aaffffffffffffffff");
  expect(toHex(format.encode(fromHex("0102")))).toBe("530102");
  expect(toHex(format.encode())).toBe("53");
  expect(format.decode(key)).toEqual([fromHex("0102"), fromHex("aa"), -1n]);
  expect(() => format.decode(fromHex("530102"))).toThrow("A state key");
  expect(() => format.encode(fromHex("01"))).toThrow("2 bytes");
});
