import { describe, expect, it } from "vitest";
import { fromBase64, fromHex, toHex } from "#common/bytes.js";
import type { Schema } from "#common/schema/index.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { SgxAttestation, SgxConstraints } from "#consensus/services/registry/types/tee.js";
import { describeVectors } from "../support/vectors.ts";

type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };
interface Descriptor {
  cbor_b64: string;
  decoded: { [key: string]: Plain };
}
interface File {
  v3_roundtrip: Descriptor[];
  v3_decode_only: Descriptor[];
  v2_decodes_as_v3: Descriptor[];
  sgx: { name: string; cbor_hex: string }[];
}

/** Our value in the notation of the file: wire names and `{"$hex": …}`. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $hex: toHex(value) };
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== "");
  const capital: Record<string, string> = { ip: "IP", port: "Port", zone: "Zone" };
  return Object.fromEntries(
    members.map(([k, v]) => [capital[k] ?? k.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), plain(v)]),
  );
}

/** The file writes empty zones and zero versions out or leaves them out as the wire does; compare without them. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, member: unknown) =>
      (key === "Zone" && member === "") || (["major", "minor", "patch"].includes(key) && member === 0)
        ? undefined
        : member,
    ),
  );
}

const SGX: Record<string, Schema<unknown>> = { sgx_constraints: SgxConstraints, sgx_attestation: SgxAttestation };

describeVectors<File>("common/node_descriptor.json", (file) => {
  describe("descriptors of version 3", () => {
    it.each(file.v3_roundtrip.map((d, i) => [i, d] as const))("encode to the same bytes (%i)", (_, d) => {
      const node = Node.decode(fromBase64(d.cbor_b64));
      expect(Node.encode(node)).toEqual(fromBase64(d.cbor_b64));
    });
    it.each([...file.v3_roundtrip, ...file.v3_decode_only].map((d, i) => [i, d] as const))(
      "decode to the listed fields (%i)",
      (_, d) => {
        const node = Node.decode(fromBase64(d.cbor_b64));
        // A v3 blob without VRF information reads as one with a key of zeros.
        const expected = { ...d.decoded, vrf: d.decoded["vrf"] ?? { id: { $hex: "00".repeat(32) } } };
        expect(comparable(plain(node))).toEqual(comparable(expected));
      },
    );
  });

  it.each(file.v2_decodes_as_v3.map((d, i) => [i, d] as const))("reads version 2 as version 3 (%i)", (_, d) => {
    const node = Node.decode(fromBase64(d.cbor_b64));
    expect(node.v).toBe(3);
    const { pub_key } = d.decoded["tls"] as { [key: string]: Plain };
    const expected = {
      ...d.decoded,
      v: 3,
      tls: { pub_key },
      roles: (d.decoded["roles"] as number) & ~16,
      vrf: d.decoded["vrf"] ?? { id: { $hex: "00".repeat(32) } },
    };
    expect(comparable(plain(node))).toEqual(comparable(expected));
    expect(Node.decode(Node.encode(node))).toEqual(node);
  });

  it.each(file.sgx.map((s) => [s.name, s.cbor_hex] as const))("round-trips %s byte for byte", (name, hex) => {
    const schema = SGX[name.slice(0, name.lastIndexOf("_"))] as Schema<unknown>;
    expect(toHex(schema.encode(schema.decode(fromHex(hex))))).toBe(hex);
  });
});

describe("node descriptor versions", () => {
  it("refuses every version but 2 and 3", () => {
    for (const v of [0, 1, 4, 65535]) {
      const bytes = Node.encode({ ...Node.zero(), v });
      expect(() => Node.decode(bytes)).toThrow(/version/);
    }
    expect(() => Node.decode(fromHex("a0"))).toThrow(/version/);
    // Bytes after the end of an empty map are no part of it, whatever they look like.
    expect(() => Node.decode(fromHex("a0617603"))).toThrow(/version/);
    expect(() => Node.decode(fromHex("f6"))).toThrow(/version/);
  });
});
