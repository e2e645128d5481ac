/** Hashes a proof entry by entry, without building its tree: the fast way when only the leaves matter. */
import { readU16le, readU32le } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { EMPTY_HASH, HASH_SIZE } from "#common/hash.js";
import { sharedHashEngine } from "../arena/hash-engine.js";
import { bytesOfBits } from "../node/bits.js";
import { HASH_ENTRY_BYTES } from "./builder.js";
import { ENTRY_HASH, ENTRY_NODE, PROOF_V0, PROOF_V1 } from "./proof.js";

const KIND_LEAF = 0;
const KIND_INTERNAL = 1;
const NO_LEAF = 2;
/** Children that an internal node waits for: embedded leaf, left, right. */
const CHILDREN = 3;

const HASH_WORDS = HASH_SIZE >> 2;
const EMPTY_WORDS = new Int32Array(EMPTY_HASH.slice().buffer);
/** Room for the open nodes of most proofs, in bytes. */
const FIRST_ROOM = 2560;
/** Memory of hashers that are done, for the next ones: making it takes as long as several hashes. */
const spare: Uint8Array<ArrayBuffer>[] = [];

/** Gets each leaf of a proof, in the order in which the proof holds them. */
export type TakeLeaf = (key: Uint8Array, value: Uint8Array) => void;

/**
 * Takes the entries of a proof in order. Open nodes lie on a stack as the input of their hash, into which the hashes of
 * their children are written as they come: work and memory are linear in the entries, and depth costs nothing.
 */
export class ProofHasher {
  readonly #version: number;
  readonly #takeLeaf: TakeLeaf;
  readonly #engine = sharedHashEngine();
  #bytes = spare.pop() ?? new Uint8Array(FIRST_ROOM);
  /** The same memory: nodes begin at whole words, so that most is copied a word at a time. */
  #words = new Int32Array(this.#bytes.buffer);
  /** For each open node: where its hash input begins, where its child hashes begin, how many children have come. */
  readonly #starts: number[] = [];
  readonly #slots: number[] = [];
  readonly #come: number[] = [];
  #end = 0;
  #root: Uint8Array | undefined;

  /** @throws DecodeError for a version that does not exist */
  constructor(version: number, takeLeaf: TakeLeaf) {
    if (version !== PROOF_V0 && version !== PROOF_V1) {
      throw new DecodeError(`unsupported proof version ${version}`, "proof.v");
    }
    this.#version = version;
    this.#takeLeaf = takeLeaf;
  }

  /** Hash of what the proof is rooted at, as soon as all of it has come. */
  get root(): Uint8Array | undefined {
    return this.#root;
  }

