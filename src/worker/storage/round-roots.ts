import { EMPTY_HASH } from "#common/hash.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot, type Root, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";

/** State after a block. */
export function stateRootOf({ namespace, round, stateRoot }: Header): Root {
  return { namespace, version: round, type: ROOT_STATE, hash: stateRoot };
}

/** Inputs and outputs of a block. */
export function ioRootOf({ namespace, round, ioRoot }: Header): Root {
  return { namespace, version: round, type: ROOT_IO, hash: ioRoot };
}

/** The empty tree from which the tree of a root begins, of the same version for inputs and outputs. */
export function emptyRootLike(root: Root): Root {
  return { ...root, hash: EMPTY_HASH };
}

/**
 * Applies what a round changed and keeps the tree if it has the expected root.
 *
 * @throws CodedError when the result has another root; nothing is kept then
 */
export function applyDiff(db: NodeDb, base: Root, writeLog: WriteLog, root: Root): void {
  if (isEmptyRoot(root)) return;
  const tree = isEmptyRoot(base) ? new Tree({ db, type: root.type }) : new Tree({ db, root: base });
  tree.applyWriteLog(writeLog);
  tree.commitKnown(root);
}
