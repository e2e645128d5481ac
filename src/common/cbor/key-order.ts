import { DecodeError } from "../errors/index.js";
import { compareSlices } from "./heads.js";

/** Checks that the keys of a map come in canonical order (runtime mode). */
export class KeyOrder {
  private from = -1;
  private to = -1;

  /** @param reader what reads the map: the keys are in its input */
  constructor(private readonly reader: { readonly input: Uint8Array }) {}

  next(from: number, to: number): void {
    if (this.from >= 0 && compareSlices(this.reader.input, this.from, this.to, from, to) >= 0) {
      throw new DecodeError(`map keys are not sorted at byte ${from}`);
    }
    this.from = from;
    this.to = to;
  }
}