  /** Gives the memory back. The hasher is not to be used afterwards. */
  release(): void {
    if (this.#bytes.length === FIRST_ROOM && spare.length === 0) {
      spare.push(this.#bytes);
    }
  }

  /**
   * Takes the next entry.
   * @throws DecodeError, without the number of the entry
   */
  take(entry: Uint8Array | null): void {
    if (this.#root !== undefined) {
      throw new DecodeError("unused entry");
    }
    if (entry === null) {
      this.#place(EMPTY_HASH, 0, EMPTY_WORDS);
      return;
    }
    switch (entry[0]) {
      case ENTRY_HASH:
        if (entry.length !== HASH_ENTRY_BYTES) {
          throw new DecodeError(`hash entry of ${entry.length} bytes instead of ${HASH_ENTRY_BYTES}`);
        }
        this.#place(entry, 1, undefined);
        return;
      case ENTRY_NODE:
        this.#takeNode(entry);
        return;
      default:
        throw new DecodeError(entry.length === 0 ? "empty entry" : `unknown entry tag ${entry[0]}`);
    }
  }

  #takeNode(entry: Uint8Array): void {
    need(entry, 3, "node");
    if (entry[1] === KIND_LEAF) {
      this.#place(this.#leaf(entry, 1), 0, undefined);
      return;
    }
    if (entry[1] !== KIND_INTERNAL) {
      throw new DecodeError(`malformed node: unknown kind ${entry[1]}`);
    }
    need(entry, 4, "internal node");
    if (this.#come.at(-1) === 0) {
      throw new DecodeError("an internal node in the place of a leaf");
    }
    const labelEnd = 4 + bytesOfBits(readU16le(entry, 2));
    need(entry, labelEnd + 1, "label");
    if (entry[labelEnd] !== NO_LEAF && entry[labelEnd] !== KIND_LEAF) {
      throw new DecodeError(`malformed node: unknown kind ${entry[labelEnd]} of an embedded leaf`);
    }
    const start = (this.#end + 3) & -4;
    const slots = start + labelEnd - 1;
    this.#room(slots + CHILDREN * HASH_SIZE);
    // The head of the compact form is the head of the hash input.
    copy(this.#bytes, start, entry, 1, labelEnd);
    this.#starts.push(start);
    this.#slots.push(slots);
    this.#come.push(0);
    this.#end = slots + CHILDREN * HASH_SIZE;
    const inline = entry[labelEnd] === KIND_LEAF ? this.#leafHead(entry, labelEnd) : 0;
    if (this.#version === PROOF_V0) {
      const empty = inline === 0;
      this.#place(empty ? EMPTY_HASH : this.#leaf(entry, labelEnd), 0, empty ? EMPTY_WORDS : undefined);
    }
  }

  /** Where the value of a leaf begins. */
  #leafHead(entry: Uint8Array, at: number): number {
    need(entry, at + 3, "leaf");
    const keyEnd = at + 3 + readU16le(entry, at + 1);
    need(entry, keyEnd + 4, "leaf key");
    need(entry, keyEnd + 4 + readU32le(entry, keyEnd), "leaf value");
    return keyEnd + 4;
  }

  #leaf(entry: Uint8Array, at: number): Uint8Array {
    const valueAt = this.#leafHead(entry, at);
    const key = entry.subarray(at + 3, valueAt - 4);
    const value = entry.subarray(valueAt, valueAt + readU32le(entry, valueAt - 4));
    const hash = this.#engine.hashLeaf(key, value);
    this.#takeLeaf(key, value);
    return hash;
  }

  /**
   * Writes the hash of a finished child into its parent, and so on up while parents are finished by it.
   * @param hashWords the hash as words, if it is at hand so
   */
  #place(bytes: Uint8Array, from: number, hashWords: Int32Array | undefined): void {
    let hash = bytes;
    let words = hashWords;
    let at = from;
    for (;;) {
      const top = this.#slots.length - 1;
      if (top < 0) {
        this.#root = hash.slice(at, at + HASH_SIZE);
        return;
      }
      const come = this.#come[top] as number;
      const slot = (this.#slots[top] as number) + come * HASH_SIZE;
      if (words !== undefined && (slot & 3) === 0) {
        copyWords(this.#words, slot >> 2, words, 0, HASH_WORDS);
      } else {
        copy(this.#bytes, slot, hash, at, at + HASH_SIZE);
      }
      this.#come[top] = come + 1;
      if (come + 1 < CHILDREN) {
        return;
      }
      const start = this.#starts[top] as number;
      hash = this.#hashNode(start, (this.#slots[top] as number) + CHILDREN * HASH_SIZE);
      words = this.#engine.resultWords;
      at = 0;
      this.#end = start;
      this.#starts.pop();
      this.#slots.pop();
      this.#come.pop();
    }
  }

  /** The hash of an open node whose children have all come; good until the next hash. */
  #hashNode(start: number, end: number): Uint8Array {
    const engine = this.#engine;
    const length = end - start;
    if ((length & 3) !== 0 || length > engine.maxInput) {
      return engine.hash(this.#bytes, start, end);
    }
    copyWords(engine.words, engine.inputAt >> 2, this.#words, start >> 2, length >> 2);
    return engine.hashInput(length);
  }

  #room(size: number): void {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array((2 * size + 3) & -4);
      larger.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = larger;
      this.#words = new Int32Array(larger.buffer);
    }
  }
}

function copy(out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  for (let i = from, j = at; i < to; i++, j++) {
    out[j] = bytes[i] as number;
  }
}

function copyWords(out: Int32Array, to: number, words: Int32Array, from: number, count: number): void {
  for (let i = 0; i < count; i++) {
    out[to + i] = words[from + i] as number;
  }
}

function need(bytes: Uint8Array, end: number, what: string): void {
  if (bytes.length < end) {
    throw new DecodeError(`malformed node: ${what} needs ${end} bytes, ${bytes.length} are there`);
  }
}
