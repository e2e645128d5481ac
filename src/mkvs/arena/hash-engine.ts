/** SHA-512/256 over a block of memory that hash inputs are put together in, two at a time: the hash without the cost of a call. */
import { EMPTY_HASH, HASH_SIZE } from "#common/hash.js";
import { sha512_256 } from "#kernels";
import { leafHash } from "../node/node.js";
import {
  BLOCK_BYTES,
  FIRST_RESULT_AT,
  FREE_AT,
  putConstants,
  putInitialState,
  SECOND_RESULT_AT,
  sha512Module,
} from "./sha512-module.js";

/** The little of WebAssembly that is used here; the pure layers know no globals of a platform. */
declare const WebAssembly:
  | undefined
  | {
      readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
      readonly Instance: new (module: object) => { readonly exports: object };
    };

type HashTwo = (first: number, second: number, blocks: number) => void;

interface Exports {
  readonly h: HashTwo;
  readonly m: { readonly buffer: ArrayBuffer };
}

const LEAF_PREFIX = 0x00;
const PAGES = 1;
/** Longest input that goes through the engine's memory; longer ones take the usual way. */
const MAX_INPUT = 16_384;
/** Where the two inputs lie, each with room for its padding. */
const FIRST_AT = (FREE_AT + BLOCK_BYTES - 1) & -BLOCK_BYTES;
const SECOND_AT = FIRST_AT + MAX_INPUT + 2 * BLOCK_BYTES;
/** Where the inputs of two internal nodes of the usual form lie. */
const FIRST_NODE_AT = SECOND_AT + MAX_INPUT + 2 * BLOCK_BYTES;
const SECOND_NODE_AT = FIRST_NODE_AT + BLOCK_BYTES;
const NODE_BYTES = 4 + 3 * HASH_SIZE;
const HASH_WORDS = HASH_SIZE >> 2;
const FIRST_RESULT = FIRST_RESULT_AT >> 2;
const SECOND_RESULT = SECOND_RESULT_AT >> 2;
/** Bytes of the message length at the end of the last block, of which the upper ones are always zero here. */
const LENGTH_BYTES = 16;

/** Blocks of an input with its padding. */
function blocksOf(length: number): number {
  return ((length + LENGTH_BYTES) >> 7) + 1;
}

export class HashEngine {
  /** Where inputs are written, from `inputAt` on. */
  readonly bytes: Uint8Array;
  /** The same memory as words of the machine's byte order. */
  readonly words: Int32Array;
  /** Where the next input is to be written. */
  inputAt = FIRST_AT;
  readonly maxInput = MAX_INPUT;
  /**
   * Where two internal nodes without leaves and with labels of at most eight bits are written for `hashNodes`, as numbers
   * of words: prefix, bits and label are the first one, the hashes of the children the last sixteen of the 25.
   */
  readonly firstNode = FIRST_NODE_AT >> 2;
  readonly secondNode = SECOND_NODE_AT >> 2;
  readonly #hashTwo: HashTwo | undefined;
  /** The last answer of `hash`, `hashInput` or `hashLeaf` as words. */
  readonly resultWords = new Int32Array(HASH_WORDS);
  readonly #result = new Uint8Array(this.resultWords.buffer);
  /** Lengths of the inputs whose padding stands behind them. */
  #firstPadded = -1;
  #secondPadded = -1;
  /** The input that waits for a second one: its length, and where its hash goes. */
  #length = 0;
  #out: Int32Array = this.resultWords;
  #at = 0;

  constructor(webAssembly = true) {
    const exports = webAssembly ? instantiate() : undefined;
    const memory = exports?.m.buffer ?? new ArrayBuffer(PAGES * 65536);
    this.#hashTwo = exports?.h;
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    if (this.#hashTwo !== undefined) {
      this.#start(this.#hashTwo);
    }
  }

