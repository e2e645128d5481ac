/** What a benchmark is given. */
export interface BenchOptions {
  /** The root of the repository. */
  readonly root: string;
  /** Whether the result is printed as JSON. */
  readonly json: boolean;
  /** How many keys a benchmark works on, where that can be chosen. */
  readonly keys?: number | undefined;
  /** Tells how far it is; never part of the result. */
  progress(line: string): void;
}

/** One measured figure. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** The median, or the only value. */
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  /** How many times the figure of something outside of this project, named by `to`. */
  readonly ratio?: number;
  readonly to?: string;
  /** What the project wants it to be at most. Printed, never asserted: machines differ. */
  readonly limit?: number;
  /** What the project wants the ratio to be at least. Printed, never asserted. */
  readonly wanted?: number;
}

/** What a benchmark gives back. */
export interface BenchResult {
  readonly figures: readonly Figure[];
}

/** Median, least and greatest of a list that is not empty. */
export function spread(values: readonly number[]): { value: number; min: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle];
  const low = sorted.length % 2 === 0 ? sorted[middle - 1] : high;
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (high === undefined || low === undefined || min === undefined || max === undefined) {
    throw new RangeError("no values to take a median of");
  }
  return { value: (low + high) / 2, min, max };
}
