import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { parseJson, printJson } from "#common/json.js";
import { hash } from "#common/hash.js";
import type { Schema } from "#common/schema/index.js";
import { samplesOf } from "./support/samples.ts";
import { wireTypes, type WireType } from "./support/wire-types.ts";

/** Longer encodings are held by their hash: the file stays readable, and drift still shows. */
const LONG = 1200;
const FOLDER = join(import.meta.dirname, "data");

/** What is stored of one type: hexadecimal CBOR, or the length and hash of a long one. */
type Golden = Record<string, string>;

function stored(bytes: Uint8Array): string {
  return bytes.length <= LONG ? toHex(bytes) : `${bytes.length} bytes, hash ${toHex(hash(bytes))}`;
}

/** Types without a zero value are those in which one variant must be chosen. */
function zeroOf(schema: Schema<unknown>): Uint8Array | undefined {
  try {
    return schema.encode(schema.zero());
  } catch (error) {
    expect((error as Error).message).toContain("has no zero value");
    return undefined;
  }
}

function golden({ schema }: WireType): Golden {
  const out: Golden = {};
  for (const { variant, value } of samplesOf(schema, schema.typeName)) {
    out[variant === "" ? "full" : `full ${variant}`] = stored(schema.encode(value));
  }
  for (const { variant, value } of samplesOf(schema, schema.typeName, true)) {
    const bytes = stored(schema.encode(value));
    const what = variant === "" ? "full" : `full ${variant}`;
    if (bytes !== out[what]) out[`extended ${what}`] = bytes;
  }
  const zero = zeroOf(schema);
  if (zero !== undefined) out["zero"] = stored(zero);
  return out;
}

const types = wireTypes();
const areas = [...new Set(types.map(({ area }) => area))].sort();

function fileOf(area: string): string {
  return join(FOLDER, `${area}.json`);
}

function write(area: string): void {
  const rows = types.filter((type) => type.area === area).map((type) => [type.name, golden(type)] as const);
  writeFileSync(fileOf(area), `${JSON.stringify(Object.fromEntries(rows), undefined, 2)}\n`);
}

// `node tools/golden.mjs` writes the files anew; everybody else only reads them.
if (process.env["QANAT_GOLDEN"] === "write") {
  for (const file of readdirSync(FOLDER)) rmSync(join(FOLDER, file));
  areas.forEach(write);
}

describe.each(areas)("golden bytes of %s", (area) => {
  const recorded: Record<string, Golden> = existsSync(fileOf(area))
    ? (JSON.parse(readFileSync(fileOf(area), "utf8")) as Record<string, Golden>)
    : {};
  const own = types.filter((type) => type.area === area);

  it("cover exactly the wire types that are exported", () => {
    expect(own.map(({ name }) => name).sort()).toEqual(Object.keys(recorded).sort());
  });

  it.each(own)("$name encodes to them, and they decode to what encodes to them again", (type) => {
    expect(golden(type)).toEqual(recorded[type.name]);
    for (const [what, hex] of Object.entries(recorded[type.name] ?? {})) {
      if (hex.includes(" ")) continue;
      const bytes = fromHex(hex);
      if (what === "zero" && (hex === "f6" || !decodes(type, bytes))) continue;
      const untrusted = what.startsWith("extended ") ? "extended" : "untrusted";
      if (untrusted === "extended") expect(() => type.schema.decode(bytes)).toThrow(/unknown field/);
      for (const mode of [untrusted, "rpc", "trusted", "runtime"] as const) {
        expect(toHex(type.schema.encode(type.schema.decode(bytes, mode))), mode).toBe(hex);
      }
    }
  });

  // Messages of the host protocol never are JSON, and a choice without a zero value cannot be read from it.
  it.each(own.filter(({ schema }) => zeroOf(schema) !== undefined))("$name comes back from its JSON form", (type) => {
    for (const { value } of samplesOf(type.schema, type.schema.typeName)) {
      const text = printJson(type.schema.toJson(value));
      expect(stored(type.schema.encode(type.schema.fromJson(parseJson(text))))).toBe(stored(type.schema.encode(value)));
    }
  });
});

/** The zero value of a versioned type has version 0, which its reader refuses. */
function decodes({ schema }: WireType, bytes: Uint8Array): boolean {
  try {
    schema.decode(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return false;
  }
}
