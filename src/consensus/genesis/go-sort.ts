/** Up to this many items insertion sort is used, which is stable. */
const SMALL = 12;
/** From this many items on the pivot is the median of three medians. */
const LARGE = 50;
/** Pairs out of order that are mended before a nearly sorted range is partitioned after all. */
const MAX_REPAIRS = 5;
/** Swaps of a pivot search in a range that descends everywhere. */
const ALL_SWAPPED = 12;
const MASK_64 = 0xffffffffffffffffn;

type Trend = "rising" | "falling" | "unknown";

/** Number of bits of a whole number. */
function bitLength(n: number): number {
  return 32 - Math.clz32(n);
}

/**
 * Pattern-defeating quicksort exactly as the reference's language has it: not stable, but each comparison and swap is
 * determined, so equal items end up in the same order (consensus: genesis validators).
 */
class QuickSort<T> {
  constructor(
    private readonly items: T[],
    private readonly lessThan: (a: T, b: T) => boolean,
  ) {}

  private less(i: number, j: number): boolean {
    return this.lessThan(this.items[i] as T, this.items[j] as T);
  }

  private swap(i: number, j: number): void {
    const kept = this.items[i] as T;
    this.items[i] = this.items[j] as T;
    this.items[j] = kept;
  }

  /** Moves an item left, past all greater ones. */
  private sink(from: number, lowest: number): void {
    for (let i = from; i > lowest && this.less(i, i - 1); i--) this.swap(i, i - 1);
  }

  private insertionSort(start: number, end: number): void {
    for (let i = start + 1; i < end; i++) this.sink(i, start);
  }

  private siftDown(start: number, from: number, size: number): void {
    let root = from;
    for (let child = 2 * root + 1; child < size; child = 2 * root + 1) {
      if (child + 1 < size && this.less(start + child, start + child + 1)) child++;
      if (!this.less(start + root, start + child)) return;
      this.swap(start + root, start + child);
      root = child;
    }
  }

  private heapSort(start: number, end: number): void {
    const size = end - start;
    for (let i = (size - 1) >> 1; i >= 0; i--) this.siftDown(start, i, size);
    for (let last = size - 1; last >= 0; last--) {
      this.swap(start, start + last);
      this.siftDown(start, 0, last);
    }
  }

  /** Sorts items `start` to `end - 1`; after `patience` lopsided partitions by heap. */
  sort(from: number, to: number, allowed: number): void {
    let [start, end, patience] = [from, to, allowed];
    let balanced = true;
    let partitioned = true;
    for (;;) {
      const size = end - start;
      if (size <= SMALL) return this.insertionSort(start, end);
      if (patience === 0) return this.heapSort(start, end);
      if (!balanced) {
        this.scatter(start, end);
        patience--;
      }
      const [pivot, trend] = this.orderedPivot(start, end);
      if (balanced && partitioned && trend === "rising" && this.repair(start, end)) return;
      if (start > 0 && !this.less(start - 1, pivot)) {
        start = this.splitEqual(start, end, pivot);
        continue;
      }
      const split = this.split(start, end, pivot);
      partitioned = split.untouched;
      const [left, right] = [split.at - start, end - split.at];
      balanced = Math.min(left, right) >= size >> 3;
      // The shorter side by recursion, the longer one by the loop.
      if (left < right) {
        this.sort(start, split.at, patience);
        start = split.at + 1;
      } else {
        this.sort(split.at + 1, end, patience);
        end = split.at;
      }
    }
  }

  /** A pivot; a range that looks descending is turned round first. */
  private orderedPivot(start: number, end: number): [pivot: number, trend: Trend] {
    const [pivot, trend] = this.choosePivot(start, end);
    if (trend !== "falling") return [pivot, trend];
    for (let i = start, j = end - 1; i < j; i++, j--) this.swap(i, j);
    return [end - 1 - (pivot - start), "rising"];
  }

  private choosePivot(start: number, end: number): [pivot: number, trend: Trend] {
    const size = end - start;
    const quarter = size >> 2;
    let swaps = 0;
    const ordered = (i: number, j: number): [number, number] => {
      if (!this.less(j, i)) return [i, j];
      swaps++;
      return [j, i];
    };
    const median = (i: number, j: number, k: number): number => {
      const [a, b] = ordered(i, j);
      const [c] = ordered(b, k);
      return ordered(a, c)[1];
    };
    const around = (i: number): number => (size >= LARGE ? median(i - 1, i, i + 1) : i);
    const marks = [start + quarter, start + 2 * quarter, start + 3 * quarter].map(around);
    const pivot = median(marks[0] as number, marks[1] as number, marks[2] as number);
    return [pivot, swaps === 0 ? "rising" : swaps === ALL_SWAPPED ? "falling" : "unknown"];
  }

  /** Finishes a range that is nearly in order; false when it is not. */
  private repair(start: number, end: number): boolean {
    let i = start + 1;
    for (let repairs = 0; repairs < MAX_REPAIRS; repairs++) {
      while (i < end && !this.less(i, i - 1)) i++;
      if (i === end) return true;
      if (end - start < LARGE) return false;
      this.swap(i, i - 1);
      if (i - start >= 2) this.sink(i - 1, 0);
      if (end - i >= 2) for (let j = i + 1; j < end && this.less(j, j - 1); j++) this.swap(j, j - 1);
    }
    return false;
  }

  /** Moves three items of the middle to places that only depend on the size of the range. */
  private scatter(start: number, end: number): void {
    const size = end - start;
    const mask = (1n << BigInt(bitLength(size))) - 1n;
    const middle = start + (size >> 2) * 2;
    let random = BigInt(size);
    for (let i = middle - 1; i <= middle + 1; i++) {
      random ^= (random << 13n) & MASK_64;
      random ^= random >> 7n;
      random ^= (random << 17n) & MASK_64;
      const other = Number(random & mask);
      this.swap(i, start + (other >= size ? other - size : other));
    }
  }

  /** Puts smaller items before the pivot, the others after it. */
  private split(start: number, end: number, pivot: number): { at: number; untouched: boolean } {
    this.swap(start, pivot);
    let [i, j, untouched] = [start + 1, end - 1, true];
    for (;;) {
      while (i <= j && this.less(i, start)) i++;
      while (i <= j && !this.less(j, start)) j--;
      if (i > j) break;
      this.swap(i++, j--);
      untouched = false;
    }
    this.swap(j, start);
    return { at: j, untouched };
  }

  /** Puts items equal to the pivot first, where none is smaller; returns the place after them. */
  private splitEqual(start: number, end: number, pivot: number): number {
    this.swap(start, pivot);
    let [i, j] = [start + 1, end - 1];
    for (;;) {
      while (i <= j && !this.less(start, i)) i++;
      while (i <= j && this.less(start, j)) j--;
      if (i > j) return i;
      this.swap(i++, j--);
    }
  }
}

/** Sorts a copy as the reference's language does: stable up to 12 items, beyond that determined but not stable. */
export function sortLikeGo<T>(items: readonly T[], less: (a: T, b: T) => boolean): T[] {
  const copy = [...items];
  new QuickSort(copy, less).sort(0, copy.length, bitLength(copy.length));
  return copy;
}
