import { expect, test } from "vitest";
import { concatBytes, fromHex, toHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { bytesOfBits, commonBits, joinBits, sliceBits, withBit } from "#mkvs/node/bits.js";
import { childHash, internalBytes, leafBytes, parseNode } from "#mkvs/node/format.js";
import { INTERNAL, internalHash, LEAF, leafHash, LeafNode } from "#mkvs/node/node.js";
import { Root } from "#mkvs/node/root.js";
import { describeVectors } from "../support/vectors.ts";

interface Data {
  readonly leaf: { key_utf8: string; value_utf8: string; hash: string; serialized: string };
  readonly internal_hash: {
    label_hex: string;
    label_bits: number;
    leaf_hash: string;
    left_hash: string;
    right_hash: string;
    hash: string;
  };
  readonly internal_serialized: {
    label_hex: string;
    label_bits: number;
    leaf: { key_utf8: string; value_utf8: string };
    left_hash: string;
    right_hash: string;
    full: string;
    compact_v0: string;
    compact_v1: string;
    hash: string;
  };
  readonly root_cbor: {
    readonly vectors: readonly {
      ns: string;
      version: number;
      root_type: number;
      hash: string;
      cbor: string;
      encoded_hash: string;
    }[];
  };
  readonly depth_to_bytes: readonly [number, number][];
  readonly key_ops: {
    readonly append_bit: readonly [string, number, boolean, string][];
    readonly split: readonly [string, number, number, string, string][];
    readonly merge: readonly [string, number, string, number, string][];
    readonly common_prefix: readonly [string, number, string, number, number][];
  };
}

describeVectors<Data>("mkvs/nodes.json", (data) => {
  test("a leaf has the recorded hash and bytes", () => {
    const { key_utf8, value_utf8, hash: expected, serialized } = data.leaf;
    expect(toHex(leafHash(utf8(key_utf8), utf8(value_utf8)))).toBe(expected);
    expect(toHex(leafBytes(utf8(key_utf8), utf8(value_utf8)))).toBe(serialized);
    const parsed = parseNode(fromHex(serialized));
    expect(parsed.kind === LEAF && [parsed.leaf.key, parsed.leaf.value]).toEqual([utf8(key_utf8), utf8(value_utf8)]);
  });

  test("an internal node has the recorded hash", () => {
    const { label_hex, label_bits, leaf_hash, left_hash, right_hash, hash: expected } = data.internal_hash;
    const children = [leaf_hash, left_hash, right_hash].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array];
    expect(toHex(internalHash(fromHex(label_hex), label_bits, ...children))).toBe(expected);
  });

  test("an internal node has the recorded bytes in its three forms", () => {
    const source = data.internal_serialized;
    const label = fromHex(source.label_hex);
    const leaf = new LeafNode(utf8(source.leaf.key_utf8), utf8(source.leaf.value_utf8));
    const compact = internalBytes(label, source.label_bits, leaf);
    expect(toHex(compact)).toBe(source.compact_v0);
    expect(toHex(internalBytes(label, source.label_bits, undefined))).toBe(source.compact_v1);
    const full = concatBytes(compact, fromHex(source.left_hash), fromHex(source.right_hash));
    expect(toHex(full)).toBe(source.full);
    const parsed = parseNode(full);
    if (parsed.kind !== INTERNAL) throw new TypeError("not an internal node");
    expect([parsed.labelBits, toHex(parsed.label), parsed.leaf?.key]).toEqual([
      source.label_bits,
      source.label_hex,
      leaf.key,
    ]);
    expect([toHex(childHash(full, parsed.end, 0)), toHex(childHash(full, parsed.end, 1))]).toEqual([
      source.left_hash,
      source.right_hash,
    ]);
    const leafOnly = leafHash(leaf.key, leaf.value);
    const sides = [fromHex(source.left_hash), fromHex(source.right_hash)] as const;
    expect(toHex(internalHash(label, source.label_bits, leafOnly, ...sides))).toBe(source.hash);
  });

  test("a root has the recorded CBOR and the hash of it", () => {
    for (const { ns, version, root_type, hash: rootHash, cbor, encoded_hash } of data.root_cbor.vectors) {
      const root = { namespace: fromHex(ns), version: BigInt(version), type: root_type, hash: fromHex(rootHash) };
      expect(toHex(Root.encode(root))).toBe(cbor);
      expect(toHex(hash(Root.encode(root)))).toBe(encoded_hash);
      expect(Root.decode(fromHex(cbor))).toEqual(root);
    }
  });

  test("operations on bit strings answer as recorded", () => {
    for (const [bits, bytes] of data.depth_to_bytes) expect(bytesOfBits(bits)).toBe(bytes);
    for (const [key, bit, value, expected] of data.key_ops.append_bit) {
      expect(toHex(withBit(fromHex(key), bit, value))).toBe(expected);
    }
    for (const [key, at, bits, prefix, suffix] of data.key_ops.split) {
      expect(toHex(sliceBits(fromHex(key), 0, at))).toBe(prefix);
      expect(toHex(sliceBits(fromHex(key), at, bits))).toBe(suffix);
    }
    for (const [a, aBits, b, bBits, expected] of data.key_ops.merge) {
      expect(toHex(joinBits(fromHex(a), aBits, fromHex(b), bBits))).toBe(expected);
    }
    for (const [a, aBits, b, bBits, expected] of data.key_ops.common_prefix) {
      expect(commonBits(fromHex(a), aBits, fromHex(b), bBits, 0)).toBe(expected);
    }
  });
});
