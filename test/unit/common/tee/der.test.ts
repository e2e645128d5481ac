import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { DER_INTEGER, DER_OCTET_STRING, DER_SEQUENCE, DerReader } from "#common/tee/der.js";
import { bits, boolean, integer, octets, sequence } from "./support/der-writer.ts";

const reader = (hex: string): DerReader => new DerReader(fromHex(hex));

describe("DER elements", () => {
  test("are read one after the other, with their whole bytes and their contents", () => {
    const r = new DerReader(sequence(integer(5), octets(fromHex("aabb"))));
    const list = r.enter();
    expect(r.isEmpty).toBe(true);
    expect(list.readSmall(9)).toBe(5);
    expect(list.isNext(DER_OCTET_STRING)).toBe(true);
    expect(toHex(list.element(DER_OCTET_STRING).whole)).toBe("0402aabb");
    expect(list.readOptional(DER_INTEGER)).toBeUndefined();
  });

  test("may have a length of up to four bytes, in as few as it takes", () => {
    const long = new Uint8Array(300).fill(7);
    expect(new DerReader(octets(long)).read(DER_OCTET_STRING)).toEqual(long);
    const malformed = [
      "04",
      "0405aa",
      "0480",
      "048100",
      "0481017f",
      "0482007f00",
      "04850000000001",
      "04840102",
      "1f00",
    ];
    for (const hex of malformed) expect(() => reader(hex).readAny(), hex).toThrow(DecodeError);
  });

  test("that claim four gigabytes are cut off, not waited for", () => {
    expect(() => reader("0484ffffffff00").readAny()).toThrow("cut off");
  });

  test("of another tag are refused", () => {
    expect(() => reader("0201").read(DER_SEQUENCE)).toThrow(DecodeError);
    expect(() => reader("020105").read(DER_SEQUENCE)).toThrow("tag 2 instead of 48");
  });
});

describe("DER integers", () => {
  test("are minimal and not negative", () => {
    expect(toHex(reader("0202008f").readUnsigned())).toBe("8f");
    expect(toHex(reader("020100").readUnsigned())).toBe("00");
    for (const hex of ["0200", "0202007f", "0202ff80", "0201ff"]) {
      expect(() => reader(hex).readUnsigned(), hex).toThrow(DecodeError);
    }
  });

  test("have a maximum", () => {
    expect(reader("0203010000").readSmall(65536)).toBe(65536);
    expect(() => reader("0203010001").readSmall(65536)).toThrow("above 65536");
    expect(() => reader("02050100000000").readSmall(0xffffffff)).toThrow("above");
  });
});

describe("DER bit strings", () => {
  test("whose bits end inside a byte are moved to its right end", () => {
    expect(new DerReader(bits(fromHex("60c0"), 1)).readAlignedBits()).toEqual(fromHex("3060"));
    expect(new DerReader(bits(fromHex("3060"))).readAlignedBits()).toEqual(fromHex("3060"));
    expect(new DerReader(bits(fromHex("06"), 1)).readBitString()).toEqual({ bytes: fromHex("06"), unused: 1 });
  });

  test("with stray or impossible bits are refused", () => {
    for (const hex of ["0300", "030208ff", "030101", "03020103"]) {
      expect(() => reader(hex).readBitString(), hex).toThrow(DecodeError);
    }
  });
});

test("DER booleans are 0 or 255", () => {
  expect([new DerReader(boolean(true)).readBoolean(), new DerReader(boolean(false)).readBoolean()]).toEqual([
    true,
    false,
  ]);
  for (const hex of ["010101", "0100", "01020000"]) expect(() => reader(hex).readBoolean(), hex).toThrow(DecodeError);
});
