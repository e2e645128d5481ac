/**
 * The walk in key order that proofs are made of. Which nodes it visits, and in which order, is protocol (mkvs: iterator):
 * another walk would find the same keys and prove them with other bytes.
 */
import { compareBytes } from "#common/bytes.js";
import { bitAt, joinBits, sliceBits, withBit } from "../node/bits.js";
import { type InternalNode, LEAF, type LeafNode, type Node } from "../node/node.js";
import { loadChild, loadLeaf, type NodeTree } from "../tree/node-tree.js";
import type { ProofBuilder } from "./builder.js";

const BEFORE = 0;
const AT = 1;
const AT_LEFT = 2;
const AFTER = 3;

/** An internal node on the way, and where to go on in it. */
interface Frame {
  readonly node: InternalNode;
  /** Bits of the path that end with this node's label. */
  readonly depth: number;
  readonly path: Uint8Array;
  state: typeof BEFORE | typeof AT | typeof AT_LEFT | typeof AFTER;
  /** The key as this visit of the node sees it. */
  key: Uint8Array;
  /** Everything below is larger than the key, so the first that comes is the one. */
  first: boolean;
  /** The key ends at or above this node. */
  short: boolean;
  /** The search that the members above belong to. */
  search: number;
}

/** Walks a tree and includes every visited node in a proof. */
export class ProofWalk {
  readonly #tree: NodeTree;
  readonly #builder: ProofBuilder;
  #frames: Frame[] = [];
  #search = 0;
  #found: LeafNode | undefined;

  constructor(tree: NodeTree, builder: ProofBuilder) {
    this.#tree = tree;
    this.#builder = builder;
  }

  /** Key where the walk stands, or undefined past the end. */
  get key(): Uint8Array | undefined {
    return this.#found?.key;
  }

  /** Goes to the key or the next larger one. */
  seek(key: Uint8Array): void {
    this.#frames = [];
    this.#found = undefined;
    this.#search++;
    this.#visit(this.#tree.loadRoot(key, true), 0, new Uint8Array(0), key);
    this.#run(key);
  }

  /** Goes to the next larger key. */
  next(): void {
    const from = this.#found;
    if (from === undefined) {
      return;
    }
    this.#found = undefined;
    this.#search++;
    this.#run(from.key);
  }

  /** Goes on in the deepest open node until a leaf is found or nothing is left. */
  #run(from: Uint8Array): void {
    while (this.#found === undefined) {
      const frame = this.#frames.at(-1);
      if (frame === undefined) {
        return;
      }
      if (frame.search !== this.#search) {
        // Left open by an earlier search: it is visited anew, with the key that was found last.
        this.#builder.include(frame.node);
        aim(frame, from, this.#search);
      }
      this.#step(frame);
    }
  }

  #step(frame: Frame): void {
    const { node, depth, path } = frame;
    const { source } = this.#tree;
    switch (frame.state) {
      case BEFORE:
        frame.state = AT;
        if (frame.short || frame.first) {
          this.#visit(loadLeaf(source, node, frame.key, true), depth, path, frame.key);
        }
        return;
      case AT:
        frame.key = frame.short ? withBit(frame.key, depth, false) : frame.key;
        if (!bitAt(frame.key, depth) || frame.first) {
          frame.state = AT_LEFT;
          this.#visit(loadChild(source, node, false, frame.key, true), depth, path, frame.key);
          return;
        }
        break;
      case AT_LEFT:
        frame.key = withBit(sliceBits(frame.key, 0, depth), depth, true);
        break;
      default:
        this.#frames.pop();
        return;
    }
    frame.state = AFTER;
    this.#visit(loadChild(source, node, true, frame.key, true), depth, path, frame.key);
  }

  #visit(node: Node | undefined, depth: number, path: Uint8Array, key: Uint8Array): void {
    if (node === undefined) {
      return;
    }
    this.#builder.include(node);
    if (node.kind === LEAF) {
      this.#found = compareBytes(node.key, key) >= 0 ? node : undefined;
      return;
    }
    const end = depth + node.labelBits;
    const frame: Frame = {
      node,
      depth: end,
      path: joinBits(path, depth, node.label, node.labelBits),
      state: BEFORE,
      key,
      first: false,
      short: false,
      search: 0,
    };
    aim(frame, key, this.#search);
    this.#frames.push(frame);
  }
}

function aim(frame: Frame, key: Uint8Array, search: number): void {
  const bits = key.length << 3;
  frame.key = key;
  frame.first = frame.depth > 0 && bits >= frame.depth && compareBytes(key, frame.path) < 0;
  frame.short = bits <= frame.depth;
  frame.search = search;
}
