/** The node database: trees by version (mkvs: NodeDB contract). All of it is synchronous. */
import type { Child, NodeSource } from "../node/node.js";
import type { Root } from "../node/root.js";
import type { NodeReader } from "../tree/node-reader.js";
import type { WorkingTree } from "../tree/working.js";
import type { WriteLog } from "../write-log.js";

/**
 * Keeps trees of one namespace by version. Several candidate roots of a version may be committed; `finalize` chooses at
 * most one of each type and drops the others. Versions are finalised in sequence; old ones are pruned from the earliest.
 *
 * Errors of the contract are `nodeDbErrors`; a node or record that should be there and is not is a Fault.
 */
export interface NodeDb extends NodeSource {
  readonly namespace: Uint8Array;
  /** Latest finalised version; undefined before the first. */
  latestVersion(): bigint | undefined;
  /** Earliest version that has not been pruned; 0 before the first. */
  earliestVersion(): bigint;
  /** All committed roots of a version, candidates included; none for a pruned version. */
  rootsForVersion(version: bigint): Root[];
  /** Whether a root is there. The empty root always is. */
  hasRoot(root: Root): boolean;
  /**
   * What turns one tree into the other, in key order, when `end` was committed on top of `start`.
   * @throws rootMustFollowOld, badNamespace, writeLogNotFound, rootNotFound
   */
  getWriteLog(start: Root, end: Root): WriteLog;
  /**
   * Makes a version final; it must be the one after the latest (any, if it is the first).
   * @param roots committed or empty roots of one version, at most one of each type
   * @throws alreadyFinalized, notFinalized, rootNotFound
   */
  finalize(roots: readonly Root[]): void;
  /**
   * Forgets the earliest version.
   * @throws notFinalized, notEarliest, cannotPruneLatest
   */
  prune(version: bigint): void;
  /**
   * Begins to take a version in parts, as a checkpoint gives it; versions between the latest and it stay empty. Until it
   * is finalised or given up nothing else can be committed or pruned. Calling it again with the same version changes
   * nothing. Parts do not outlive the object: an interrupted restore begins anew.
   * @throws invalidMultipartVersion (version 0), alreadyFinalized, multipartInProgress (another version)
   */
  startMultipart(version: bigint): void;
  /**
   * Takes leaves that have been proven to belong to a root of that version, in any order; parts may overlap.
   * @throws badNamespace, invalidMultipartVersion
   */
  insertPart(root: Root, leaves: PartLeaves): void;
  /**
   * Looks whether all parts of a root have come.
   * @throws nodeNotFound when some are missing
   */
  checkParts(root: Root): void;
  /** Drops what came in parts. */
  abortMultipart(): void;
  /**
   * Keeps a tree where it is for somebody who reads it bit by bit while versions go on. The version must not be pruned.
   * @returns ends it
   * @throws the errors of `loadRoot`
   */
  hold(root: Root): () => void;
  close(): void;

  /**
   * For trees only: the root node or a stub of it.
   * @throws badNamespace, nodeNotFound (pruned version), rootNotFound
   */
  loadRoot(root: Root): Child;
  /**
   * For proofs and checkpoints only: the nodes of a tree, good until the database changes, or as long as it is held.
   * @throws badNamespace, nodeNotFound (pruned version), rootNotFound
   */
  openReader(root: Root): NodeReader<unknown>;
  /**
   * For trees only: a tree to change, from a committed root or from nothing. Its `commit` makes a root a candidate of its
   * version and throws badNamespace, rootMustFollowOld, rootNotFound (the base) or alreadyFinalized.
   * @throws badNamespace, nodeNotFound (pruned version), rootNotFound
   */
  openTree(root: Root | undefined, logged: boolean): WorkingTree;
}

/** Leaves that have been proven to belong to a root. */
export interface PartLeaves {
  readonly keys: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
  /** Their own hashes one after the other, each as eight words of the machine's byte order, that is as 32 bytes in order. */
  readonly hashes: Int32Array;
}
