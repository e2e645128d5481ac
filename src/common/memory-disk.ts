/** The disk port in memory: for tests, simulations and networks that leave nothing behind. */
import { compareBytes } from "./bytes.js";
import { Fault } from "./errors/index.js";
import { OrderedMap } from "./ordered-map.js";
import { type Disk, type DiskEntry, type DiskRange, type DiskTable, MAX_DISK_KEY_BYTES } from "./ports/disk.js";

const NO_KEY = new Uint8Array(0);

type Undo = () => void;

class MemoryTable implements DiskTable {
  readonly #entries = new OrderedMap<Uint8Array>();
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(key)?.slice();
  }

  lend(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(key);
  }

  has(key: Uint8Array): boolean {
    return this.#entries.has(key);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (key.length < 1 || key.length > MAX_DISK_KEY_BYTES) {
      throw new Fault(`disk key of ${key.length} bytes; allowed are 1 to ${MAX_DISK_KEY_BYTES}`);
    }
    const ownKey = new Uint8Array(key);
    this.#remember(ownKey);
    this.#entries.set(ownKey, new Uint8Array(value));
  }

  delete(key: Uint8Array): boolean {
    this.#remember(key);
    return this.#entries.delete(key);
  }

  *range(bounds: DiskRange = {}): Iterable<DiskEntry> {
    let left = bounds.limit ?? Number.POSITIVE_INFINITY;
    let entry = bounds.reverse === true ? this.#last(bounds) : this.#first(bounds);
    while (entry !== undefined && left > 0 && inside(entry.key, bounds)) {
      const key = entry.key;
      yield [key.slice(), entry.value.slice()];
      left--;
      entry = bounds.reverse === true ? this.#entries.before(key) : this.#after(key);
    }
  }

  #first(bounds: DiskRange) {
    return bounds.gt === undefined ? this.#entries.atOrAfter(bounds.gte ?? NO_KEY) : this.#after(bounds.gt);
  }

  #last(bounds: DiskRange) {
    if (bounds.lte !== undefined) {
      const entry = this.#entries.atOrAfter(bounds.lte);
      return entry !== undefined && compareBytes(entry.key, bounds.lte) === 0
        ? entry
        : this.#entries.before(bounds.lte);
    }
    return this.#entries.before(bounds.lt);
  }

  #after(key: Uint8Array) {
    const next = new Uint8Array(key.length + 1);
    next.set(key);
    return this.#entries.atOrAfter(next);
  }

  #remember(key: Uint8Array): void {
    const old = this.#entries.get(key);
    this.#disk.remember(() => {
      if (old === undefined) {
        this.#entries.delete(key);
      } else {
        this.#entries.set(key, old);
      }
    });
  }
}

function inside(key: Uint8Array, bounds: DiskRange): boolean {
  if (bounds.reverse === true) {
    return bounds.gt === undefined
      ? bounds.gte === undefined || compareBytes(key, bounds.gte) >= 0
      : compareBytes(key, bounds.gt) > 0;
  }
  return bounds.lte === undefined
    ? bounds.lt === undefined || compareBytes(key, bounds.lt) < 0
    : compareBytes(key, bounds.lte) <= 0;
}

/** A disk whose records live as long as the object: `close` keeps them, so a test can "restart" a node over it. */
export class MemoryDisk implements Disk {
  readonly #tables = new Map<string, MemoryTable>();
  #undo: Undo[] | undefined;

  openTable(name: string): DiskTable {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new MemoryTable(this);
      this.#tables.set(name, table);
    }
    return table;
  }

  batch<T>(body: () => T): T {
    if (this.#undo !== undefined) {
      return body();
    }
    const undo: Undo[] = [];
    this.#undo = undo;
    try {
      const result = body();
      this.#undo = undefined;
      return result;
    } catch (error) {
      this.#undo = undefined;
      for (const step of undo.reverse()) {
        step();
      }
      throw error;
    }
  }

  close(): void {
    // Nothing to release: whoever drops the object drops the records.
  }

  /** Keeps how to take one write back, for as long as a batch is open. */
  remember(step: Undo): void {
    this.#undo?.push(step);
  }
}
