/**
 * Applies many changes to a tree at once. The changes are sorted, so each node on the way to any of them is visited,
 * copied and hashed once; nothing of the old tree is changed. A stack of its own carries the walk, since keys made for it
 * can make a tree 65,000 levels deep.
 */
import { equalBytes } from "#common/bytes.js";
import { bitAt, commonBits, commonKeyBits, joinBits, sliceBits } from "../node/bits.js";
import { type Arena, HASH_WORDS } from "./arena.js";
import { Refs } from "./refs.js";
import { hashNodes } from "./node-hasher.js";
import { sharedHashEngine } from "./hash-engine.js";

/** Gives the key of a leaf by its reference, good until the next call. */
export type KeyOf = (ref: number) => Uint8Array;
/** Tells where the leaf that a change made lies, or keeps its content until that is known. */
export type PlaceLeaf = (ref: number, change: number) => void;

/** Changes in key order, each key once: a value, or null to remove. */
export interface Changes {
  readonly keys: readonly Uint8Array[];
  readonly values: readonly (Uint8Array | null)[];
  /** Hashes of the leaves that the changes make, eight words each, where they are known already. */
  readonly hashes?: Int32Array;
}

/** What came of a batch. */
export interface Applied {
  /** Root of the changed tree. */
  readonly ref: number;
  /** References that are new. */
  readonly born: Refs;
  /** References of the old tree that the new one does not use (and some new ones that none uses). */
  readonly retired: Refs;
  /** For each change: the leaf that its key had and the one that it has now, or 0. Equal ones changed nothing. */
  readonly oldLeaves: Int32Array;
  readonly newLeaves: Int32Array;
}

/** Stands for a result that is still to come. */
const LATER = 0x7fffffff;
const IN_LEAF = 0;
const IN_LEFT = 1;
const IN_RIGHT = 2;
const NO_BITS = new Uint8Array(0);

/** An internal node under way: one of the old tree, or one that will be new. */
class Frame {
  /** Row of the old node; 0 for a new one. */
  row = 0;
  /** Leading bits of the old node's label that no longer belong to it. */
  skip = 0;
  /** Label of a new node. */
  label: Uint8Array = NO_BITS;
  bits = 0;
  /** Bits from the root to the end of the label. */
  depth = 0;
  from = 0;
  to = 0;
  middle = 0;
  state = IN_LEAF;
  leaf = 0;
  left = 0;
  right = 0;
  leftSkip = 0;
  rightSkip = 0;
}

/** Applies changes to a tree; the nodes of the result have their hashes. */
export function applyChanges(...all: Parameters<typeof applyUnhashed>): Applied {
  const applied = applyUnhashed(...all);
  hashNodes(all[0], applied.born);
  return applied;
}

/** The same without the hashes of internal nodes, which may be without them in the tree before, too. */
export function applyUnhashed(
  arena: Arena,
  root: number,
  changes: Changes,
  keyOf: KeyOf,
  placeLeaf: PlaceLeaf,
): Applied {
  const walk = new Walk(arena, changes, keyOf, placeLeaf);
  const ref = walk.run(root);
  const { born, retired, oldLeaves, newLeaves } = walk;
  return { ref, born, retired, oldLeaves, newLeaves };
}

class Walk {
  readonly born = new Refs();
  readonly retired = new Refs();
  readonly oldLeaves: Int32Array;
  readonly newLeaves: Int32Array;
  readonly #arena: Arena;
  readonly #keys: readonly Uint8Array[];
  readonly #values: readonly (Uint8Array | null)[];
  readonly #hashes: Int32Array;
  readonly #keyOf: KeyOf;
  readonly #placeLeaf: PlaceLeaf;
  readonly #frames: Frame[] = [];
  #top = -1;

  constructor(arena: Arena, { keys, values, hashes }: Changes, keyOf: KeyOf, placeLeaf: PlaceLeaf) {
    this.#arena = arena;
    this.#keys = keys;
    this.#values = values;
    this.#hashes = hashes ?? sharedHashEngine().hashLeaves(keys, values);
    this.#keyOf = keyOf;
    this.#placeLeaf = placeLeaf;
    this.oldLeaves = new Int32Array(keys.length);
    this.newLeaves = new Int32Array(keys.length);
  }

  run(root: number): number {
    let result = this.#enter(root, 0, 0, 0, this.#keys.length);
    while (this.#top >= 0) {
      const frame = this.#frames[this.#top] as Frame;
      if (result !== LATER) {
        if (frame.state === IN_LEFT) {
          frame.left = result;
        } else if (frame.state === IN_RIGHT) {
          frame.right = result;
        }
      }
      result = this.#step(frame, result === LATER);
    }
    return result;
  }

