/** The rules of the node database contract, over whatever keeps the roots and the nodes. */
import { equalBytes, toHex } from "#common/bytes.js";
import { Fault, InvalidInput } from "#common/errors/index.js";
import { nodeDbErrors } from "../errors.js";
import type { Child, Node, Stub } from "../node/node.js";
import { isEmptyRoot, Root, ROOT_IO, rootFollows } from "../node/root.js";
import type { NodeReader } from "../tree/node-reader.js";
import type { Commit, WorkingTree } from "../tree/working.js";
import type { WriteLog } from "../write-log.js";
import { type Multipart, TreeMultipart } from "./multipart.js";
import type { NodeDb, PartLeaves } from "./node-db.js";
import { VERSION_LIMIT } from "./page.js";

/** What every implementation knows of a committed root. */
export interface RootRecord {
  readonly root: Root;
  /** The root that it was made from. */
  readonly base: Root;
}

/** What every implementation is told of a commit. */
interface NewRoot {
  readonly base: Root;
  readonly root: Root;
}

/**
 * The contract's checks and its order of steps. Implementations supply the storage; each public call here is one atomic
 * step of theirs.
 */
export abstract class VersionedNodeDb<R extends RootRecord, C extends NewRoot = Commit> implements NodeDb {
  readonly namespace: Uint8Array;
  protected earliest = 0n;
  protected latest: bigint | undefined;
  #multipart: Multipart | undefined;

  /** @param namespace 32 bytes; roots of other namespaces are refused */
  constructor(namespace: Uint8Array) {
    this.namespace = namespace;
  }

  /** The record of one root. */
  protected abstract record(root: Root): R | undefined;
  /** The records of all roots of a version. */
  protected abstract records(version: bigint): R[];
  /** Stores a tree and its record, and returns the tree as it is to be used from now on. */
  protected abstract store(commit: C): Child;
  /** Stores a tree that came in parts. */
  protected abstract storeRestored(root: Root, multipart: Multipart): void;
  /** Drops a candidate that was not chosen. */
  protected abstract drop(record: R): void;
  /** Forgets a final root; `next` is the root that was made from it in the next version, if there is one. */
  protected abstract forget(record: R, next: R | undefined): void;
  protected abstract storedWriteLog(record: R): WriteLog | undefined;
  protected abstract open(record: R): Child;
  /** Makes the changed `earliest` and `latest` permanent. */
  protected abstract saveVersions(): void;
  protected abstract atomically<T>(body: () => T): T;
  abstract openReader(root: Root): NodeReader<unknown>;
  abstract openTree(root: Root | undefined, logged: boolean): WorkingTree;
  abstract resolve(stub: Stub): Node;
  abstract close(): void;

  latestVersion(): bigint | undefined {
    return this.latest;
  }

  earliestVersion(): bigint {
    return this.earliest;
  }

  rootsForVersion(version: bigint): Root[] {
    return version < this.earliest ? [] : this.records(version).map(({ root }) => root);
  }

  hasRoot(root: Root): boolean {
    if (!equalBytes(root.namespace, this.namespace)) {
      return false;
    }
    return isEmptyRoot(root) || (root.version >= this.earliest && this.record(root) !== undefined);
  }

  getWriteLog(start: Root, end: Root): WriteLog {
    if (!rootFollows(end, start)) {
      throw nodeDbErrors.rootMustFollowOld();
    }
    this.#checkNamespace(end);
    if (end.version < this.earliest) {
      throw nodeDbErrors.writeLogNotFound(`version ${end.version} has been pruned`);
    }
    const record = this.record(end);
    if (record === undefined) {
      throw nodeDbErrors.rootNotFound(describe(end));
    }
    const log = equalBytes(record.base.hash, start.hash) ? this.storedWriteLog(record) : undefined;
    if (log === undefined) {
      throw nodeDbErrors.writeLogNotFound(`from ${describe(start)} to ${describe(end)}`);
    }
    return log;
  }

  loadRoot(root: Root): Child {
    this.#checkNamespace(root);
    if (isEmptyRoot(root)) {
      return undefined;
    }
    if (root.version < this.earliest) {
      throw nodeDbErrors.nodeNotFound(`version ${root.version} has been pruned`);
    }
    const record = this.record(root);
    if (record === undefined) {
      throw nodeDbErrors.rootNotFound(describe(root));
    }
    return this.open(record);
  }

  /** For the trees of this database: makes a root a candidate of its version and gives the tree to go on with. */
  commit(commit: C): Child {
    const { base, root } = commit;
    this.#checkNamespace(root);
    if (this.#multipart !== undefined) {
      throw nodeDbErrors.multipartInProgress(`version ${this.#multipart.version}`);
    }
    this.#checkBase(base, root);
    if (root.version >= VERSION_LIMIT) {
      throw new InvalidInput("version", `${root.version} is beyond the limit of 2^48 - 1`);
    }
    if (this.latest !== undefined && root.version <= this.latest) {
      throw nodeDbErrors.alreadyFinalized(`version ${root.version}`);
    }
    const known = this.record(root);
    return known === undefined ? this.atomically(() => this.store(commit)) : this.open(known);
  }

  finalize(roots: readonly Root[]): void {
    const version = roots[0]?.version;
    if (version === undefined) {
      throw new InvalidInput("roots", "at least one root is needed to finalize a version");
    }
    this.#checkFinalizable(version, roots);
    const chosen = (record: R): boolean =>
      roots.some((root) => root.type === record.root.type && equalBytes(root.hash, record.root.hash));
    this.atomically(() => {
      this.#storeParts(roots);
      for (const record of this.records(version)) {
        if (!chosen(record)) {
          this.drop(record);
        }
      }
      this.earliest = this.latest === undefined ? version : this.earliest;
      this.latest = version;
      this.saveVersions();
      // Parts of roots that were not chosen.
      this.#multipart?.drop();
    });
    this.#multipart = undefined;
  }

