/** Hashes new internal nodes of an arena, two at a time. */
import { HASH_SIZE } from "#common/hash.js";
import { bytesOfBits } from "../node/bits.js";
import {
  type Arena,
  BITS_AT,
  EMPTY_WORDS,
  HASH_WORDS,
  INLINE_BYTES,
  LABEL_AT,
  LEAF_AT,
  LEAF_ROW_WORDS,
  LEFT_AT,
  RIGHT_AT,
  ROW_WORDS,
} from "./arena.js";
import { sharedHashEngine } from "./hash-engine.js";
import type { Refs } from "./refs.js";

const INTERNAL_PREFIX = 1;
/** Bits of the word with the length of a label that are for the length; the rest is only used here. */
const LENGTH_MASK = 0xffff;
const LEVEL_SHIFT = 16;
/** Nodes that are put in order at a time: as many as the processor's cache holds with their children. */
const AT_ONCE = 4096;

// Nothing in these survives a call: how many nodes of each level there are, and the nodes by level.
const levels = new Int32Array(AT_ONCE + 2);
const byLevel = new Int32Array(AT_ONCE);

/**
 * Hashes internal nodes that have no hash yet.
 *
 * @param refs new references with children before their parents; those of leaves are passed over
 */
export function hashNodes(arena: Arena, { list, count }: Refs): void {
  for (let from = 0; from < count; from += AT_ONCE) {
    const top = sortByLevel(arena.nodes, list, from, count - from < AT_ONCE ? count : from + AT_ONCE);
    for (let level = 1; level <= top; level++) {
      hashLevel(arena, levels[level] as number, levels[level + 1] as number);
    }
    levels.fill(0, 0, top + 2);
  }
}

/**
 * Nodes that do not contain one another can be hashed together. The level of a node is one more than that of its higher
 * child, and 0 for what has its hash already; until the nodes are in order it stands in their rows.
 *
 * @returns the highest level; `levels` says where the nodes of each begin in `byLevel`
 */
function sortByLevel(nodes: Int32Array, refs: Int32Array, from: number, to: number): number {
  let top = 0;
  for (let i = from; i < to; i++) {
    const at = (refs[i] as number) * ROW_WORDS;
    if (at > 0) {
      const left = levelOf(nodes, nodes[at + LEFT_AT] as number);
      const right = levelOf(nodes, nodes[at + RIGHT_AT] as number);
      const level = left < right ? right + 1 : left + 1;
      nodes[at + BITS_AT] = (nodes[at + BITS_AT] as number) | (level << LEVEL_SHIFT);
      levels[level] = (levels[level] as number) + 1;
      top = level < top ? top : level;
    }
  }
  for (let level = 1; level <= top + 1; level++) {
    levels[level] = (levels[level] as number) + (levels[level - 1] as number);
  }
  // Filled from its end, the part of each level ends up with its beginning in `levels`.
  for (let i = to - 1; i >= from; i--) {
    const ref = refs[i] as number;
    if (ref > 0) {
      const level = levelOf(nodes, ref);
      const bitsAt = ref * ROW_WORDS + BITS_AT;
      nodes[bitsAt] = (nodes[bitsAt] as number) & LENGTH_MASK;
      const at = (levels[level] as number) - 1;
      levels[level] = at;
      byLevel[at] = ref;
    }
  }
  return top;
}

function levelOf(nodes: Int32Array, ref: number): number {
  return ref <= 0 ? 0 : (nodes[ref * ROW_WORDS + BITS_AT] as number) >>> LEVEL_SHIFT;
}

function hashLevel(arena: Arena, from: number, to: number): void {
  const engine = sharedHashEngine();
  const { nodes, leaves } = arena;
  let waiting = 0;
  for (let i = from; i < to; i++) {
    const row = byLevel[i] as number;
    const at = row * ROW_WORDS;
    const bits = nodes[at + BITS_AT] as number;
    if (bits === 0 || bits > 8 || nodes[at + LEAF_AT] !== 0 || !engine.quick) {
      hashAny(arena, row);
      continue;
    }
    // Nearly all nodes: prefix, length and label are one word, and there is no leaf.
    const { words } = engine;
    const to = waiting === 0 ? engine.firstNode : engine.secondNode;
    words[to] = INTERNAL_PREFIX | (bits << 8) | ((nodes[at + LABEL_AT] as number) << 24);
    copyHash(nodes, leaves, nodes[at + LEFT_AT] as number, words, to + 1 + HASH_WORDS);
    copyHash(nodes, leaves, nodes[at + RIGHT_AT] as number, words, to + 1 + 2 * HASH_WORDS);
    if (waiting === 0) {
      waiting = row;
    } else {
      engine.hashNodes(nodes, waiting * ROW_WORDS, at);
      waiting = 0;
    }
  }
  if (waiting !== 0) {
    engine.hashNodes(nodes, waiting * ROW_WORDS, -1);
  }
  engine.flush();
}

function copyHash(nodes: Int32Array, leaves: Int32Array, ref: number, out: Int32Array, to: number): void {
  const words = ref > 0 ? nodes : ref < 0 ? leaves : EMPTY_WORDS;
  const at = ref > 0 ? ref * ROW_WORDS : -ref * LEAF_ROW_WORDS;
  for (let i = 0; i < HASH_WORDS; i++) {
    out[to + i] = words[at + i] as number;
  }
}

/** Puts the hash input of any node together (mkvs: hashes) and has it hashed. */
function hashAny(arena: Arena, row: number): void {
  const engine = sharedHashEngine();
  const { bytes, inputAt } = engine;
  const bits = arena.labelBits(row);
  const labelBytes = bytesOfBits(bits);
  bytes[inputAt] = INTERNAL_PREFIX;
  bytes[inputAt + 1] = bits & 255;
  bytes[inputAt + 2] = bits >> 8;
  let at = inputAt + 3;
  if (labelBytes > INLINE_BYTES) {
    bytes.set(arena.longLabels.get(row) as Uint8Array, at);
  } else {
    arena.putLabel(row, labelBytes, bytes, at);
  }
  at += labelBytes;
  arena.putHash(arena.leaf(row), bytes, at);
  arena.putHash(arena.left(row), bytes, at + HASH_SIZE);
  arena.putHash(arena.right(row), bytes, at + 2 * HASH_SIZE);
  engine.push(3 + labelBytes + 3 * HASH_SIZE, arena.nodes, row * ROW_WORDS);
}