  /**
   * Takes the input that was written to `inputAt`. It is hashed together with the next one: its hash is there only after
   * `flush`. `inputAt` is another place afterwards.
   *
   * @param length of the input, at most `maxInput`
   * @param out gets the hash as eight words of the machine's byte order, that is as 32 bytes in order
   */
  push(length: number, out: Int32Array, at: number): void {
    if (this.inputAt === FIRST_AT) {
      this.#length = length;
      this.#out = out;
      this.#at = at;
      this.inputAt = SECOND_AT;
      return;
    }
    this.inputAt = FIRST_AT;
    const hashTwo = this.#hashTwo;
    const blocks = blocksOf(length);
    if (hashTwo === undefined || blocks !== blocksOf(this.#length)) {
      this.#digestAt(FIRST_AT, this.#length, this.#out, this.#at);
      this.#digestAt(SECOND_AT, length, out, at);
      return;
    }
    this.#pad(FIRST_AT, this.#length);
    this.#pad(SECOND_AT, length);
    hashTwo(FIRST_AT, SECOND_AT, blocks);
    const { words } = this;
    const outFirst = this.#out;
    const atFirst = this.#at;
    for (let i = 0; i < HASH_WORDS; i++) {
      outFirst[atFirst + i] = words[FIRST_RESULT + i] as number;
      out[at + i] = words[SECOND_RESULT + i] as number;
    }
  }

  /** Whether `hashNodes` can be used. */
  get quick(): boolean {
    return this.#hashTwo !== undefined;
  }

  /**
   * Hashes two internal nodes, or only the first one.
   * @param out gets the hashes
   * @param second where the second one goes; negative when there is none
   */
  hashNodes(out: Int32Array, first: number, second: number): void {
    this.#hashTwo?.(FIRST_NODE_AT, SECOND_NODE_AT, 1);
    const { words } = this;
    for (let i = 0; i < HASH_WORDS; i++) {
      out[first + i] = words[FIRST_RESULT + i] as number;
    }
    for (let i = 0; second >= 0 && i < HASH_WORDS; i++) {
      out[second + i] = words[SECOND_RESULT + i] as number;
    }
  }

  /** Hashes the input that still waits for a second one. */
  flush(): void {
    if (this.inputAt === SECOND_AT) {
      this.inputAt = FIRST_AT;
      this.#digestAt(FIRST_AT, this.#length, this.#out, this.#at);
    }
  }

  /** Hashes the input that was written to `inputAt` at once. Nothing may be waiting. */
  digest(length: number, out: Int32Array, at: number): void {
    this.#digestAt(FIRST_AT, length, out, at);
  }

  /** The hash of the input that was written to `inputAt`, in an array that the next call uses again. */
  hashInput(length: number): Uint8Array {
    this.digest(length, this.resultWords, 0);
    return this.#result;
  }

  /** The hash of some bytes, in an array that the next call uses again. Nothing may be waiting. */
  hash(bytes: Uint8Array, from: number, to: number): Uint8Array {
    const length = to - from;
    if (length > MAX_INPUT) {
      this.#result.set(sha512_256(bytes.subarray(from, to)));
      return this.#result;
    }
    const input = this.bytes;
    for (let i = 0; i < length; i++) {
      input[FIRST_AT + i] = bytes[from + i] as number;
    }
    return this.hashInput(length);
  }

  /** The hash of a leaf (mkvs: hashes), in an array that the next call uses again. Nothing may be waiting. */
  hashLeaf(key: Uint8Array, value: Uint8Array): Uint8Array {
    if (9 + key.length + value.length > MAX_INPUT) {
      this.#result.set(leafHash(key, value));
      return this.#result;
    }
    return this.hashInput(this.#putLeaf(key, value));
  }

  /** The hashes of leaves, as eight words each; those without a value are left out. */
  hashLeaves(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Int32Array {
    const out = new Int32Array(HASH_WORDS * keys.length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as Uint8Array;
      const value = values[i] as Uint8Array | null;
      if (value === null) {
        continue;
      }
      if (9 + key.length + value.length > MAX_INPUT) {
        new Uint8Array(out.buffer).set(leafHash(key, value), HASH_SIZE * i);
      } else {
        this.push(this.#putLeaf(key, value), out, HASH_WORDS * i);
      }
    }
    this.flush();
    return out;
  }

  /** Puts the input of a leaf's hash together, which must fit `maxInput`. Returns its length. */
  #putLeaf(key: Uint8Array, value: Uint8Array): number {
    const { bytes, inputAt } = this;
    bytes[inputAt] = LEAF_PREFIX;
    putU32le(bytes, inputAt + 1, key.length);
    bytes.set(key, inputAt + 5);
    putU32le(bytes, inputAt + 5 + key.length, value.length);
    bytes.set(value, inputAt + 9 + key.length);
    return 9 + key.length + value.length;
  }

  #digestAt(input: number, length: number, out: Int32Array, at: number): void {
    const { words } = this;
    if (this.#hashTwo === undefined) {
      const hash = sha512_256(this.bytes.subarray(input, input + length));
      out.set(new Int32Array(hash.slice().buffer, 0, HASH_WORDS), at);
      return;
    }
    this.#pad(input, length);
    this.#hashTwo(input, input, blocksOf(length));
    for (let i = 0; i < HASH_WORDS; i++) {
      out[at + i] = words[FIRST_RESULT + i] as number;
    }
  }

  /** Writes the padding, unless the last input there was as long. */
  #pad(input: number, length: number): void {
    if ((input === FIRST_AT ? this.#firstPadded : this.#secondPadded) === length) {
      return;
    }
    this.#putPadding(input, length);
    if (input === FIRST_AT) {
      this.#firstPadded = length;
    } else {
      this.#secondPadded = length;
    }
  }

  #putPadding(input: number, length: number): void {
    const { bytes } = this;
    const end = input + blocksOf(length) * BLOCK_BYTES;
    bytes.fill(0, input + length, end);
    bytes[input + length] = 0x80;
    bytes[end - 3] = (length << 3) >>> 16;
    bytes[end - 2] = (length << 3) >>> 8;
    bytes[end - 1] = length << 3;
  }

  /** The initial state of SHA-512/256 (FIPS 180-4, 5.3.6): a hash of its name with a changed state of SHA-512. */
  #start(hashTwo: HashTwo): void {
    const memory = new DataView(this.bytes.buffer);
    putConstants(memory);
    putInitialState(
      memory,
      squareRoots().map((root) => root ^ 0xa5a5a5a5a5a5a5a5n),
    );
    const name = "SHA-512/256";
    for (let i = 0; i < name.length; i++) {
      this.bytes[FIRST_AT + i] = name.charCodeAt(i);
    }
    this.#pad(FIRST_AT, name.length);
    hashTwo(FIRST_AT, FIRST_AT, 1);
    const words = Array.from({ length: 8 }, (_, i) => memory.getBigUint64(FIRST_RESULT_AT + 8 * i));
    putInitialState(memory, words);
    for (const node of [FIRST_NODE_AT, SECOND_NODE_AT]) {
      this.bytes.set(EMPTY_HASH, node + 4);
      this.#putPadding(node, NODE_BYTES);
    }
  }
}

