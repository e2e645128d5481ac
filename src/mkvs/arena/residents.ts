/** Which trees of an arena exist at present, and when their rows can be given back. */
import type { Root } from "../node/root.js";
import { Refs } from "./refs.js";
import type { ArenaTrees } from "./arena-tree.js";
import type { Applied } from "./batch-apply.js";

/** Final versions of the state whose trees stay. */
const KEPT_FINALS = 8;
/** Trees that were made by going back that stay. */
const KEPT_REBUILT = 4;
/** Trees that were hashed but not committed that stay. */
const KEPT_PREPARED = 16;
const NO_ROWS = new Refs();

/** A tree in the arena. */
export class Resident {
  readonly root: Root;
  readonly ref: number;
  /** The tree that it was made from, if that is in the arena too. */
  base: Resident | undefined;
  /** Rows that came with it. */
  readonly born: Refs;
  /** Rows of its base that it does not use. */
  readonly retired: Refs;
  /** Once false, its rows may be anything. */
  alive = true;
  /** How many readers want it to stay. */
  holds = 0;

  constructor(root: Root, ref: number, base?: Resident, born = NO_ROWS, retired = NO_ROWS) {
    this.root = root;
    this.ref = ref;
    this.base = base;
    this.born = born;
    this.retired = retired;
  }
}

/** A tree that has been made of changes but not been committed. */
export interface Prepared {
  readonly base: Resident | undefined;
  readonly keys: readonly Uint8Array[];
  readonly values: readonly (Uint8Array | null)[];
  readonly applied: Applied;
  alive: boolean;
}

export class Residents {
  /** Changes whenever rows were given back. */
  generation = 0;
  readonly #trees: ArenaTrees;
  /** Candidates and I/O trees. */
  #loose: Resident[] = [];
  /** Final trees of the state, oldest first; each is made from the one before or from nothing. */
  #finals: Resident[] = [];
  /** Older final trees, made from the newest by going back. */
  #rebuilt: Resident[] = [];
  #prepared: Prepared[] = [];

  constructor(trees: ArenaTrees) {
    this.#trees = trees;
  }

  /** The latest final tree of the state. */
  get latest(): Resident | undefined {
    return this.#finals.at(-1);
  }

  find(same: (root: Root) => boolean): Resident | undefined {
    return (
      this.#finals.findLast(({ root }) => same(root)) ??
      this.#loose.find(({ root }) => same(root)) ??
      this.#rebuilt.find(({ root }) => same(root))
    );
  }

  addLoose(resident: Resident): void {
    this.#loose.push(resident);
  }

  /** Adds a tree that shares rows with the latest final one, and must not outlive it. */
  addRebuilt(resident: Resident): void {
    this.#rebuilt.push(resident);
    const first = this.#rebuilt.findIndex(({ holds }) => holds === 0);
    if (this.#rebuilt.length > KEPT_REBUILT && first >= 0) {
      this.#kill(this.#rebuilt.splice(first, 1)[0] as Resident);
    }
  }

  /** A candidate of the state has become final. */
  makeFinal(resident: Resident): void {
    this.#loose = this.#loose.filter((other) => other !== resident);
    if (resident.base === undefined) {
      // Nothing stands before it whose rows it could have replaced.
      this.#trees.free(resident.retired);
    }
    this.#finals.push(resident);
    while (this.#finals.length > KEPT_FINALS && !this.#oldestIsHeld) {
      this.#evictOldest();
    }
  }

  /** Gives up trees of versions before the given one, but never the latest of the state. */
  evictBefore(version: bigint): void {
    while (this.#finals.length > 1 && (this.#finals[0] as Resident).root.version < version && !this.#oldestIsHeld) {
      this.#evictOldest();
    }
    this.evictLoose(({ root }) => root.version < version);
    for (const old of this.#rebuilt.filter(({ root }) => root.version < version)) {
      this.#kill(old);
    }
    this.#rebuilt = this.#rebuilt.filter(({ alive }) => alive);
  }

  /** Gives up candidates and I/O trees, and whatever was made from them. */
  evictLoose(which: (resident: Resident) => boolean): void {
    const gone = new Set(this.#loose.filter((resident) => resident.holds === 0 && which(resident)));
    for (let grown = true; grown; ) {
      grown = false;
      for (const other of this.#loose) {
        if (!gone.has(other) && other.base !== undefined && gone.has(other.base)) {
          gone.add(other);
          grown = true;
        }
      }
    }
    this.#loose = this.#loose.filter((other) => !gone.has(other));
    for (const resident of gone) {
      this.#kill(resident);
    }
  }

  /** Gives up the latest final tree of the state, when there is no state any more. */
  evictAll(): void {
    while (this.#finals.length > 0) {
      this.#evictOldest();
    }
  }

  addPrepared(prepared: Prepared): void {
    this.#prepared.push(prepared);
    if (this.#prepared.length > KEPT_PREPARED) {
      this.dropPrepared(this.#prepared[0] as Prepared);
    }
  }

  /** A prepared tree becomes a resident one. */
  takePrepared(prepared: Prepared): void {
    prepared.alive = false;
    this.#prepared = this.#prepared.filter((other) => other !== prepared);
  }

  dropPrepared(prepared: Prepared): void {
    if (prepared.alive) {
      this.takePrepared(prepared);
      this.#trees.free(prepared.applied.born);
      this.generation++;
    }
  }

  /** Whether somebody reads the oldest final tree, or one that shares its rows. */
  get #oldestIsHeld(): boolean {
    const oldest = this.#finals[0];
    return oldest !== undefined && (oldest.holds > 0 || this.#rebuilt.some((o) => o.holds > 0 && o.base === oldest));
  }

  #evictOldest(): void {
    const oldest = this.#finals.shift() as Resident;
    const next = this.#finals[0];
    for (const rebuilt of this.#rebuilt) {
      if (rebuilt.base === oldest) {
        this.#kill(rebuilt);
      }
    }
    this.#rebuilt = this.#rebuilt.filter(({ alive }) => alive);
    this.evictLoose(({ base }) => base === oldest);
    this.#dropPreparedOn(oldest);
    oldest.alive = false;
    if (next !== undefined && next.base === oldest) {
      this.#trees.free(next.retired);
      next.base = undefined;
    } else {
      this.#trees.free(this.#trees.rows(oldest.ref));
    }
    this.generation++;
  }

  #kill(resident: Resident): void {
    if (resident.alive) {
      resident.alive = false;
      this.#dropPreparedOn(resident);
      this.#trees.free(resident.born);
      this.generation++;
    }
  }

  #dropPreparedOn(base: Resident): void {
    for (const prepared of this.#prepared.filter((other) => other.base === base)) {
      this.dropPrepared(prepared);
    }
  }
}
