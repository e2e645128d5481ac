import { Fault } from "#common/errors/index.js";
import type { MemoryDisk } from "#common/memory-disk.js";
import type { Disk, DiskEntry, DiskRange, DiskTable } from "#common/ports/disk.js";

/** What ends the process in a simulation. */
export class PowerLoss extends Fault {
  constructor() {
    super("the power is gone");
  }
}

/**
 * A disk in memory whose power goes at a given write: what the batch under way had written is lost, and from then on
 * nothing works. The records outlive it, in the memory disk.
 */
export class CrashingDisk implements Disk {
  /** Writes so far, the ends of batches included. */
  writes = 0;
  readonly #inner: MemoryDisk;
  readonly #at: number;
  #depth = 0;

  /** @param at number of the write at which the power goes */
  constructor(inner: MemoryDisk, at: number) {
    this.#inner = inner;
    this.#at = at;
  }

  openTable(name: string): DiskTable {
    const inner = this.#inner.openTable(name);
    return {
      get: (key) => inner.get(key),
      lend: (key) => inner.lend(key),
      has: (key) => inner.has(key),
      put: (key, value) => {
        this.#write();
        inner.put(key, value);
      },
      delete: (key) => {
        this.#write();
        return inner.delete(key);
      },
      range: (bounds?: DiskRange): Iterable<DiskEntry> => inner.range(bounds),
    };
  }

  batch<T>(body: () => T): T {
    this.#depth++;
    try {
      return this.#inner.batch(() => {
        const result = body();
        if (this.#depth === 1) this.#write();
        return result;
      });
    } finally {
      this.#depth--;
    }
  }

  close(): void {
    this.#inner.close();
  }

  #write(): void {
    if (this.writes >= this.#at) throw new PowerLoss();
    this.writes++;
  }
}
