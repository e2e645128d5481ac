/** The arena on a disk: its arrays as they are, in pieces, and what else is needed to go on from them. */
import { readU32le, u32le } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { DiskTable } from "#common/ports/disk.js";
import { type Arena, LEAF_ROW_WORDS, ROW_WORDS } from "./arena.js";

const PIECE_BYTES = 1 << 20;
const NODES = 0;
const LEAVES = 1;
const LABELS = 2;
const PAGES = 3;

/**
 * Writes a snapshot over the last one.
 *
 * @param pages uses of the leaf pages
 */
export function writeSnapshot(table: DiskTable, arena: Arena, pages: Uint8Array): void {
  const { nodes, rows, leaves, leafRows } = arena;
  writePart(table, NODES, bytesOf(nodes.subarray(0, rows * ROW_WORDS)));
  writePart(table, LEAVES, bytesOf(leaves.subarray(0, leafRows * LEAF_ROW_WORDS)));
  writePart(table, LABELS, longLabelBytes(arena));
  writePart(table, PAGES, pages);
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function writePart(table: DiskTable, part: number, bytes: Uint8Array): void {
  table.put(pieceKey(part, 0), u32le(bytes.length));
  let piece = 1;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES, piece++) {
    table.put(pieceKey(part, piece), bytes.subarray(at, at + PIECE_BYTES));
  }
  while (table.delete(pieceKey(part, piece))) {
    piece++;
  }
}

/**
 * Reads a snapshot back into an empty arena.
 *
 * @param root the tree that is taken over: rows that it does not use are free
 * @returns the uses of the leaf pages
 */
export function readSnapshot(table: DiskTable, arena: Arena, root: number): Uint8Array {
  const nodeBytes = lengthOf(table, NODES);
  const leafBytes = lengthOf(table, LEAVES);
  arena.rows = nodeBytes / (4 * ROW_WORDS);
  arena.leafRows = leafBytes / (4 * LEAF_ROW_WORDS);
  arena.reserve(arena.rows, arena.leafRows);
  readPart(table, NODES, bytesOf(arena.nodes).subarray(0, nodeBytes));
  readPart(table, LEAVES, bytesOf(arena.leaves).subarray(0, leafBytes));
  const labels = new Uint8Array(lengthOf(table, LABELS));
  readPart(table, LABELS, labels);
  readLongLabels(arena, labels);
  const pages = new Uint8Array(lengthOf(table, PAGES));
  readPart(table, PAGES, pages);
  markUsed(arena, root);
  return pages;
}

function pieceKey(part: number, piece: number): Uint8Array {
  return Uint8Array.of(part, piece >> 8, piece & 255);
}

function lengthOf(table: DiskTable, part: number): number {
  const bytes = table.get(pieceKey(part, 0));
  if (bytes === undefined) {
    throw new Fault("mkvs: the snapshot of the arena is incomplete");
  }
  return readU32le(bytes);
}

function readPart(table: DiskTable, part: number, out: Uint8Array): void {
  for (let at = 0, piece = 1; at < out.length; at += PIECE_BYTES, piece++) {
    const bytes = table.lend(pieceKey(part, piece));
    if (bytes === undefined || bytes.length > out.length - at) {
      throw new Fault("mkvs: the snapshot of the arena is incomplete");
    }
    out.set(bytes, at);
  }
}

function longLabelBytes(arena: Arena): Uint8Array {
  let size = 0;
  for (const label of arena.longLabels.values()) {
    size += 8 + label.length;
  }
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [row, label] of arena.longLabels) {
    view.setUint32(at, row, true);
    view.setUint32(at + 4, label.length, true);
    out.set(label, at + 8);
    at += 8 + label.length;
  }
  return out;
}

function readLongLabels(arena: Arena, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const length = readU32le(bytes, at + 4);
    arena.longLabels.set(readU32le(bytes, at), bytes.slice(at + 8, at + 8 + length));
    at += 8 + length;
  }
}

/** Finds out which rows the tree uses; all others are free. */
function markUsed(arena: Arena, root: number): void {
  const internal = new Uint8Array((arena.rows >> 3) + 1);
  const leaves = new Uint8Array((arena.leafRows >> 3) + 1);
  const open = [root];
  for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
    if (ref < 0) {
      leaves[-ref >> 3] = (leaves[-ref >> 3] as number) | (1 << (-ref & 7));
    } else if (ref > 0) {
      internal[ref >> 3] = (internal[ref >> 3] as number) | (1 << (ref & 7));
      open.push(arena.right(ref), arena.left(ref), arena.leaf(ref));
    }
  }
  for (const row of arena.longLabels.keys()) {
    if (((internal[row >> 3] as number) & (1 << (row & 7))) === 0) {
      arena.longLabels.delete(row);
    }
  }
  arena.adoptMarks(internal, leaves);
}
