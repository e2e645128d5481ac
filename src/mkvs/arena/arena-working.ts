/** A tree of an arena that is being changed: a committed tree and sorted changes over it, applied all at once. */
import { InvalidInput } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { OrderedMap } from "#common/ordered-map.js";
import { type KeyValueIterator, MAX_KEY_BYTES } from "../key-value.js";
import type { Root } from "../node/root.js";
import { OverlayIterator } from "../tree/overlay.js";
import type { WorkingTree } from "../tree/working.js";
import type { LogEntry, WriteLog } from "../write-log.js";
import { ArenaIterator } from "./arena-iterator.js";
import type { ArenaTrees } from "./arena-tree.js";
import type { Changes } from "./batch-apply.js";
import type { Prepared, Resident } from "./residents.js";

/** What the tree needs of its database. */
export interface ArenaHost {
  readonly trees: ArenaTrees;
  readonly generation: number;
  /** The tree of a committed root; throws as `NodeDb.loadRoot` does. */
  resident(root: Root): Resident;
  prepare(base: Resident | undefined, changes: Changes): Prepared;
  dropPrepared(prepared: Prepared): void;
  commitPrepared(base: Root, root: Root, prepared: Prepared, logged: boolean): void;
}

export class ArenaWorkingTree implements WorkingTree {
  readonly #host: ArenaHost;
  readonly #logged: boolean;
  #root: Root | undefined;
  #resident: Resident | undefined;
  #changes = new OrderedMap<Uint8Array | null>();
  #prepared: Prepared | undefined;

  constructor(host: ArenaHost, root: Root | undefined, logged: boolean) {
    this.#host = host;
    this.#root = root;
    this.#logged = logged;
    this.#resident = root === undefined ? undefined : host.resident(root);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    if (this.#changes.size > 0) {
      const change = this.#changes.get(key);
      if (change !== undefined) {
        return change ?? undefined;
      }
    }
    return this.#host.trees.get(this.#ref(), key);
  }

  iterator(): KeyValueIterator {
    const position = () => ({ root: this.#ref(), generation: this.#host.generation });
    return new OverlayIterator(new ArenaIterator(this.#host.trees, position), () => this.#changes);
  }

  insert(key: Uint8Array, value: Uint8Array): void {
    if (key.length > MAX_KEY_BYTES) {
      throw new InvalidInput("key", `${key.length} bytes, the limit is ${MAX_KEY_BYTES}`);
    }
    this.#changed();
    this.#changes.set(key, value);
  }

  remove(key: Uint8Array): void {
    this.#changed();
    this.#changes.set(key, null);
  }

  removeExisting(key: Uint8Array): Uint8Array | undefined {
    const old = this.get(key);
    this.remove(key);
    return old;
  }

  rootHash(): Uint8Array {
    if (this.#changes.size === 0) {
      return this.#root?.hash ?? EMPTY_HASH;
    }
    return this.#host.trees.arena.hash(this.#prepare().applied.ref);
  }

  fork(): WorkingTree {
    const twin = new ArenaWorkingTree(this.#host, this.#root, this.#logged);
    for (const { key, value } of this.#changes.entries()) {
      twin.#changes.set(key, value);
    }
    return twin;
  }

  commit(base: Root | undefined, root: Root): WriteLog {
    const prepared = this.#prepare();
    this.#host.commitPrepared(base ?? { ...root, hash: EMPTY_HASH }, root, prepared, this.#logged);
    this.#prepared = undefined;
    this.#root = root;
    this.#resident = this.#host.resident(root);
    this.#changes = new OrderedMap();
    return this.#logged ? writeLogOf(prepared) : [];
  }

  close(): void {
    this.#changed();
    this.#changes = new OrderedMap();
    this.#root = undefined;
    this.#resident = undefined;
  }

  /** Where the committed tree is. It may have left the arena since, and come back elsewhere. */
  #ref(): number {
    if (this.#resident?.alive === false) {
      this.#resident = this.#host.resident(this.#root as Root);
    }
    return this.#resident?.ref ?? 0;
  }

  #changed(): void {
    if (this.#prepared !== undefined) {
      this.#host.dropPrepared(this.#prepared);
      this.#prepared = undefined;
    }
  }

  #prepare(): Prepared {
    this.#ref();
    if (this.#prepared?.alive !== true) {
      const keys: Uint8Array[] = [];
      const values: (Uint8Array | null)[] = [];
      for (const { key, value } of this.#changes.entries()) {
        keys.push(key);
        values.push(value);
      }
      this.#prepared = this.#host.prepare(this.#resident, { keys, values });
    }
    return this.#prepared;
  }
}

/** Every touched key but those that were absent before and are absent now. */
function writeLogOf({ keys, values, applied }: Prepared): WriteLog {
  const log: LogEntry[] = [];
  keys.forEach((key, i) => {
    if (applied.newLeaves[i] !== 0 || applied.oldLeaves[i] !== 0) {
      log.push([key, values[i] as Uint8Array | null]);
    }
  });
  return log;
}
