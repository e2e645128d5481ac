import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  readU16be,
  readU16le,
  readU32be,
  readU32le,
  readU64be,
  readU64le,
  toBase64,
  toHex,
  u16be,
  u16le,
  u32be,
  u32le,
  u64be,
  u64le,
  utf8,
} from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";

const anyBytes = fc.uint8Array({ maxLength: 100 });

describe("bytes", () => {
  it("agrees with Buffer on hex and base64 for any bytes", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
        expect(fromBase64(toBase64(bytes), { strict: true })).toEqual(bytes);
      }),
    );
  });

  it("orders and compares as Buffer does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4, max: 2 }), fc.uint8Array({ maxLength: 4, max: 2 }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(concatBytes(a, b)).toEqual(new Uint8Array(Buffer.concat([a, b])));
      }),
    );
  });

  it.each(["0", "0g", "0x", "g0", " 00", "é0"])("refuses the hex text %j", (text) => {
    expect(() => fromHex(text)).toThrow(DecodeError);
  });

  it.each(["A", "AA", "AAA", "AA==A", "A===", "====", "AA-_", "AA =", "AAé="])("refuses the base64 text %j", (text) => {
    expect(() => fromBase64(text)).toThrow(DecodeError);
  });

  it("skips line breaks and stray bits in base64 unless strict", () => {
    expect(fromBase64("AB\r\n==")).toEqual(Uint8Array.of(0));
    expect(() => fromBase64("AA\n==", { strict: true })).toThrow(DecodeError);
    expect(() => fromBase64("AB==", { strict: true })).toThrow(DecodeError);
    expect(() => fromBase64("AAB=", { strict: true })).toThrow(DecodeError);
  });

  it("keeps a byte order mark and refuses broken UTF-8", () => {
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
    expect(fromUtf8(utf8("żółw 🐢"))).toBe("żółw 🐢");
    expect(() => fromUtf8(Uint8Array.of(0xc3))).toThrow(DecodeError);
    expect(() => fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toThrow(DecodeError);
  });

  it("writes and reads fixed-width integers in both orders", () => {
    expect(toHex(u16be(0x0102))).toBe("0102");
    expect(toHex(u16le(0x0102))).toBe("0201");
    expect(toHex(u32be(0xfffefdfc))).toBe("fffefdfc");
    expect(toHex(u32le(0xfffefdfc))).toBe("fcfdfeff");
    expect(toHex(u64be(0x0102030405060708n))).toBe("0102030405060708");
    expect(toHex(u64le(0x0102030405060708n))).toBe("0807060504030201");
    expect(toHex(u64be(-1n))).toBe("ffffffffffffffff");
    const bytes = fromHex("00fffefdfcfbfaf9f8");
    expect(readU16be(bytes, 1)).toBe(0xfffe);
    expect(readU16le(bytes, 1)).toBe(0xfeff);
    expect(readU32be(bytes, 1)).toBe(0xfffefdfc);
    expect(readU32le(bytes, 1)).toBe(0xfcfdfeff);
    expect(readU64be(bytes, 1)).toBe(0xfffefdfcfbfaf9f8n);
    expect(readU64le(bytes, 1)).toBe(0xf8f9fafbfcfdfeffn);
    expect(() => readU64be(bytes, 2)).toThrow(RangeError);
  });
});
