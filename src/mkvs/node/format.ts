/** Serialized nodes (mkvs: hash and serialization), as they stand in proofs and in database records. */
import { readU16le, readU32le, u16le, u32le } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { HASH_SIZE } from "#common/hash.js";
import { bytesOfBits, sliceBits } from "./bits.js";
import { INTERNAL, LEAF, LeafNode } from "./node.js";

const KIND_LEAF = 0x00;
const KIND_INTERNAL = 0x01;
const NO_LEAF = 0x02;

/** A leaf: the same in every form. */
export function leafBytes(key: Uint8Array, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(7 + key.length + value.length);
  out[0] = KIND_LEAF;
  out.set(u16le(key.length), 1);
  out.set(key, 3);
  out.set(u32le(value.length), 3 + key.length);
  out.set(value, 7 + key.length);
  return out;
}

/**
 * The head of an internal node: its compact form. With the two child hashes behind it, it is the full form.
 *
 * @param leaf the embedded leaf, which proofs of version 0 carry here; version 1 never does
 * @param extra room to leave behind it, in bytes
 */
export function internalBytes(label: Uint8Array, labelBits: number, leaf: LeafNode | undefined, extra = 0): Uint8Array {
  const labelBytes = bytesOfBits(labelBits);
  const inline = leaf === undefined ? undefined : leafBytes(leaf.key, leaf.value);
  const out = new Uint8Array(3 + labelBytes + (inline?.length ?? 1) + extra);
  out[0] = KIND_INTERNAL;
  out.set(u16le(labelBits), 1);
  out.set(label, 3);
  if (inline === undefined) {
    out[3 + labelBytes] = NO_LEAF;
  } else {
    out.set(inline, 3 + labelBytes);
  }
  return out;
}

/** A leaf as read, and where its bytes end. */
export interface ParsedLeaf {
  readonly kind: typeof LEAF;
  readonly leaf: LeafNode;
  readonly end: number;
}

/** The head of an internal node as read, and where it ends. */
export interface ParsedInternal {
  readonly kind: typeof INTERNAL;
  readonly label: Uint8Array;
  readonly labelBits: number;
  readonly leaf: LeafNode | undefined;
  readonly end: number;
}

function need(bytes: Uint8Array, end: number, what: string): void {
  if (bytes.length < end) {
    throw new DecodeError(`malformed node: ${what} needs ${end} bytes, ${bytes.length} are there`);
  }
}

function parseLeaf(bytes: Uint8Array, at: number): ParsedLeaf {
  need(bytes, at + 3, "leaf");
  const keyEnd = at + 3 + readU16le(bytes, at + 1);
  need(bytes, keyEnd + 4, "leaf key");
  const valueEnd = keyEnd + 4 + readU32le(bytes, keyEnd);
  need(bytes, valueEnd, "leaf value");
  // Views, not copies: the caller hands over the bytes.
  const leaf = new LeafNode(bytes.subarray(at + 3, keyEnd), bytes.subarray(keyEnd + 4, valueEnd));
  return { kind: LEAF, leaf, end: valueEnd };
}

/**
 * Reads a node up to and with its embedded leaf; what follows is the caller's. The result refers to the bytes.
 *
 * @throws DecodeError when it is no node or cut short
 */
export function parseNode(bytes: Uint8Array): ParsedLeaf | ParsedInternal {
  need(bytes, 2, "node");
  if (bytes[0] === KIND_LEAF) {
    return parseLeaf(bytes, 0);
  }
  if (bytes[0] !== KIND_INTERNAL) {
    throw new DecodeError(`malformed node: unknown kind ${bytes[0]}`);
  }
  need(bytes, 3, "internal node");
  const labelBits = readU16le(bytes, 1);
  const labelEnd = 3 + bytesOfBits(labelBits);
  need(bytes, labelEnd + 1, "label");
  const label = labelBits <= 8 ? oneByteLabel(bytes, labelBits) : bytes.subarray(3, labelEnd);
  if (bytes[labelEnd] === NO_LEAF) {
    return { kind: INTERNAL, label, labelBits, leaf: undefined, end: labelEnd + 1 };
  }
  if (bytes[labelEnd] !== KIND_LEAF) {
    throw new DecodeError(`malformed node: unknown kind ${bytes[labelEnd]} of an embedded leaf`);
  }
  const { leaf, end } = parseLeaf(bytes, labelEnd);
  return { kind: INTERNAL, label, labelBits, leaf, end };
}

/** Shares the array of a short label, unless stray bits behind it must be kept for the hash to be that of the bytes. */
function oneByteLabel(bytes: Uint8Array, labelBits: number): Uint8Array {
  const shared = sliceBits(bytes, 24, 24 + labelBits);
  return shared.length === 0 || shared[0] === bytes[3] ? shared : bytes.subarray(3, 4);
}

/** Reads the full form's child hash: `side` 0 is left, 1 right. */
export function childHash(bytes: Uint8Array, end: number, side: 0 | 1): Uint8Array {
  const at = end + side * HASH_SIZE;
  need(bytes, at + HASH_SIZE, "child hash");
  return bytes.subarray(at, at + HASH_SIZE);
}
