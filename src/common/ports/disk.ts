/**
 * The disk port: ordered tables of byte strings with atomic batches over all tables of one disk. Everything is
 * synchronous, so that state-machine code can read without promises. An implementation must survive a killed process
 * at any moment: after reopening, each batch is either there as a whole or not at all, and a batch whose `batch` call
 * returned is there.
 */

/** Longest key that every implementation accepts, in bytes; the shortest is 1. */
export const MAX_DISK_KEY_BYTES = 1024;

/** One record, as plain arrays that the caller may keep. */
export type DiskEntry = readonly [key: Uint8Array, value: Uint8Array];

/** Bounds of a scan, in bytewise key order. */
export interface DiskRange {
  /** First key that is included. */
  readonly gte?: Uint8Array;
  /** Key after which the scan begins; takes the place of `gte`. */
  readonly gt?: Uint8Array;
  /** First key that is no longer included. */
  readonly lt?: Uint8Array;
  /** Last key that is included; takes the place of `lt`. */
  readonly lte?: Uint8Array;
  /** From the last key of the bounds to the first. */
  readonly reverse?: boolean;
  /** At most so many entries; all when absent. */
  readonly limit?: number;
}

/** One ordered table. */
export interface DiskTable {
  /** The value of a key, in an array of its own. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** The value of a key, lent: the array is not to be changed and good only until the next call on the disk. */
  lend(key: Uint8Array): Uint8Array | undefined;
  has(key: Uint8Array): boolean;
  /** Adds or replaces; outside a batch it is a batch of its own. Throws Fault when the key is empty or too long. */
  put(key: Uint8Array, value: Uint8Array): void;
  /** Removes a key; false when it was not there. */
  delete(key: Uint8Array): boolean;
  /**
   * Entries in key order. While the scan runs, entries that it has already yielded may be changed or deleted; other
   * changes within its bounds may or may not be seen.
   */
  range(bounds?: DiskRange): Iterable<DiskEntry>;
}

/** A set of named tables that share their batches. */
export interface Disk {
  /** Opens a table, creating it at first use. Opening one twice gives the same records. Not allowed within a batch. */
  openTable(name: string): DiskTable;
  /**
   * Runs `body` and makes all its writes visible and permanent together. Reads inside see the writes made so far. If it
   * throws, none of them happened. A batch within a batch joins the outer one: its error must leave the outer one too.
   */
  batch<T>(body: () => T): T;
  close(): void;
}
