/** A small generator of random numbers for tests: the same seed gives the same test again. */
export class Random {
  readonly seed: number;
  #state: number;

  /** Without a seed, one from the clock, printed when the test fails through `label`. */
  constructor(seed = Date.now() >>> 0) {
    this.seed = seed;
    this.#state = seed;
  }

  /** To put into messages of expectations. */
  get label(): string {
    return `seed ${this.seed}`;
  }

  /** An integer from 0 to below the bound. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** A key out of few letters, so that prefixes and collisions are common. */
  key(): Uint8Array {
    return Uint8Array.from({ length: this.below(5) }, () => this.pick([0, 1, 0x80, 0x81, 0xff]));
  }
}
