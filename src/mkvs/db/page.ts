/**
 * How nodes lie on a disk. The new nodes of a commit are written one after the other into pages of about a kilobyte,
 * children before parents, so that most of a path is in one record: a tenth of the records that a node each would take. A
 * page is deleted when all of its nodes are unused. The form is private to the database.
 */
import { equalBytes, readU16le, readU32be, readU32le } from "#common/bytes.js";
import { EMPTY_HASH, HASH_SIZE } from "#common/hash.js";
import { bytesOfBits } from "../node/bits.js";
import { childHash, parseNode } from "../node/format.js";
import { type Child, InternalNode, LEAF, type LeafNode, type Node, Stub } from "../node/node.js";

/** A page takes no further node once it is this long, in bytes; three such pages fit a page of the file. */
const FULL_PAGE_BYTES = 1200;
/** Number of nodes, in front of them. */
const HEADER_BYTES = 2;
/** Version in six bytes, page in four, offset in two. */
const PLACE_BYTES = 12;
/** A node's index is its page number times this plus its offset. */
const PAGE_SPAN = 0x1_0000;
const INTERNAL_TAIL_BYTES = 2 * (HASH_SIZE + PLACE_BYTES);

/** Versions that fit a place. */
export const VERSION_LIMIT = 1n << 48n;

/** The number of the page that a node index is in. */
export function pageOf(index: number): number {
  return Math.floor(index / PAGE_SPAN);
}

/** Key of a page: the version that wrote it and its number within; commits append, so keys ascend. */
export function pageKey(version: number, page: number): Uint8Array {
  const out = new Uint8Array(10);
  writeU48be(out, 0, version);
  writeU32be(out, 6, page);
  return out;
}

/** How many nodes a page has. */
export function pageNodes(page: Uint8Array): number {
  return readU16le(page);
}

/** Reads the node of a stub out of its page; its children are stubs. The page itself is not kept. */
export function nodeInPage(page: Uint8Array, stub: Stub): Node {
  const at = stub.index % PAGE_SPAN;
  const bytes = page.slice(at, at + storedSize(page, at));
  const parsed = parseNode(bytes);
  if (parsed.kind === LEAF) {
    return placed(parsed.leaf, stub);
  }
  const node = new InternalNode(parsed.label, parsed.labelBits);
  node.leaf = parsed.leaf;
  const places = parsed.end + 2 * HASH_SIZE;
  node.left = readChild(childHash(bytes, parsed.end, 0), bytes, places);
  node.right = readChild(childHash(bytes, parsed.end, 1), bytes, places + PLACE_BYTES);
  return placed(node, stub);
}

function placed<N extends Node>(node: N, stub: Stub): N {
  node.hash = stub.hash;
  node.version = stub.version;
  node.index = stub.index;
  return node;
}

function readChild(hash: Uint8Array, bytes: Uint8Array, at: number): Child {
  if (equalBytes(hash, EMPTY_HASH)) {
    return undefined;
  }
  const version = ((bytes[at] as number) * 256 + (bytes[at + 1] as number)) * 0x1_0000_0000 + readU32be(bytes, at + 2);
  const index = readU32be(bytes, at + 6) * PAGE_SPAN + (bytes[at + 10] as number) * 256 + (bytes[at + 11] as number);
  return new Stub(hash, version, index);
}

function leafSize(leaf: LeafNode): number {
  return 7 + leaf.key.length + leaf.value.length;
}

/** Length of the leaf that begins at an offset of a page. */
function storedLeafSize(page: Uint8Array, at: number): number {
  const key = readU16le(page, at + 1);
  return 7 + key + readU32le(page, at + 3 + key);
}

/** Length of the node that begins at an offset of a page. */
function storedSize(page: Uint8Array, at: number): number {
  if (page[at] === 0) {
    return storedLeafSize(page, at);
  }
  const head = 3 + bytesOfBits(readU16le(page, at + 1));
  return head + (page[at + head] === 0 ? storedLeafSize(page, at + head) : 1) + INTERNAL_TAIL_BYTES;
}