  /** Goes on in a node. A new frame begins with its leaf; later ones come here when a child is done. */
  #step(frame: Frame, fresh: boolean): number {
    let result = LATER;
    if (fresh) {
      if (frame.from < frame.to && (this.#keys[frame.from] as Uint8Array).length << 3 === frame.depth) {
        frame.leaf = this.#change(frame.leaf, frame.from);
        frame.from++;
      }
      frame.middle = this.#firstRight(frame);
      frame.state = IN_LEFT;
      result = this.#enter(frame.left, frame.leftSkip, frame.depth, frame.from, frame.middle);
      if (result === LATER) {
        return LATER;
      }
      frame.left = result;
    }
    if (frame.state === IN_LEFT) {
      frame.state = IN_RIGHT;
      result = this.#enter(frame.right, frame.rightSkip, frame.depth, frame.middle, frame.to);
      if (result === LATER) {
        return LATER;
      }
      frame.right = result;
    }
    this.#top--;
    return this.#finish(frame);
  }

  /** The first change of a frame that belongs to the right: the branch bit is the first one below the label. */
  #firstRight({ from, to, depth }: Frame): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bitAt(this.#keys[middle] as Uint8Array, depth)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** Begins a subtree whose label starts at `depth`. Gives its result, or LATER after opening a frame. */
  #enter(ref: number, skip: number, depth: number, from: number, to: number): number {
    if (from === to) {
      return skip === 0 ? ref : this.#shortened(ref, skip);
    }
    if (ref === 0) {
      return this.#enterNothing(depth, from, to);
    }
    return ref < 0 ? this.#enterLeaf(ref, depth, from, to) : this.#enterInternal(ref, skip, depth, from, to);
  }

  #enterNothing(depth: number, first: number, last: number): number {
    let from = first;
    let to = last;
    while (from < to && this.#values[from] === null) {
      from++;
    }
    while (from < to && this.#values[to - 1] === null) {
      to--;
    }
    if (from === to) {
      return 0;
    }
    if (from + 1 === to) {
      return this.#newLeaf(from);
    }
    const key = this.#keys[from] as Uint8Array;
    const common = commonKeyBits(key, this.#keys[to - 1] as Uint8Array, depth);
    this.#open(0, 0, sliceBits(key, depth, depth + common), common, depth + common, from, to);
    return LATER;
  }

  #enterLeaf(ref: number, depth: number, first: number, last: number): number {
    const key = this.#keyOf(ref);
    let from = first;
    let to = last;
    while (from < to && this.#values[from] === null && !equalBytes(this.#keys[from] as Uint8Array, key)) {
      from++;
    }
    while (from < to && this.#values[to - 1] === null && !equalBytes(this.#keys[to - 1] as Uint8Array, key)) {
      to--;
    }
    if (from === to) {
      return ref;
    }
    const low = this.#keys[from] as Uint8Array;
    if (from + 1 === to && equalBytes(low, key)) {
      return this.#change(ref, from);
    }
    const toLow = commonKeyBits(low, key, depth);
    const toHigh = commonKeyBits(this.#keys[to - 1] as Uint8Array, key, depth);
    const common = toLow < toHigh ? toLow : toHigh;
    const end = depth + common;
    const frame = this.#open(0, 0, sliceBits(key, depth, end), common, end, from, to);
    if (key.length << 3 === end) {
      frame.leaf = ref;
    } else if (bitAt(key, end)) {
      frame.right = ref;
    } else {
      frame.left = ref;
    }
    return LATER;
  }

  #enterInternal(ref: number, skip: number, depth: number, first: number, last: number): number {
    const arena = this.#arena;
    const bits = arena.labelBits(ref) - skip;
    let from = first;
    let to = last;
    // The first bit below another node's label is known to agree: it decided the side.
    if (bits !== 1 || depth === 0) {
      const whole = arena.label(ref);
      const label = skip === 0 ? whole : sliceBits(whole, skip, skip + bits);
      let low = this.#agreement(label, bits, depth, from);
      while (low < bits && this.#values[from] === null) {
        from++;
        if (from === to) {
          return skip === 0 ? ref : this.#shortened(ref, skip);
        }
        low = this.#agreement(label, bits, depth, from);
      }
      let high = this.#agreement(label, bits, depth, to - 1);
      while (high < bits && this.#values[to - 1] === null) {
        to--;
        high = this.#agreement(label, bits, depth, to - 1);
      }
      const common = low < high ? low : high;
      if (common < bits) {
        const frame = this.#open(0, 0, sliceBits(label, 0, common), common, depth + common, from, to);
        if (bitAt(label, common)) {
          frame.right = ref;
          frame.rightSkip = skip + common;
        } else {
          frame.left = ref;
          frame.leftSkip = skip + common;
        }
        return LATER;
      }
    }
    const frame = this.#open(ref, skip, NO_BITS, bits, depth + bits, from, to);
    frame.leaf = arena.leaf(ref);
    frame.left = arena.left(ref);
    frame.right = arena.right(ref);
    return LATER;
  }

  /** How many bits of a label a change's key has. Sorted keys agree least at their ends. */
  #agreement(label: Uint8Array, bits: number, depth: number, change: number): number {
    const key = this.#keys[change] as Uint8Array;
    return commonBits(label, bits, key, key.length << 3, depth);
  }

  #open(row: number, skip: number, label: Uint8Array, bits: number, depth: number, from: number, to: number): Frame {
    const top = ++this.#top;
    let frame = this.#frames[top];
    if (frame === undefined) {
      frame = new Frame();
      this.#frames.push(frame);
    }
    frame.row = row;
    frame.skip = skip;
    frame.label = label;
    frame.bits = bits;
    frame.depth = depth;
    frame.from = from;
    frame.to = to;
    frame.state = IN_LEAF;
    frame.leaf = 0;
    frame.left = 0;
    frame.right = 0;
    frame.leftSkip = 0;
    frame.rightSkip = 0;
    return frame;
  }

  #finish(frame: Frame): number {
    const { row, skip, leaf, left, right, bits } = frame;
    const arena = this.#arena;
    if (row !== 0) {
      if (skip === 0 && leaf === arena.leaf(row) && left === arena.left(row) && right === arena.right(row)) {
        return row;
      }
      this.retired.push(row);
    }
    if (left === 0 && right === 0) {
      return leaf;
    }
    const label = row === 0 ? frame.label : this.#labelFrom(row, skip);
    if (leaf === 0 && (left === 0 || right === 0)) {
      const only = left === 0 ? right : left;
      return only < 0 ? only : this.#pulledUp(only, label, bits);
    }
    return this.#newInternal(label, bits, leaf, left, right);
  }

  #labelFrom(row: number, skip: number): Uint8Array {
    const label = this.#arena.label(row);
    return skip === 0 ? label : sliceBits(label, skip, this.#arena.labelBits(row));
  }

  /** The only child of a vanishing node takes over its label. */
  #pulledUp(row: number, above: Uint8Array, aboveBits: number): number {
    const arena = this.#arena;
    const bits = arena.labelBits(row);
    const label = joinBits(above, aboveBits, arena.label(row), bits);
    return this.#replaced(row, label, aboveBits + bits);
  }

  /** A node that has lost the leading bits of its label to a new one above it. */
  #shortened(row: number, skip: number): number {
    return this.#replaced(row, this.#labelFrom(row, skip), this.#arena.labelBits(row) - skip);
  }

  #replaced(row: number, label: Uint8Array, bits: number): number {
    const arena = this.#arena;
    this.retired.push(row);
    return this.#newInternal(label, bits, arena.leaf(row), arena.left(row), arena.right(row));
  }

  #newInternal(label: Uint8Array, bits: number, leaf: number, left: number, right: number): number {
    const row = this.#arena.addInternal(label, bits, leaf, left, right);
    this.born.push(row);
    return row;
  }

  /** What a change makes of the leaf of its key, which is there or not. */
  #change(old: number, change: number): number {
    this.oldLeaves[change] = old;
    if (this.#values[change] === null) {
      if (old !== 0) {
        this.retired.push(old);
      }
      return 0;
    }
    if (old === 0) {
      return this.#newLeaf(change);
    }
    const leaf = this.#addLeaf(change);
    if (this.#arena.sameLeaf(old, leaf)) {
      // The value is what it was: the tree keeps the old leaf.
      this.#arena.freeRef(leaf);
      this.newLeaves[change] = old;
      return old;
    }
    this.retired.push(old);
    return this.#register(leaf, change);
  }

  #newLeaf(change: number): number {
    return this.#register(this.#addLeaf(change), change);
  }

  #addLeaf(change: number): number {
    const leaf = this.#arena.addLeaf();
    this.#arena.setLeafHash(leaf, this.#hashes, change * HASH_WORDS);
    return leaf;
  }

  #register(leaf: number, change: number): number {
    this.born.push(leaf);
    this.newLeaves[change] = leaf;
    this.#placeLeaf(leaf, change);
    return leaf;
  }
}
