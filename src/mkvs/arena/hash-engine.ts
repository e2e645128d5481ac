/** SHA-512/256 over a block of memory that hash inputs are put together in: the hash without the cost of a call. */
import { HASH_SIZE } from "#common/hash.js";
import { sha512_256 } from "#kernels";
import { leafHash } from "../node/node.js";
import { BLOCK_BYTES, sha512Module } from "./sha512-module.js";

/** The little of WebAssembly that is used here; the pure layers know no globals of a platform. */
declare const WebAssembly:
  | undefined
  | {
      readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
      readonly Instance: new (module: object) => { readonly exports: object };
    };

interface Exports {
  readonly c: (state: number, block: number) => void;
  readonly m: { readonly buffer: ArrayBuffer };
}

const LEAF_PREFIX = 0x00;
const PAGES = 1;
const STATE_AT = 0;
const INPUT_AT = 128;
/** Longest input that goes through the engine's memory; longer ones take the usual way. */
const MAX_INPUT = 16_384;
const HASH_WORDS = HASH_SIZE >> 2;
/** Bytes of the message length at the end of the last block, of which the upper ones are always zero here. */
const LENGTH_BYTES = 16;

export class HashEngine {
  /** Where inputs are written, from `inputAt` on. */
  readonly bytes: Uint8Array;
  /** The same memory as words of the machine's byte order. */
  readonly words: Int32Array;
  readonly inputAt = INPUT_AT;
  readonly maxInput = MAX_INPUT;
  readonly #compress: ((state: number, block: number) => void) | undefined;
  /** Initial state, then the state of the hash under way. */
  readonly #initial: Int32Array;
  readonly #resultWords = new Int32Array(HASH_WORDS);
  readonly #result = new Uint8Array(this.#resultWords.buffer);
  #padded = -1;

  constructor(webAssembly = true) {
    const exports = webAssembly ? instantiate() : undefined;
    const memory = exports?.m.buffer ?? new ArrayBuffer(PAGES * 65536);
    this.#compress = exports?.c;
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.#initial = this.#compress === undefined ? new Int32Array(0) : this.#initialState(this.#compress);
  }

  /**
   * Hashes the input that was written to `bytes`.
   *
   * @param length of the input, at most `maxInput`
   * @param out gets the hash as eight words of the machine's byte order, that is as 32 bytes in order
   */
  digest(length: number, out: Int32Array, at: number): void {
    const compress = this.#compress;
    if (compress === undefined) {
      const hash = sha512_256(this.bytes.subarray(INPUT_AT, INPUT_AT + length));
      out.set(new Int32Array(hash.slice().buffer, 0, HASH_WORDS), at);
      return;
    }
    const end = this.#pad(length);
    const { words } = this;
    const initial = this.#initial;
    for (let i = 0; i < 16; i++) {
      words[i] = initial[i] as number;
    }
    for (let block = INPUT_AT; block < end; block += BLOCK_BYTES) {
      compress(STATE_AT, block);
    }
    // Words of 64 bits lie there with their least byte first; the hash has the greatest first.
    for (let i = 0; i < HASH_WORDS; i += 2) {
      out[at + i] = reverse(words[i + 1] as number);
      out[at + i + 1] = reverse(words[i] as number);
    }
  }

  /** The hash of some bytes, in an array that the next call uses again. */
  hash(bytes: Uint8Array, from: number, to: number): Uint8Array {
    const length = to - from;
    if (length > MAX_INPUT) {
      return sha512_256(bytes.subarray(from, to));
    }
    const input = this.bytes;
    for (let i = 0; i < length; i++) {
      input[INPUT_AT + i] = bytes[from + i] as number;
    }
    this.digest(length, this.#resultWords, 0);
    return this.#result;
  }

  /** The hash of a leaf (mkvs: hashes), in an array that the next call uses again. */
  hashLeaf(key: Uint8Array, value: Uint8Array): Uint8Array {
    if (9 + key.length + value.length > MAX_INPUT) {
      return leafHash(key, value);
    }
    this.digest(this.putLeaf(key, value), this.#resultWords, 0);
    return this.#result;
  }

  /** Puts the input of a leaf's hash together, which must fit `maxInput`. Returns its length. */
  putLeaf(key: Uint8Array, value: Uint8Array): number {
    const { bytes } = this;
    bytes[INPUT_AT] = LEAF_PREFIX;
    putU32le(bytes, INPUT_AT + 1, key.length);
    bytes.set(key, INPUT_AT + 5);
    putU32le(bytes, INPUT_AT + 5 + key.length, value.length);
    bytes.set(value, INPUT_AT + 9 + key.length);
    return 9 + key.length + value.length;
  }

  /** Writes the padding, unless the last input was as long. Returns where the last block ends. */
  #pad(length: number): number {
    const end = INPUT_AT + ((length + LENGTH_BYTES) & ~(BLOCK_BYTES - 1)) + BLOCK_BYTES;
    if (this.#padded !== length) {
      const { bytes } = this;
      bytes.fill(0, INPUT_AT + length, end);
      bytes[INPUT_AT + length] = 0x80;
      bytes[end - 3] = (length << 3) >>> 16;
      bytes[end - 2] = (length << 3) >>> 8;
      bytes[end - 1] = length << 3;
      this.#padded = length;
    }
    return end;
  }

  /** The initial state of SHA-512/256 (FIPS 180-4, 5.3.6): a hash of its name with a changed state of SHA-512. */
  #initialState(compress: (state: number, block: number) => void): Int32Array {
    const view = new DataView(this.bytes.buffer);
    squareRoots().forEach((root, i) => view.setBigUint64(8 * i, root ^ 0xa5a5a5a5a5a5a5a5n, true));
    const name = "SHA-512/256";
    for (let i = 0; i < name.length; i++) {
      this.bytes[INPUT_AT + i] = name.charCodeAt(i);
    }
    this.#pad(name.length);
    compress(STATE_AT, INPUT_AT);
    return this.words.slice(0, 16);
  }
}

function putU32le(out: Uint8Array, at: number, value: number): void {
  out[at] = value & 255;
  out[at + 1] = (value >>> 8) & 255;
  out[at + 2] = (value >>> 16) & 255;
  out[at + 3] = value >>> 24;
}

function reverse(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
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
