/** Records of the roots of an arena's database, and what their commits changed. */
import { concatBytes, equalBytes, readU64be, u64be } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { DiskTable } from "#common/ports/disk.js";
import { type DeltaEntry, deltaEntries } from "../arena/delta.js";
import type { Root } from "../node/root.js";
import { sameRoot } from "./multipart.js";
import { rootKey, versionKey } from "./records.js";
import type { RootRecord } from "./versioned.js";

const BASE_BYTES = 40;
/** Versions whose records stay in memory. */
const KEPT_VERSIONS = 4;

export interface ArenaRecord extends RootRecord {
  /** Whether the commit kept a write log. */
  readonly logged: boolean;
}

export class ArenaRecords {
  readonly #namespace: Uint8Array;
  readonly #roots: DiskTable;
  readonly #deltas: DiskTable;
  #kept: { readonly version: bigint; records: ArenaRecord[] }[] = [];

  constructor(namespace: Uint8Array, roots: DiskTable, deltas: DiskTable) {
    this.#namespace = namespace;
    this.#roots = roots;
    this.#deltas = deltas;
  }

  one(root: Root): ArenaRecord | undefined {
    const kept = this.#kept.find(({ version }) => version === root.version);
    if (kept !== undefined) {
      return kept.records.find((record) => sameRoot(record.root, root));
    }
    const key = rootKey(root);
    const bytes = this.#roots.get(key);
    return bytes === undefined ? undefined : this.#read(key, bytes);
  }

  /** @param keep whether they stay in memory: only those of versions that still change need to */
  of(version: bigint, keep: boolean): ArenaRecord[] {
    const kept = this.#kept.find((entry) => entry.version === version);
    if (kept !== undefined) {
      return kept.records;
    }
    const records: ArenaRecord[] = [];
    for (const [key, bytes] of this.#roots.range({ gte: versionKey(version), lt: versionKey(version + 1n) })) {
      records.push(this.#read(key, bytes));
    }
    if (keep) {
      this.#kept = [...this.#kept, { version, records }].slice(-KEPT_VERSIONS);
    }
    return records;
  }

  put(record: ArenaRecord): void {
    const { root, base, logged } = record;
    this.#roots.put(rootKey(root), concatBytes(u64be(base.version), base.hash, Uint8Array.of(logged ? 1 : 0)));
    const kept = this.#kept.find(({ version }) => version === root.version);
    if (kept?.records.some((other) => sameRoot(other.root, root)) === false) {
      kept.records.push(record);
    }
  }

  /** Deletes the record of a root; what its commit changed stays until the next snapshot. */
  delete(root: Root): void {
    this.#roots.delete(rootKey(root));
    for (const kept of this.#kept) {
      kept.records = kept.records.filter((other) => !sameRoot(other.root, root));
    }
  }

  /** Forgets what is in memory. */
  clear(): void {
    this.#kept = [];
  }

  /** The version of the first record; undefined when there is none. */
  firstVersion(): bigint | undefined {
    for (const [key] of this.#roots.range({ limit: 1 })) {
      return readU64be(key);
    }
    return undefined;
  }

  /** What the commit of a root changed. */
  delta(root: Root): Iterable<DeltaEntry> {
    const bytes = this.#deltas.get(rootKey(root));
    if (bytes === undefined) {
      throw new Fault(`mkvs: the changes of version ${root.version} are missing`);
    }
    return deltaEntries(bytes);
  }

  putDelta(root: Root, delta: Uint8Array): void {
    this.#deltas.put(rootKey(root), delta);
  }

  /** What was changed by candidates of a version or later that were not chosen, with their keys. */
  *dropped(from: bigint): Iterable<readonly [key: Uint8Array, delta: Iterable<DeltaEntry>]> {
    for (const [key, delta] of this.#deltas.range({ gte: versionKey(from) })) {
      if (!this.#roots.has(key)) {
        yield [key, deltaEntries(delta)];
      }
    }
  }

  #read(key: Uint8Array, bytes: Uint8Array): ArenaRecord {
    const namespace = this.#namespace;
    const type = key[8] as number;
    const root = { namespace, version: readU64be(key), type, hash: key.slice(9) };
    const base = { namespace, version: readU64be(bytes), type, hash: bytes.slice(8, BASE_BYTES) };
    return { root, base, logged: bytes[BASE_BYTES] === 1 };
  }
}

/** Whether a record's root was made from that of another. */
export function isMadeFrom({ root }: ArenaRecord): (next: ArenaRecord) => boolean {
  return ({ base }) => sameRoot(base, root) && !equalBytes(root.hash, EMPTY_HASH);
}