  startMultipart(version: bigint): void {
    if (version === 0n) {
      throw nodeDbErrors.invalidMultipartVersion("version 0 cannot be restored");
    }
    if (this.latest !== undefined && version <= this.latest) {
      throw nodeDbErrors.alreadyFinalized(`version ${version}`);
    }
    if (this.#multipart !== undefined && this.#multipart.version !== version) {
      throw nodeDbErrors.multipartInProgress(`version ${this.#multipart.version}`);
    }
    this.#multipart ??= this.newMultipart(version);
  }

  insertPart(root: Root, leaves: PartLeaves): void {
    this.#checkNamespace(root);
    if (this.#multipart === undefined || this.#multipart.version !== root.version) {
      throw nodeDbErrors.invalidMultipartVersion(`version ${root.version}`);
    }
    this.#multipart.insert(root, leaves);
  }

  checkParts(root: Root): void {
    if (this.#multipart?.has(root) !== true) {
      throw nodeDbErrors.nodeNotFound("no part of the tree has come");
    }
    this.#multipart.check(root);
  }

  abortMultipart(): void {
    this.#multipart?.drop();
    this.#multipart = undefined;
  }

  hold(root: Root): () => void {
    this.loadRoot(root);
    return () => undefined;
  }

  /** Where the parts of a version are gathered. */
  protected newMultipart(version: bigint): Multipart {
    return new TreeMultipart(version, this);
  }

  /** Stores the trees that came in parts. */
  #storeParts(roots: readonly Root[]): void {
    const multipart = this.#multipart;
    for (const root of multipart === undefined ? [] : roots) {
      if (multipart?.has(root) === true && this.record(root) === undefined) {
        this.storeRestored(root, multipart);
      }
    }
  }

  prune(version: bigint): void {
    if (this.#multipart !== undefined) {
      throw nodeDbErrors.multipartInProgress(`version ${this.#multipart.version}`);
    }
    if (this.latest === undefined || version > this.latest) {
      throw nodeDbErrors.notFinalized(`version ${version}`);
    }
    if (version !== this.earliest) {
      throw nodeDbErrors.notEarliest(`version ${version}, the earliest is ${this.earliest}`);
    }
    if (version === this.latest) {
      throw nodeDbErrors.cannotPruneLatest(`version ${version}`);
    }
    const successors = this.records(version + 1n);
    this.atomically(() => {
      for (const record of this.records(version)) {
        const { type, hash } = record.root;
        const isNext = (next: R): boolean =>
          next.root.type === type && next.base.version === version && equalBytes(next.base.hash, hash);
        this.forget(record, isEmptyRoot(record.root) ? undefined : successors.find(isNext));
      }
      this.earliest = version + 1n;
      this.saveVersions();
    });
  }

  #checkNamespace(root: Root): void {
    if (!equalBytes(root.namespace, this.namespace)) {
      throw nodeDbErrors.badNamespace(toHex(root.namespace));
    }
  }

  #checkBase(base: Root, root: Root): void {
    if (!rootFollows(root, base)) {
      throw nodeDbErrors.rootMustFollowOld(`${describe(root)} after ${describe(base)}`);
    }
    if (isEmptyRoot(base)) {
      return;
    }
    if (base.type === ROOT_IO) {
      throw nodeDbErrors.rootMustFollowOld("roots of I/O trees have no successors");
    }
    if (base.version === root.version) {
      throw nodeDbErrors.rootMustFollowOld("a root cannot be made from one of the same version");
    }
    if (base.version < this.earliest || this.record(base) === undefined) {
      throw nodeDbErrors.rootNotFound(describe(base));
    }
  }

  #checkFinalizable(version: bigint, roots: readonly Root[]): void {
    if (this.latest !== undefined && version <= this.latest) {
      throw nodeDbErrors.alreadyFinalized(`version ${version}`);
    }
    if (this.#multipart !== undefined && this.#multipart.version !== version) {
      throw nodeDbErrors.invalidMultipartVersion(`version ${version} instead of ${this.#multipart.version}`);
    }
    if (this.latest !== undefined && version !== this.latest + 1n && this.#multipart === undefined) {
      throw nodeDbErrors.notFinalized(`version ${version - 1n}`);
    }
    const types: number[] = [];
    for (const root of roots) {
      this.#checkNamespace(root);
      if (root.version !== version) {
        throw new InvalidInput("roots", "the roots to finalize are of different versions");
      }
      if (types.includes(root.type)) {
        throw new InvalidInput("roots", `more than one root of type ${root.type} to finalize`);
      }
      types.push(root.type);
      this.#checkChosen(root);
    }
  }

  #checkChosen(root: Root): void {
    const record = this.record(root);
    if (record === undefined) {
      if (this.#multipart?.has(root) === true) {
        this.#multipart.check(root);
        return;
      }
      if (isEmptyRoot(root)) {
        return;
      }
      throw nodeDbErrors.rootNotFound(describe(root));
    }
    // A candidate that was made from a root which lost its own version refers to nodes that are gone.
    if (!isEmptyRoot(record.base) && this.record(record.base) === undefined) {
      throw nodeDbErrors.rootNotFound(`base ${describe(record.base)} of ${describe(root)}`);
    }
  }
}

function describe(root: Root): string {
  return `root ${toHex(root.hash)} of type ${root.type} in version ${root.version}`;
}

/** The Fault for a node that a record refers to and that is not there. */
export function lostNode(stub: Stub): Fault {
  return new Fault(`mkvs: node ${toHex(stub.hash)} (version ${stub.version}, number ${stub.index}) is missing`);
}
