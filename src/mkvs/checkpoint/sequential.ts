/** Cuts a tree into chunks one after the other, in key order (mkvs: checkpoints, sequential chunker). */
import { PROOF_V0 } from "../proof/proof.js";
import type { NodeReader } from "../tree/node-reader.js";
import { ChunkWriter } from "./chunk.js";

/** Which part of an internal node the walk is in; children before it are done. */
const IN_LEAF = 0;
const IN_LEFT = 1;
const IN_RIGHT = 2;

/**
 * The chunks of a tree, compressed. Each holds the nodes that a walk in key order visits, from one key until the visited
 * nodes have reached the chunk size; what was visited before or is not visited yet stands there by its hash.
 *
 * @param chunkSize bytes of entries after which a chunk ends with the next key
 */
export function* sequentialChunks<H>(reader: NodeReader<H>, chunkSize: number): Iterable<Uint8Array> {
  const root = reader.root();
  if (root === undefined) {
    const writer = new ChunkWriter(64);
    writer.empty();
    yield writer.finish();
    return;
  }
  const walk = new ChunkWalk(reader, chunkSize);
  walk.begin(root);
  while (!walk.done) {
    yield walk.chunk();
  }
}

class ChunkWalk<H> {
  readonly #reader: NodeReader<H>;
  readonly #chunkSize: number;
  /** The open nodes, outermost first, and where the walk is in each. */
  readonly #open: H[] = [];
  readonly #states: number[] = [];
  /** The leaf where the walk stands; undefined past the end. */
  #at: H | undefined;
  /** Where the visited nodes go; undefined while the walk only moves to the next key. */
  #writer: ChunkWriter | undefined;
  #size = 0;

  constructor(reader: NodeReader<H>, chunkSize: number) {
    this.#reader = reader;
    this.#chunkSize = chunkSize;
  }

  get done(): boolean {
    return this.#at === undefined;
  }

  begin(root: H): void {
    this.#descend(root);
  }

  chunk(): Uint8Array {
    const writer = new ChunkWriter(Math.min(this.#chunkSize, 1 << 20) + 1024);
    this.#writer = writer;
    this.#size = 0;
    this.#reenter();
    while (this.#at !== undefined && this.#size < this.#chunkSize) {
      this.#next();
    }
    this.#leaveOpen();
    this.#writer = undefined;
    this.#next();
    return writer.finish();
  }

  /** Writes the path to the key where the chunk begins. */
  #reenter(): void {
    for (let i = 0; i < this.#open.length; i++) {
      const node = this.#open[i] as H;
      this.#write(node);
      if (this.#states[i] === IN_RIGHT) {
        this.#byHash(this.#reader.left(node));
      }
    }
    if (this.#at !== undefined) {
      this.#visitLeaf(this.#at);
    }
  }

  /** Writes what the open nodes still have before them. */
  #leaveOpen(): void {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const node = this.#open[i] as H;
      const state = this.#states[i] as number;
      if (state === IN_LEAF) {
        this.#byHash(this.#reader.left(node));
      }
      if (state !== IN_RIGHT) {
        this.#byHash(this.#reader.right(node));
      }
    }
  }

  /** Goes to the next key. */
  #next(): void {
    this.#at = undefined;
    for (;;) {
      const top = this.#open.length - 1;
      if (top < 0) {
        return;
      }
      const node = this.#open[top] as H;
      if (this.#states[top] === IN_RIGHT) {
        this.#open.pop();
        this.#states.pop();
        continue;
      }
      const state = this.#states[top] === IN_LEAF ? IN_LEFT : IN_RIGHT;
      this.#states[top] = state;
      if (this.#enter(state === IN_LEFT ? this.#reader.left(node) : this.#reader.right(node))) {
        return;
      }
    }
  }

  #enter(child: H | undefined): boolean {
    if (child === undefined) {
      this.#writer?.empty();
      return false;
    }
    this.#descend(child);
    return true;
  }

  /** Goes to the first key of a subtree. */
  #descend(subtree: H): void {
    let handle: H | undefined = subtree;
    while (handle !== undefined) {
      const node: H = this.#reader.load(handle);
      if (this.#reader.isLeaf(node)) {
        this.#at = node;
        if (this.#writer !== undefined) {
          this.#visitLeaf(node, false);
        }
        return;
      }
      this.#open.push(node);
      if (this.#writer !== undefined) {
        this.#write(node);
      }
      const leaf = this.#reader.leaf(node);
      if (leaf !== undefined) {
        this.#states.push(IN_LEAF);
        this.#at = this.#reader.load(leaf);
        if (this.#writer !== undefined) {
          this.#visitLeaf(this.#at);
        }
        return;
      }
      this.#states.push(IN_LEFT);
      handle = this.#reader.left(node);
      if (handle === undefined) {
        this.#writer?.empty();
        this.#states[this.#states.length - 1] = IN_RIGHT;
        handle = this.#reader.right(node);
      }
    }
  }

  /** An embedded leaf is written with its node, but counts once more for being visited. */
  #visitLeaf(leaf: H, embedded = this.#states.at(-1) === IN_LEAF): void {
    if (embedded) {
      this.#size += 1 + this.#reader.compact(leaf, PROOF_V0).length;
    } else {
      this.#write(leaf);
    }
  }

  #write(node: H): void {
    const compact = this.#reader.compact(node, PROOF_V0);
    this.#size += 1 + compact.length;
    this.#writer?.node(compact);
  }

  #byHash(child: H | undefined): void {
    if (child === undefined) {
      this.#writer?.empty();
    } else {
      this.#writer?.hash(this.#reader.hash(child));
    }
  }
}
