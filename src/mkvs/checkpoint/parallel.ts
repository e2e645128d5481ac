/**
 * Cuts a tree into chunks by subtrees, as several threads of the reference would (mkvs: checkpoints, parallel chunker).
 * Which chunks there are depends on the number of threads, so it is part of what identifies a checkpoint; here one
 * thread makes them all.
 */
import type { InternalNode, Node } from "../node/node.js";
import { INTERNAL, LEAF } from "../node/node.js";
import { ProofBuilder } from "../proof/builder.js";
import { PROOF_V0 } from "../proof/proof.js";
import { loadChild, loadLeaf, type NodeTree } from "../tree/node-tree.js";
import { ChunkWriter } from "./chunk.js";

const BEFORE = 0;
const AT = 1;
const AT_LEFT = 2;
const AT_RIGHT = 3;
const MAX_SPLIT_PASSES = 10;
const NO_KEY = new Uint8Array(0);

/** A node on the way and how far it has been visited. */
interface Step {
  readonly node: Node;
  readonly state: typeof BEFORE | typeof AT | typeof AT_LEFT | typeof AT_RIGHT;
}

/**
 * The chunks of a tree, compressed.
 *
 * @param root hash of the tree
 * @param threads subtrees to work on at a time, at least 1
 */
export function* parallelChunks(
  tree: NodeTree,
  root: Uint8Array,
  chunkSize: number,
  threads: number,
): Iterable<Uint8Array> {
  const node = tree.loadRoot(NO_KEY, true);
  if (node === undefined) {
    const writer = new ChunkWriter(64);
    writer.empty();
    yield writer.finish();
    return;
  }
  let tasks = [new Subtree(tree, root, [], [{ node, state: BEFORE }])];
  while (tasks.length > 0) {
    tasks = splitTasks(tasks, threads);
    for (const task of tasks) {
      yield task.chunk(chunkSize);
    }
    tasks = tasks.filter((task) => !task.finished);
  }
}

function splitTasks(tasks: readonly Subtree[], threads: number): Subtree[] {
  let current = [...tasks];
  for (let pass = 0; pass < MAX_SPLIT_PASSES; pass++) {
    const next: Subtree[] = [];
    for (const [i, task] of current.entries()) {
      if (next.length + current.length - i >= threads) {
        return [...next, ...current.slice(i)];
      }
      next.push(...task.split());
    }
    current = next;
  }
  return current;
}

/** A subtree that is being cut, and how far that is. */
class Subtree {
  readonly #tree: NodeTree;
  readonly #root: Uint8Array;
  /** Nodes above the subtree. */
  #path: readonly Node[];
  #pending: Step[];

  constructor(tree: NodeTree, root: Uint8Array, path: readonly Node[], pending: Step[]) {
    this.#tree = tree;
    this.#root = root;
    this.#path = path;
    this.#pending = pending;
  }

  get finished(): boolean {
    return this.#pending.length === 0;
  }

  chunk(chunkSize: number): Uint8Array {
    const builder = new ProofBuilder(PROOF_V0, this.#root, this.#root);
    for (const node of this.#path) {
      builder.include(node);
    }
    for (const { node } of this.#pending) {
      builder.include(node);
    }
    let leafLast = false;
    for (;;) {
      const step: Step | undefined = builder.size >= chunkSize && leafLast ? undefined : this.#pending.pop();
      if (step === undefined) {
        break;
      }
      builder.include(step.node);
      if (step.node.kind === LEAF) {
        leafLast = true;
      } else {
        leafLast = leafLast && step.state !== BEFORE;
        this.#advance(step.node, step.state);
      }
    }
    this.#trim();
    const writer = new ChunkWriter(Math.min(chunkSize, 1 << 20) + 1024);
    for (const entry of builder.build().entries) {
      writer.entry(entry);
    }
    return writer.finish();
  }

  #advance(node: InternalNode, state: Step["state"]): void {
    const { source } = this.#tree;
    if (state === AT_RIGHT) {
      return;
    }
    this.#pending.push({ node, state: (state + 1) as Step["state"] });
    const next =
      state === BEFORE
        ? loadLeaf(source, node, NO_KEY, true)
        : loadChild(source, node, state === AT_LEFT, NO_KEY, true);
    if (next !== undefined) {
      this.#pending.push({ node: next, state: BEFORE });
    }
  }

  /** Takes away nodes of which nothing is left to visit. */
  #trim(): void {
    for (let step = this.#pending.at(-1); step !== undefined; step = this.#pending.at(-1)) {
      const { node, state } = step;
      const unfinished =
        state === BEFORE ||
        (node.kind === INTERNAL &&
          ((state === AT && (node.left !== undefined || node.right !== undefined)) ||
            (state === AT_LEFT && node.right !== undefined)));
      if (unfinished) {
        return;
      }
      this.#pending.pop();
    }
  }

  /** The same work as several tasks, if it can be divided. */
  split(): Subtree[] {
    const first = this.#pending[0];
    if (first === undefined) {
      return [];
    }
    const { node, state } = first;
    if (node.kind !== INTERNAL) {
      return [this];
    }
    if (state === BEFORE || state === AT) {
      const tasks = [...this.#task(node, false), ...this.#task(node, true)];
      return tasks.length === 0 ? [this] : tasks;
    }
    if (state === AT_LEFT && this.#pending.length === 1) {
      return [this];
    }
    const right = state === AT_LEFT ? this.#task(node, true) : [];
    this.#path = [...this.#path, node];
    this.#pending = this.#pending.slice(1);
    return [...right, this];
  }

  #task(parent: InternalNode, right: boolean): Subtree[] {
    const child = loadChild(this.#tree.source, parent, right, NO_KEY, true);
    return child === undefined
      ? []
      : [new Subtree(this.#tree, this.#root, [...this.#path, parent], [{ node: child, state: BEFORE }])];
  }
}
