import { describe, expect, it } from "vitest";
import { concatBytes, fromHex, utf8 } from "#common/bytes.js";
import { CborWriter } from "#common/cbor/writer.js";
import { DecodeError } from "#common/errors/index.js";
import {
  bytes,
  list,
  map,
  type Mode,
  nullable,
  raw,
  type Schema,
  struct,
  text,
  u64,
  u8,
  versionOf,
} from "#common/schema/index.js";
import { Node } from "#consensus/services/registry/types/node.js";

const BIG = { max: 10_000_000 };
const Anything: Schema<unknown>[] = [
  raw,
  bytes(BIG),
  text(BIG),
  list(u64, BIG),
  list(list(u8, BIG), BIG),
  map(u64, u64, BIG),
  map(bytes(BIG), raw, BIG),
  struct("S", { a: u64, b: raw }),
  Node,
];
const MODES: readonly Mode[] = ["untrusted", "rpc", "trusted", "runtime"];

function refusedByAll(input: Uint8Array): void {
  for (const schema of Anything)
    for (const mode of MODES) expect(() => schema.decode(input, mode)).toThrow(DecodeError);
}

function repeated(hex: string, times: number): Uint8Array {
  const unit = fromHex(hex);
  const out = new Uint8Array(unit.length * times);
  for (let i = 0; i < times; i++) out.set(unit, i * unit.length);
  return out;
}

/** An encoded map with the given number of entries. */
function mapOf(entries: number, write: (w: CborWriter, i: number) => void): Uint8Array {
  const w = new CborWriter();
  w.map(entries);
  for (let i = 0; i < entries; i++) write(w, i);
  return w.finish();
}

describe("hostile input costs no more than its length", () => {
  it("refuses lengths that announce more than there is, before anything is allocated", () => {
    for (const head of ["5b", "7b", "9b", "bb"]) {
      refusedByAll(fromHex(`${head}7fffffffffffffff00`));
      refusedByAll(fromHex(`${head}ffffffffffffffff00`));
      refusedByAll(fromHex(`${head}00000000ffffffff00`));
    }
    for (const head of ["5a", "7a", "9a", "ba"]) refusedByAll(fromHex(`${head}0098967f00`));
    refusedByAll(fromHex("9b0000000000989681"));
  });

  it("refuses deep nesting without using up the stack", () => {
    for (const unit of ["81", "a100", "a16161", "9f", "bf00", "c1", "8181", "d9d9f7"])
      refusedByAll(repeated(unit, 300_000));
  });

  it("counts 32 levels as the reference does, and 64 as the runtime side does", () => {
    const nested = (levels: number): Uint8Array => concatBytes(repeated("81", levels), fromHex("00"));
    for (const mode of ["untrusted", "rpc", "trusted"] as const) {
      expect(raw.decode(nested(32), mode)).toHaveLength(33);
      expect(() => raw.decode(nested(33), mode)).toThrow("nesting deeper than 32");
    }
    expect(raw.decode(nested(64), "runtime")).toHaveLength(65);
    expect(() => raw.decode(nested(65), "runtime")).toThrow("nesting deeper than 64");
    // A row of tags counts as levels but for its first.
    expect(raw.decode(concatBytes(repeated("c1", 33), fromHex("00")), "trusted")).toHaveLength(34);
    expect(() => raw.decode(concatBytes(repeated("c1", 34), fromHex("00")), "trusted")).toThrow("nesting");
  });

  it("reads large maps with keys in the worst order, and refuses repeated keys at the first one", () => {
    const n = 50_000;
    const falling = mapOf(n, (w, i) => {
      w.uint(n - i);
      w.uint(1);
    });
    expect(map(u64, u64, BIG).decode(falling).size).toBe(n);
    expect(() => map(u64, u64, BIG).decode(falling, "runtime")).toThrow("not sorted");
    const same = mapOf(1_000_000, (w) => {
      w.uint(7);
      w.uint(7);
    });
    expect(() => map(u64, u64, BIG).decode(same)).toThrow("duplicate map key 1");
    expect(map(u64, u64, BIG).decode(same, "trusted").size).toBe(1);
  });

  it("skips many unknown fields where they are let through", () => {
    const S = struct("S", { a: u64 });
    const strangers = mapOf(100_000, (w, i) => {
      w.text(`x${i}`);
      w.null();
    });
    expect(S.decode(strangers, "rpc")).toEqual({ a: 0n });
    expect(() => S.decode(strangers)).toThrow('unknown field "x0"');
    const long = mapOf(1, (w) => {
      w.text("k".repeat(1_000_000));
      w.bytes(new Uint8Array(1_000_000));
    });
    expect(S.decode(long, "rpc")).toEqual({ a: 0n });
    expect(versionOf(long)).toBe(undefined);
  });

  it("takes strings of very many chunks in trusted mode only", () => {
    const chunked = concatBytes(fromHex("5f"), repeated("4101", 300_000), fromHex("ff"));
    expect(bytes(BIG).decode(chunked, "trusted")).toHaveLength(300_000);
    expect(() => bytes(BIG).decode(chunked)).toThrow("indefinite");
    expect(() => bytes({ max: 10 }).decode(chunked, "trusted")).toThrow("limit");
    const openList = concatBytes(fromHex("9f"), repeated("01", 300_000), fromHex("ff"));
    expect(list(u8, BIG).decode(openList, "trusted")).toHaveLength(300_000);
    expect(() => list(u8, { max: 10 }).decode(openList, "trusted")).toThrow("more than 10");
    for (const hex of ["5f6161ff", "5f5f4101ffff", "7f4161ff", "5f41", "9f01", "bf01ff", "5f00ff", "ff"]) {
      for (const schema of Anything) expect(() => schema.decode(fromHex(hex), "trusted"), hex).toThrow(DecodeError);
    }
  });

  it("reads an array of a million numbers in place of a byte string, not more than its limit", () => {
    const array = concatBytes(fromHex("9a000f4240"), repeated("f6", 1_000_000));
    expect(bytes(BIG).decode(array)).toHaveLength(1_000_000);
    expect(() => bytes({ max: 999_999 }).decode(array)).toThrow("limit 999999");
    expect(() => bytes(BIG).decode(array, "runtime")).toThrow(DecodeError);
  });

  it("checks UTF-8 where text is read", () => {
    for (const hex of ["61ff", "62c080", "63eda080", "64f4908080", "61c3"]) {
      for (const mode of MODES) expect(() => text(BIG).decode(fromHex(hex), mode), hex).toThrow("UTF-8");
      // What Go skips it does not read.
      expect(raw.decode(fromHex(hex), "untrusted")).toEqual(fromHex(hex));
      expect(() => raw.decode(fromHex(hex), "runtime")).toThrow("UTF-8");
    }
    const bom = concatBytes(fromHex("63"), utf8("\ufeff"));
    expect(text(BIG).decode(bom)).toBe("\ufeff");
  });

  it("keeps null bytes out of a byte string unless they were sent", () => {
    const field = nullable(bytes(BIG));
    expect([field.decode(fromHex("f6")), field.decode(fromHex("40"))]).toEqual([null, new Uint8Array(0)]);
  });
});
