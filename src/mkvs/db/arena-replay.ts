/** Changes read back from the differences of commits. */
import { OrderedMap } from "#common/ordered-map.js";
import type { Changes } from "../arena/batch-apply.js";
import type { DeltaEntry } from "../arena/delta.js";
import type { LeafPages } from "../arena/leaf-pages.js";

/** Changes, and where the leaves that they make lie already. */
export interface PlacedChanges extends Changes {
  readonly pages: readonly number[];
  readonly offsets: readonly number[];
}

interface Place {
  readonly page: number;
  readonly offset: number;
}

/** The changes of one commit. */
export function forwardChanges(leaves: LeafPages, delta: Iterable<DeltaEntry>): PlacedChanges {
  const keys: Uint8Array[] = [];
  const values: (Uint8Array | null)[] = [];
  const pages: number[] = [];
  const offsets: number[] = [];
  for (const { key, newPage, newOffset } of delta) {
    const leaf = key === undefined ? leaves.read(newPage, newOffset) : undefined;
    keys.push(key ?? (leaf?.key as Uint8Array));
    values.push(leaf?.value ?? null);
    pages.push(newPage);
    offsets.push(newOffset);
  }
  return { keys, values, pages, offsets };
}

/** What takes commits back: for each key, the leaf that it had before the first of them that touched it. */
export function backwardChanges(leaves: LeafPages, deltas: Iterable<Iterable<DeltaEntry>>): PlacedChanges {
  const olds = new OrderedMap<Place>();
  for (const delta of deltas) {
    for (const { key, newPage, newOffset, oldPage, oldOffset } of delta) {
      const of = key ?? leaves.read(newPage, newOffset).key;
      if (!olds.has(of)) {
        olds.set(of, { page: oldPage, offset: oldOffset });
      }
    }
  }
  const keys: Uint8Array[] = [];
  const values: (Uint8Array | null)[] = [];
  const pages: number[] = [];
  const offsets: number[] = [];
  for (const { key, value: old } of olds.entries()) {
    keys.push(key);
    values.push(old.page === 0 ? null : leaves.read(old.page, old.offset).value);
    pages.push(old.page);
    offsets.push(old.offset);
  }
  return { keys, values, pages, offsets };
}
