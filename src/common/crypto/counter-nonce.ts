/** Nonces of the misuse-resistant cipher that never repeat (common: MRAE). */
import { assert } from "../assert.js";
import { InvalidInput } from "../errors/index.js";
import { MRAE_NONCE_SIZE } from "./mrae.js";

/** Bytes in front of the counter that stay as they are. */
const FIXED_SIZE = 11;

/** Eleven fixed bytes and a big-endian counter of 32 bits, which wraps around; it is used up when it is back at its start. */
export class CounterNonce {
  readonly #value: Uint8Array;
  readonly #start: number;
  #used = false;

  /** @param start 15 bytes, all of them random */
  constructor(start: Uint8Array) {
    assert(start.length === MRAE_NONCE_SIZE, "A nonce has 15 bytes.");
    this.#value = new Uint8Array(start);
    this.#start = this.#counter().getUint32(FIXED_SIZE);
  }

  #counter(): DataView {
    return new DataView(this.#value.buffer);
  }

  /**
   * The next nonce, 15 bytes; the first one is the start.
   *
   * @throws InvalidInput when all 2^32 were given out: a new start is needed
   */
  next(): Uint8Array {
    if (this.#used) {
      const counter = this.#counter();
      const next = (counter.getUint32(FIXED_SIZE) + 1) >>> 0;
      if (next === this.#start) {
        throw new InvalidInput("nonce", "all of its 2^32 values were used, it needs a new start");
      }
      counter.setUint32(FIXED_SIZE, next);
    }
    this.#used = true;
    return this.#value.slice();
  }
}