function putU32le(out: Uint8Array, at: number, value: number): void {
  out[at] = value & 255;
  out[at + 1] = (value >>> 8) & 255;
  out[at + 2] = (value >>> 16) & 255;
  out[at + 3] = value >>> 24;
}

/** The first 64 bits of the fractions of the square roots of the first eight primes (FIPS 180-4, 5.3.5). */
function squareRoots(): bigint[] {
  return [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n].map((prime) => {
    const value = prime << 128n;
    let root = 1n << 70n;
    for (let next = (root + value / root) >> 1n; next < root; next = (root + value / root) >> 1n) {
      root = next;
    }
    return root & ((1n << 64n) - 1n);
  });
}

function instantiate(): Exports | undefined {
  try {
    if (typeof WebAssembly === "undefined") {
      return undefined;
    }
    return new WebAssembly.Instance(new WebAssembly.Module(sha512Module(PAGES))).exports as Exports;
  } catch {
    // A page may forbid to compile code: the usual hash answers the same.
    return undefined;
  }
}

/** One for everybody, since nothing in it survives a call. It is assembled when it is first needed, not at start. */
const engines: HashEngine[] = [];

export function sharedHashEngine(): HashEngine {
  const made = engines[0];
  if (made !== undefined) {
    return made;
  }
  const engine = new HashEngine();
  engines.push(engine);
  return engine;
}
