import { equalBytes } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot, type Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { storageErrors } from "./receipts/errors.js";

/** How a tree comes about. */
export interface TreeChange {
  /** A tree that is here, or an empty one. */
  readonly base: Root;
  readonly writeLog: WriteLog;
  /** What has to come out. */
  readonly root: Root;
}

/** Both trees of a round that is not final yet. */
export interface RoundTrees {
  readonly io: TreeChange;
  readonly state: TreeChange;
}

/** A tree that is as it should be and only has to be committed. */
interface Pending {
  readonly tree: Tree;
  readonly root: Root;
}

function apply(db: NodeDb, { base, writeLog, root }: TreeChange): Pending[] {
  if (db.hasRoot(root)) return [];
  const tree = isEmptyRoot(base) ? new Tree({ db, type: root.type }) : new Tree({ db, root: base });
  tree.applyWriteLog(writeLog);
  if (!equalBytes(tree.rootHash(), root.hash)) throw storageErrors.expectedRootMismatch(`tree of type ${root.type}`);
  return [{ tree, root }];
}

/**
 * Keeps the trees of an executed round as candidates: both or, if one of them is wrong, none. They are on the disk when
 * this returns.
 *
 * @throws CodedError storage/3 when a write log leads to another root
 */
export function keepRoundTrees(disk: Disk, db: NodeDb, { io, state }: RoundTrees): void {
  // A batch that fails would leave the database object ahead of its disk, so it begins when both are known to be right.
  const pending = [...apply(db, io), ...apply(db, state)];
  disk.batch(() => {
    for (const { tree, root } of pending) tree.commitKnown(root);
  });
}
