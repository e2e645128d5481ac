/** The table in which a node database on a disk notes whose it is and which versions it has. */
import { equalBytes, readU64be, u64be } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { DiskTable } from "#common/ports/disk.js";

const LATEST = Uint8Array.of(1);
const EARLIEST = Uint8Array.of(2);
const NAMESPACE = Uint8Array.of(3);

export class VersionTable {
  readonly #meta: DiskTable;

  /**
   * @param name prefix of the names of the database's tables
   * @param namespace 32 bytes; noted in a new table
   * @throws Fault when the tables belong to another namespace
   */
  constructor(meta: DiskTable, name: string, namespace: Uint8Array) {
    this.#meta = meta;
    const noted = this.#meta.get(NAMESPACE);
    if (noted === undefined) {
      this.#meta.put(NAMESPACE, namespace);
    } else if (!equalBytes(noted, namespace)) {
      throw new Fault(`mkvs: the tables ${name} belong to another namespace`);
    }
  }

  /** The latest final version; undefined as long as there is none. */
  get latest(): bigint | undefined {
    const bytes = this.#meta.get(LATEST);
    return bytes === undefined ? undefined : readU64be(bytes);
  }

  /** The first version that is not pruned. */
  get earliest(): bigint {
    const bytes = this.#meta.get(EARLIEST);
    return bytes === undefined ? 0n : readU64be(bytes);
  }

  save(latest: bigint | undefined, earliest: bigint): void {
    if (latest !== undefined) {
      this.#meta.put(LATEST, u64be(latest));
    }
    this.#meta.put(EARLIEST, u64be(earliest));
  }
}
