import { DecodeError } from "../errors/index.js";

/** Where the keys are: a reader. */
interface KeyBytes {
  compareSlices(a0: number, a1: number, b0: number, b1: number): number;
}

/** Checks that the keys of a map come in canonical order (runtime mode). */
export class KeyOrder {
  private from = -1;
  private to = -1;

  constructor(private readonly reader: KeyBytes) {}

  next(from: number, to: number): void {
    if (this.from >= 0 && this.reader.compareSlices(this.from, this.to, from, to) >= 0) {
      throw new DecodeError(`map keys are not sorted at byte ${from}`);
    }
    this.from = from;
    this.to = to;
  }
}
