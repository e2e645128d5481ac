/** Deterministic random numbers from entropy that all nodes share (common: HMAC-DRBG and math/rand). */
import { hmacSha512 } from "#kernels";
import { assert } from "../assert.js";
import { concatBytes, readU32be } from "../bytes.js";
import { InvalidInput } from "../errors/index.js";

const ENTROPY_MIN = 32;
/** The most one generate call of SP 800-90A gives; longer reads are split. */
const GENERATE_MAX = 65_536;
const OUTPUT_SIZE = 64;
const NOTHING = new Uint8Array(0);
const ZERO = Uint8Array.of(0);
const ONE = Uint8Array.of(1);

/** HMAC_DRBG of SP 800-90A with SHA-512, without reseeding and without prediction resistance. */
export class HmacDrbg {
  #k: Uint8Array = new Uint8Array(OUTPUT_SIZE);
  #v: Uint8Array = new Uint8Array(OUTPUT_SIZE).fill(1);

  /**
   * @param entropy at least 32 bytes
   * @param nonce any length, may be empty
   * @param personalization any length, may be empty
   * @throws InvalidInput when there is too little entropy
   */
  constructor(entropy: Uint8Array, nonce: Uint8Array = NOTHING, personalization: Uint8Array = NOTHING) {
    if (entropy.length < ENTROPY_MIN) {
      throw new InvalidInput("entropy", `must have at least ${ENTROPY_MIN} bytes, has ${entropy.length}`);
    }
    this.#update(concatBytes(entropy, nonce, personalization));
  }

  /** The next bytes of the stream. A read of nothing changes nothing; reads do not join up with each other. */
  read(size: number): Uint8Array {
    const out = new Uint8Array(size);
    for (let offset = 0; offset < size; offset += GENERATE_MAX) {
      this.#generate(out.subarray(offset, offset + GENERATE_MAX));
    }
    return out;
  }

  #generate(out: Uint8Array): void {
    for (let offset = 0; offset < out.length; offset += OUTPUT_SIZE) {
      this.#v = hmacSha512(this.#k, this.#v);
      out.set(this.#v.subarray(0, out.length - offset), offset);
    }
    this.#update(NOTHING);
  }

  #update(data: Uint8Array): void {
    this.#k = hmacSha512(this.#k, concatBytes(this.#v, ZERO, data));
    this.#v = hmacSha512(this.#k, this.#v);
    if (data.length > 0) {
      this.#k = hmacSha512(this.#k, concatBytes(this.#v, ONE, data));
      this.#v = hmacSha512(this.#k, this.#v);
    }
  }
}

/** Words the reference reads at once; changing it would change every committee. */
const WORDS = 128;
const INT31_MAX = 0x7fffffff;

/** Go's `math/rand` (version 1) on top of a stream of bytes, number for number. */
export class MathRand {
  readonly #source: { read(size: number): Uint8Array };
  #buffer: Uint8Array;
  #offset = 0;

  /** Reads 1024 bytes at once, here and whenever they are used up. */
  constructor(source: { read(size: number): Uint8Array }) {
    this.#source = source;
    this.#buffer = source.read(8 * WORDS);
  }

  // The high and low half of the next 64-bit word, which is big-endian.
  #word(): { high: number; low: number } {
    if (this.#offset === this.#buffer.length) {
      this.#buffer = this.#source.read(8 * WORDS);
      this.#offset = 0;
    }
    const high = readU32be(this.#buffer, this.#offset);
    const low = readU32be(this.#buffer, this.#offset + 4);
    this.#offset += 8;
    return { high, low };
  }

  /** 0..2^64-1. */
  uint64(): bigint {
    const { high, low } = this.#word();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** 0..2^63-1. */
  int63(): bigint {
    return this.uint64() & 0x7fffffffffffffffn;
  }

  /** 0..2^32-1. */
  uint32(): number {
    const { high, low } = this.#word();
    return ((high << 1) | (low >>> 31)) >>> 0;
  }

  /** 0..2^31-1. */
  int31(): number {
    return this.#word().high & INT31_MAX;
  }

  /** 0..n-1, without bias, for n in 1..2^31-1. */
  int31n(n: number): number {
    assert(Number.isInteger(n) && n >= 1 && n <= INT31_MAX, "The bound of a random number is positive and below 2^31.");
    if ((n & (n - 1)) === 0) {
      return this.int31() & (n - 1);
    }
    const max = INT31_MAX - ((INT31_MAX + 1) % n);
    let value = this.int31();
    while (value > max) {
      value = this.int31();
    }
    return value % n;
  }

  /** A random order of 0..n-1. */
  perm(n: number): number[] {
    const out = new Array<number>(n).fill(0);
    // Even the first step, which cannot move anything, consumes a word.
    for (let i = 0; i < n; i++) {
      const j = this.int31n(i + 1);
      out[i] = out[j] as number;
      out[j] = i;
    }
    return out;
  }

  /**
   * Shuffles n things by swapping. Not the same order as `perm`: Go uses another way to bound the random numbers here.
   *
   * @param swap exchanges the things at two places
   */
  shuffle(n: number, swap: (i: number, j: number) => void): void {
    for (let i = n - 1; i > 0; i--) {
      swap(i, this.#bounded(i + 1));
    }
  }

  // Lemire's method: the high half of a 32 by 32 bit product.
  #bounded(n: number): number {
    const bound = BigInt(n);
    let product = BigInt(this.uint32()) * bound;
    let low = product & 0xffffffffn;
    if (low < bound) {
      const threshold = (0x1_0000_0000n - bound) % bound;
      while (low < threshold) {
        product = BigInt(this.uint32()) * bound;
        low = product & 0xffffffffn;
      }
    }
    return Number(product >> 32n);
  }
}