/** Puts nodes into pages. */
export class PageWriter {
  #page: number;
  #bytes = new Uint8Array(4 * FULL_PAGE_BYTES);
  #size = HEADER_BYTES;
  #nodes = 0;
  readonly #version: number;
  readonly #put: (key: Uint8Array, page: Uint8Array) => void;

  /** @param firstPage number of the first page to write */
  constructor(version: number, firstPage: number, put: (key: Uint8Array, page: Uint8Array) => void) {
    this.#version = version;
    this.#page = firstPage;
    this.#put = put;
  }

  /** Writes a node whose children have their places, and gives it its own. */
  write(node: Node): void {
    node.version = this.#version;
    node.index = this.#page * PAGE_SPAN + this.#size;
    if (node.kind === LEAF) {
      this.#leaf(node);
    } else {
      this.#internal(node);
    }
    this.#nodes++;
    if (this.#size >= FULL_PAGE_BYTES) {
      this.#flush();
    }
  }

  /** Writes the last page. Returns the number of the page after it. */
  finish(): number {
    if (this.#nodes > 0) {
      this.#flush();
    }
    return this.#page;
  }

  #flush(): void {
    this.#bytes[0] = this.#nodes & 255;
    this.#bytes[1] = this.#nodes >> 8;
    this.#put(pageKey(this.#version, this.#page), this.#bytes.subarray(0, this.#size));
    this.#page++;
    this.#size = HEADER_BYTES;
    this.#nodes = 0;
  }

  #room(bytes: number): void {
    if (this.#size + bytes > this.#bytes.length) {
      const larger = new Uint8Array(this.#size + bytes);
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
  }

  /** The serialized form of the protocol, written in place. */
  #leaf(leaf: LeafNode): void {
    this.#room(leafSize(leaf));
    const out = this.#bytes;
    let at = this.#size;
    out[at++] = 0;
    out[at++] = leaf.key.length & 255;
    out[at++] = leaf.key.length >> 8;
    out.set(leaf.key, at);
    at += leaf.key.length;
    out[at++] = leaf.value.length & 255;
    out[at++] = (leaf.value.length >>> 8) & 255;
    out[at++] = (leaf.value.length >>> 16) & 255;
    out[at++] = leaf.value.length >>> 24;
    out.set(leaf.value, at);
    this.#size = at + leaf.value.length;
  }

  /** The full form of the protocol, then the places of the children. */
  #internal(node: InternalNode): void {
    this.#room(3 + node.label.length + 1 + INTERNAL_TAIL_BYTES);
    const out = this.#bytes;
    out[this.#size] = 1;
    out[this.#size + 1] = node.labelBits & 255;
    out[this.#size + 2] = node.labelBits >> 8;
    out.set(node.label, this.#size + 3);
    this.#size += 3 + node.label.length;
    if (node.leaf === undefined) {
      out[this.#size++] = 2;
    } else {
      this.#leaf(node.leaf as LeafNode);
    }
    this.#room(INTERNAL_TAIL_BYTES);
    const at = this.#size;
    this.#child(at, at + 2 * HASH_SIZE, node.left);
    this.#child(at + HASH_SIZE, at + 2 * HASH_SIZE + PLACE_BYTES, node.right);
    this.#size += INTERNAL_TAIL_BYTES;
  }

  #child(hashAt: number, placeAt: number, child: Child): void {
    const out = this.#bytes;
    out.set(child === undefined ? EMPTY_HASH : (child.hash as Uint8Array), hashAt);
    const offset = child === undefined ? 0 : child.index % PAGE_SPAN;
    writeU48be(out, placeAt, child?.version ?? 0);
    writeU32be(out, placeAt + 6, pageOf(child?.index ?? 0));
    out[placeAt + 10] = offset >> 8;
    out[placeAt + 11] = offset & 255;
  }
}

function writeU48be(out: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  out[at] = high >> 8;
  out[at + 1] = high & 255;
  writeU32be(out, at + 2, value);
}

function writeU32be(out: Uint8Array, at: number, value: number): void {
  out[at] = (value >>> 24) & 255;
  out[at + 1] = (value >>> 16) & 255;
  out[at + 2] = (value >>> 8) & 255;
  out[at + 3] = value & 255;
}
