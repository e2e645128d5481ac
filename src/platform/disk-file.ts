/**
 * The disk port on one append-only file: each batch is a run of frames with checksums, the last of which closes it, so that
 * reopening finds whole batches and nothing else. The keys are in memory, the values are not. Made for tables of few keys
 * that are written much, as those of the trees are; LMDB is for the others.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
} from "node:fs";
import { join } from "node:path";
import { compareBytes } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { OrderedMap } from "#common/ordered-map.js";
import { type Disk, type DiskEntry, type DiskRange, type DiskTable, MAX_DISK_KEY_BYTES } from "#common/ports/disk.js";
import { type FrameOp, FrameReader, FrameWriter } from "./disk-file-frames.js";

export interface FileDiskOptions {
  /** Folder of the file; created when missing. One process at a time may have it open. */
  readonly path: string;
  /** `true` (the default): a batch is flushed to the device before it returns. */
  readonly durable?: boolean;
  /** Bytes of the file from which on it is rewritten when most of it is out of date; 64 MiB when absent. */
  readonly rewriteFrom?: number;
}

const FILE = "log";
const REWRITTEN = "log.new";
const DEFAULT_REWRITE_FROM = 64 << 20;
/** The file is rewritten when it is this many times as long as what it holds. */
const REWRITE_FACTOR = 2.5;
const NO_KEY = new Uint8Array(0);
const NO_TABLE = 0xffff;

/** Where a value is in the file. */
interface Place {
  readonly at: number;
  readonly length: number;
}

class FileDisk implements Disk {
  readonly #options: FileDiskOptions;
  readonly #tables = new Map<string, FileTable>();
  readonly #byNumber: FileTable[] = [];
  #fd: number;
  #writer: FrameWriter;
  #undo: (() => void)[] | undefined;
  #lent = new Uint8Array(1 << 16);
  #live = 0;
  #broken = false;

