import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { isSingleRole, RolesMask, rolesFromText, rolesToText, SINGLE_ROLES } from "#common/node-roles.js";
import { Quantity, quantityFromText } from "#common/quantity.js";
import { showAmount, tokenAmount, tokenErrors } from "#common/token.js";
import {
  CONSENSUS_PROTOCOL,
  isCompatible,
  RUNTIME_COMMITTEE_PROTOCOL,
  RUNTIME_HOST_PROTOCOL,
  type Version,
  versionFromText,
  versionFromU64,
  versionToText,
  versionToU64,
} from "#common/version.js";
import { describeVectors } from "../support/vectors.ts";

describeVectors<{ cbor: { value: string; cbor_hex: string }[] }>("common/quantity.json", ({ cbor }) => {
  it.each(cbor.map((c) => [c.value, c.cbor_hex] as const))("%s is %s", (value, hex) => {
    expect(toHex(Quantity.encode(BigInt(value)))).toBe(hex);
    expect(Quantity.decode(fromHex(hex))).toBe(BigInt(value));
    expect(Quantity.fromJson(value)).toBe(BigInt(value));
    expect(Quantity.toJson(BigInt(value))).toBe(value);
  });
});

describe("quantities", () => {
  it("are read from text as the reference reads them", () => {
    const read: [string, bigint][] = [
      ["010", 8n],
      ["1_000", 1000n],
      ["+5", 5n],
      ["0x10", 16n],
      ["0b11", 3n],
      ["0o17", 15n],
      ["0", 0n],
      ["00", 0n],
      ["0_7", 7n],
      ["0X_ff", 255n],
    ];
    for (const [text, value] of read) expect(quantityFromText(text), text).toBe(value);
    for (const text of ["", " ", "1 ", " 1", "08", "1e3", "-1", "-0x1", "1__0", "_1", "1_", "0x", "++1", "1.0"]) {
      expect(() => quantityFromText(text), text).toThrow(DecodeError);
    }
  });

  it("take any length in linear time", () => {
    for (const size of [7, 8, 9, 16, 17, 33, 1 << 20]) {
      const bytes = new Uint8Array(size).fill(0xa5);
      const value = Quantity.decode(Quantity.encode(BigInt(`0x${toHex(bytes)}`)));
      expect(value).toBe(BigInt(`0x${toHex(bytes)}`));
    }
  });

  it("are no array of numbers, and a map without known fields only where unknown fields are let through", () => {
    expect(() => Quantity.decode(fromHex("8101"))).toThrow(DecodeError);
    expect(Quantity.decode(fromHex("a0"))).toBe(0n);
    expect(() => Quantity.decode(fromHex("a1616101"))).toThrow(DecodeError);
    expect(Quantity.decode(fromHex("a1616101"), "rpc")).toBe(0n);
  });
});

interface TokenFile {
  convert_to_token_amount: { expected: string | null; base_units: string; exponent: number }[];
  pretty_print_amount: {
    expected: string;
    base_units: string;
    symbol: string | null;
    exponent: number | null;
    sign: string | null;
  }[];
}

describeVectors<TokenFile>("common/token_prettyprint.json", (file) => {
  it.each(file.convert_to_token_amount)("$base_units with exponent $exponent is $expected", (c) => {
    const convert = (): string => tokenAmount(BigInt(c.base_units), c.exponent);
    if (c.expected === null) expect(convert).toThrow(tokenErrors.invalidExponent().message);
    else expect(convert()).toBe(c.expected);
  });
  it.each(file.pretty_print_amount)(
    "$base_units of $symbol with exponent $exponent and sign $sign is $expected",
    (c) => {
      const style = { symbol: c.symbol ?? undefined, exponent: c.exponent ?? undefined, sign: c.sign ?? undefined };
      expect(showAmount(BigInt(c.base_units), style)).toBe(c.expected);
    },
  );
});

type Parts = [major: number, minor: number, patch: number];
interface VersionFile {
  from_string: { text: string; version: Parts }[];
  invalid: string[];
  u64: { version: Parts; u64: string }[];
  current: Record<"consensus_protocol" | "runtime_host_protocol" | "runtime_committee_protocol", Parts>;
}

describeVectors<VersionFile>("common/version.json", (file) => {
  const made = ([major, minor, patch]: Parts): Version => ({ major, minor, patch });
  it.each(file.from_string)("reads $text", ({ text, version }) => {
    expect(versionFromText(text)).toEqual(made(version));
    expect(versionFromText(versionToText(made(version)))).toEqual(made(version));
  });
  it.each(file.invalid)("refuses %j", (text) => {
    expect(() => versionFromText(text)).toThrow(DecodeError);
  });
  it.each(file.u64)("packs $version into $u64", ({ version, u64 }) => {
    expect(versionToU64(made(version))).toBe(BigInt(u64));
    expect(versionFromU64(BigInt(u64))).toEqual(made(version));
  });
  it("names the protocols of this release", () => {
    expect(CONSENSUS_PROTOCOL).toEqual(made(file.current.consensus_protocol));
    expect(RUNTIME_HOST_PROTOCOL).toEqual(made(file.current.runtime_host_protocol));
    expect(RUNTIME_COMMITTEE_PROTOCOL).toEqual(made(file.current.runtime_committee_protocol));
    expect(isCompatible(RUNTIME_HOST_PROTOCOL, made([5, 0, 9]))).toBe(true);
    expect(isCompatible(RUNTIME_HOST_PROTOCOL, made([4, 1, 0]))).toBe(false);
  });
});

interface RolesFile {
  vectors: { text: string; mask?: number; canonical?: boolean; error?: string }[];
}

describeVectors<RolesFile>("common/node_roles.json", ({ vectors }) => {
  it.each(vectors)("reads $text", ({ text, mask, canonical }) => {
    if (mask === undefined) {
      expect(() => rolesFromText(text)).toThrow(DecodeError);
      return;
    }
    expect(RolesMask.fromJson(text)).toBe(mask);
    expect(rolesToText(mask) === text).toBe(canonical);
  });
  it("knows single roles", () => {
    expect(SINGLE_ROLES.every(isSingleRole)).toBe(true);
    for (const mask of [0, 3, 16, 64, 0x80000000]) expect(isSingleRole(mask)).toBe(false);
  });
});
