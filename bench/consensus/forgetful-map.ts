/** The memory of answers, which a benchmark can make forget: a second run in one process verifies everything again. */
import { RecentMap as Lasting } from "../../src/common/recent-map.ts";

let generation = 0;

/** Empties every memory of answers in this process. */
export function forgetAnswers(): void {
  generation++;
}

export class RecentMap<V> {
  #of = generation;
  #answers: Lasting<V>;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#answers = new Lasting(limit);
  }

  #current(): Lasting<V> {
    if (this.#of !== generation) {
      this.#of = generation;
      this.#answers = new Lasting(this.#limit);
    }
    return this.#answers;
  }

  get(key: string): V | undefined {
    return this.#current().get(key);
  }

  set(key: string, value: V): void {
    this.#current().set(key, value);
  }
}
