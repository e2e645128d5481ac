/** The disk port on LMDB: one environment, one LMDB database per table, one LMDB transaction per batch. */
import { join } from "node:path";
import { Fault } from "#common/errors/index.js";
import { type Disk, type DiskEntry, type DiskRange, type DiskTable, MAX_DISK_KEY_BYTES } from "#common/ports/disk.js";
import { type Database, open, type RootDatabase } from "lmdb";
import { checkLmdbFile } from "./lmdb-header.js";

/** Most named tables in one environment; LMDB wants the number in advance. */
const MAX_TABLES = 256;
/** Entries that a scan copies at a time: the cursor is not held open while the caller works. */
const SCAN_PAGE = 256;

export interface LmdbDiskOptions {
  /** Folder of the environment; created when missing. */
  readonly path: string;
  /**
   * `true` (the default): a batch is flushed to the device before it returns, so it survives a power loss. `false`: it
   * is handed to the operating system, so it survives a killed process, but a power loss may damage the whole disk.
   */
  readonly durable?: boolean;
}

/** Where an environment keeps its data. */
const DATA_FILE = "data.mdb";
const BINARY = { keyEncoding: "binary", encoding: "binary" } as const;

class LmdbTable implements DiskTable {
  readonly #db: Database<Uint8Array, Uint8Array>;

  constructor(db: Database<Uint8Array, Uint8Array>) {
    this.#db = db;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.lend(key)?.slice();
  }

  lend(key: Uint8Array): Uint8Array | undefined {
    // The fast form lends a larger buffer until the next read, of which only `length` bytes are the value.
    const lent = this.#db.getBinaryFast(key);
    return lent === undefined ? undefined : new Uint8Array(lent.buffer, lent.byteOffset, lent.length);
  }

  has(key: Uint8Array): boolean {
    return this.#db.doesExist(key);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (key.length < 1 || key.length > MAX_DISK_KEY_BYTES) {
      throw new Fault(`disk key of ${key.length} bytes; allowed are 1 to ${MAX_DISK_KEY_BYTES}`);
    }
    this.#db.putSync(key, value);
  }

  delete(key: Uint8Array): boolean {
    return this.#db.removeSync(key);
  }

  *range(bounds: DiskRange = {}): Iterable<DiskEntry> {
    let left = bounds.limit ?? Number.POSITIVE_INFINITY;
    let place = bounds;
    while (left > 0) {
      const page = this.#page(place, Math.min(left, SCAN_PAGE));
      yield* page;
      left -= page.length;
      const last = page.at(-1);
      if (last === undefined || page.length < SCAN_PAGE) {
        return;
      }
      place = bounds.reverse === true ? { ...bounds, lte: undefined, lt: last[0] } : { ...bounds, gt: last[0] };
    }
  }

  #page(bounds: DiskRange, limit: number): DiskEntry[] {
    const low = bounds.gt ?? bounds.gte;
    const high = bounds.lte ?? bounds.lt;
    const reverse = bounds.reverse === true;
    const startOpen = reverse ? bounds.lte === undefined && bounds.lt !== undefined : bounds.gt !== undefined;
    const endOpen = reverse ? bounds.gt !== undefined : bounds.lte === undefined && bounds.lt !== undefined;
    const page: DiskEntry[] = [];
    const rows = this.#db.getRange({
      start: reverse ? high : low,
      end: reverse ? low : high,
      exclusiveStart: startOpen,
      inclusiveEnd: !endOpen,
      reverse,
      limit,
      snapshot: false,
    });
    for (const { key, value } of rows) {
      page.push([new Uint8Array(key), new Uint8Array(value)]);
    }
    return page;
  }
}

/**
 * Opens or creates an LMDB environment.
 *
 * @throws Fault when the folder cannot be opened as an environment, InvalidInput when its file is damaged
 */
export function openLmdbDisk(options: LmdbDiskOptions): Disk {
  const durable = options.durable !== false;
  let root: RootDatabase<Uint8Array, Uint8Array>;
  checkLmdbFile(join(options.path, DATA_FILE));
  try {
    // Overlapping sync would return from a batch before the device has it.
    const sync = { noSync: !durable, overlappingSync: false };
    root = open<Uint8Array, Uint8Array>({
      path: options.path,
      noSubdir: false,
      maxDbs: MAX_TABLES,
      ...BINARY,
      ...sync,
    });
  } catch (cause) {
    throw new Fault(`cannot open the database in ${options.path}`, { cause });
  }
  const tables = new Map<string, LmdbTable>();
  let inBatch = false;
  return {
    openTable(name) {
      let table = tables.get(name);
      if (table === undefined) {
        if (inBatch) {
          throw new Fault(`table ${name} opened within a batch`);
        }
        table = new LmdbTable(root.openDB<Uint8Array, Uint8Array>(name, BINARY));
        tables.set(name, table);
      }
      return table;
    },
    batch(body) {
      if (inBatch) {
        return body();
      }
      inBatch = true;
      try {
        return root.transactionSync(body);
      } finally {
        inBatch = false;
      }
    },
    close() {
      // Only synchronous writes are ever made here, so there is nothing to wait for.
      void root.close();
    },
  };
}