  constructor(options: FileDiskOptions) {
    this.#options = options;
    const file = join(options.path, FILE);
    mkdirSync(options.path, { recursive: true });
    this.#fd = openSync(file, existsSync(file) ? "r+" : "w+", 0o600);
    const reader = new FrameReader(this.#fd);
    for (const op of reader.operations()) {
      this.#replay(op);
    }
    ftruncateSync(this.#fd, reader.end);
    this.#writer = new FrameWriter(this.#fd, reader.end);
  }

  openTable(name: string): DiskTable {
    let table = this.#tables.get(name);
    if (table === undefined) {
      if (this.#undo !== undefined) {
        throw new Fault(`table ${name} opened within a batch`);
      }
      table = this.#addTable(name);
      // The number of a table is its place among their definitions.
      this.batch(() => this.#writer.put(NO_TABLE, new TextEncoder().encode(name), NO_KEY));
    }
    return table;
  }

  batch<T>(body: () => T): T {
    if (this.#undo !== undefined) {
      return body();
    }
    if (this.#broken) {
      throw new Fault("the disk failed before: open it again");
    }
    const undo: (() => void)[] = [];
    this.#undo = undo;
    let result: T;
    try {
      result = body();
    } catch (error) {
      this.#undo = undefined;
      this.#writer.discard();
      for (const step of undo.reverse()) {
        step();
      }
      throw error;
    }
    this.#undo = undefined;
    try {
      if (this.#writer.close() && this.#options.durable !== false) {
        fdatasyncSync(this.#fd);
      }
    } catch (cause) {
      // Whether the batch is there is not known: only opening the file again can tell.
      this.#broken = true;
      throw new Fault("a batch could not be written", { cause });
    }
    this.#rewriteIfWorth();
    return result;
  }

  close(): void {
    closeSync(this.#fd);
  }

  write(table: number, key: Uint8Array, value: Uint8Array | undefined): Place | undefined {
    if (key.length < 1 || key.length > MAX_DISK_KEY_BYTES) {
      throw new Fault(`disk key of ${key.length} bytes; allowed are 1 to ${MAX_DISK_KEY_BYTES}`);
    }
    if (value === undefined) {
      this.#writer.remove(table, key);
      return undefined;
    }
    return { at: this.#writer.put(table, key, value), length: value.length };
  }

  /** A value, in an array that the next call uses again. */
  lend({ at, length }: Place): Uint8Array {
    const buffered = this.#writer.buffered(at, length);
    if (buffered !== undefined) {
      return buffered;
    }
    if (length > this.#lent.length) {
      this.#lent = new Uint8Array(2 * length);
    }
    if (readSync(this.#fd, this.#lent, 0, length, at) !== length) {
      throw new Fault("the file of the disk is shorter than it was");
    }
    return this.#lent.subarray(0, length);
  }

  changed(step: () => void, bytes: number): void {
    this.#live += bytes;
    this.#undo?.push(() => {
      this.#live -= bytes;
      step();
    });
  }

  #addTable(name: string): FileTable {
    const table = new FileTable(this, this.#byNumber.length);
    this.#byNumber.push(table);
    this.#tables.set(name, table);
    return table;
  }

  #replay({ table, key, at, length }: FrameOp): void {
    if (table === NO_TABLE) {
      this.#addTable(new TextDecoder().decode(key));
      return;
    }
    const into = this.#byNumber[table];
    if (into === undefined) {
      throw new Fault("the file of the disk names a table that it does not have");
    }
    into.place(key, at === undefined ? undefined : { at, length });
  }

  #rewriteIfWorth(): void {
    const end = this.#writer.end;
    if (end < (this.#options.rewriteFrom ?? DEFAULT_REWRITE_FROM) || end < REWRITE_FACTOR * this.#live) {
      return;
    }
    const { path } = this.#options;
    const fd = openSync(join(path, REWRITTEN), "w+", 0o600);
    const writer = new FrameWriter(fd, 0);
    const places = new Map<FileTable, Place[]>();
    for (const name of this.#tables.keys()) {
      writer.put(NO_TABLE, new TextEncoder().encode(name), NO_KEY);
    }
    for (const table of this.#byNumber) {
      places.set(
        table,
        table
          .all()
          .map(([key, place]) => ({ at: writer.put(table.number, key, this.lend(place)), length: place.length })),
      );
    }
    writer.close();
    fsyncSync(fd);
    renameSync(join(path, REWRITTEN), join(path, FILE));
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#writer = writer;
    for (const [table, moved] of places) {
      table.move(moved);
    }
  }
}

class FileTable implements DiskTable {
  readonly number: number;
  readonly #disk: FileDisk;
  readonly #places = new OrderedMap<Place>();

  constructor(disk: FileDisk, number: number) {
    this.#disk = disk;
    this.number = number;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.lend(key)?.slice();
  }

  lend(key: Uint8Array): Uint8Array | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#disk.lend(place);
  }

  has(key: Uint8Array): boolean {
    return this.#places.has(key);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#disk.batch(() => this.place(key.slice(), this.#disk.write(this.number, key, value)));
  }

  delete(key: Uint8Array): boolean {
    if (!this.#places.has(key)) {
      return false;
    }
    this.#disk.batch(() => this.place(key.slice(), this.#disk.write(this.number, key, undefined)));
    return true;
  }

  /** Notes where a value is now, or that there is none. */
  place(key: Uint8Array, place: Place | undefined): void {
    const old = this.#places.get(key);
    const bytes =
      (place === undefined ? 0 : key.length + place.length) - (old === undefined ? 0 : key.length + old.length);
    this.#set(key, place);
    this.#disk.changed(() => this.#set(key, old), bytes);
  }

  #set(key: Uint8Array, place: Place | undefined): void {
    if (place === undefined) {
      this.#places.delete(key);
    } else {
      this.#places.set(key, place);
    }
  }

  all(): (readonly [Uint8Array, Place])[] {
    return Array.from(this.#places.entries(), ({ key, value }) => [key, value] as const);
  }

  /** The same values elsewhere, in the order of `all`. */
  move(places: readonly Place[]): void {
    let i = 0;
    for (const entry of this.#places.entries()) {
      entry.value = places[i++] as Place;
    }
  }

  *range(bounds: DiskRange = {}): Iterable<DiskEntry> {
    const reverse = bounds.reverse === true;
    let left = bounds.limit ?? Number.POSITIVE_INFINITY;
    let entry = reverse ? this.#last(bounds) : this.#first(bounds);
    while (entry !== undefined && left > 0 && inside(entry.key, bounds)) {
      const { key, value } = entry;
      yield [key.slice(), this.#disk.lend(value).slice()];
      left--;
      entry = reverse ? this.#places.before(key) : this.#after(key);
    }
  }

  #first(bounds: DiskRange) {
    return bounds.gt === undefined ? this.#places.atOrAfter(bounds.gte ?? NO_KEY) : this.#after(bounds.gt);
  }

  #last(bounds: DiskRange) {
    const exact = bounds.lte === undefined ? undefined : this.#places.atOrAfter(bounds.lte);
    return exact !== undefined && compareBytes(exact.key, bounds.lte as Uint8Array) === 0
      ? exact
      : this.#places.before(bounds.lte ?? bounds.lt);
  }

  #after(key: Uint8Array) {
    const next = new Uint8Array(key.length + 1);
    next.set(key);
    return this.#places.atOrAfter(next);
  }
}

function inside(key: Uint8Array, { reverse, gt, gte, lt, lte }: DiskRange): boolean {
  if (reverse === true) {
    return gt === undefined ? gte === undefined || compareBytes(key, gte) >= 0 : compareBytes(key, gt) > 0;
  }
  return lte === undefined ? lt === undefined || compareBytes(key, lt) < 0 : compareBytes(key, lte) <= 0;
}

/**
 * Opens or creates a disk on a file.
 *
 * @throws Fault when the folder cannot be used or the file is none of this kind
 */
export function openFileDisk(options: FileDiskOptions): Disk {
  try {
    return new FileDisk(options);
  } catch (cause) {
    throw cause instanceof Fault ? cause : new Fault(`cannot open the disk in ${options.path}`, { cause });
  }
}
