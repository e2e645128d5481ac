import { beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { type Root, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { keepRoundTrees, type RoundTrees } from "#worker/storage/round-trees.js";
import { RUNTIME_ID } from "./support/local-network.ts";

const INPUTS: WriteLog = [[utf8("input"), utf8("call")]];
const CHANGES: WriteLog = [[utf8("key"), utf8("value")]];

const KINDS: readonly (readonly [string, (disk: Disk) => NodeDb])[] = [
  ["pages", (disk) => new DiskNodeDb({ disk, name: "trees", namespace: RUNTIME_ID })],
  ["an arena", (disk) => new ArenaNodeDb({ disk, name: "trees", namespace: RUNTIME_ID })],
];

let disk: MemoryDisk;
let db: NodeDb;

function rootOf(version: bigint, type: number, writeLog: WriteLog): Root {
  const tree = new Tree({ type });
  tree.applyWriteLog(writeLog);
  return { namespace: RUNTIME_ID, version, type, hash: tree.rootHash() };
}

function trees(state: Root = rootOf(1n, ROOT_STATE, CHANGES)): RoundTrees {
  const io = rootOf(1n, ROOT_IO, INPUTS);
  const nothing = { namespace: RUNTIME_ID, version: 0n, type: ROOT_STATE, hash: EMPTY_HASH };
  return {
    io: { base: { ...io, hash: EMPTY_HASH }, writeLog: INPUTS, root: io },
    state: { base: nothing, writeLog: CHANGES, root: state },
  };
}

describe.each(KINDS)("trees of a round, in %s,", (_, open) => {
  beforeEach(() => {
    disk = new MemoryDisk();
    db = open(disk);
    db.finalize([{ namespace: RUNTIME_ID, version: 0n, type: ROOT_STATE, hash: EMPTY_HASH }]);
  });

  test("are both there afterwards, and after the disk was opened again", () => {
    const round = trees();
    keepRoundTrees(disk, db, round);
    const reopened = open(disk);
    for (const { root } of [round.io, round.state]) {
      expect(db.hasRoot(root)).toBe(true);
      expect(reopened.hasRoot(root)).toBe(true);
    }
  });

  test("are kept twice without harm", () => {
    keepRoundTrees(disk, db, trees());
    keepRoundTrees(disk, db, trees());
    expect(db.rootsForVersion(1n)).toHaveLength(2);
  });

  test("are not kept when one of them is wrong, and can be kept rightly afterwards", () => {
    const round = trees();
    const wrong = rootOf(1n, ROOT_STATE, [[utf8("key"), utf8("other")]]);
    expect(() => keepRoundTrees(disk, db, trees(wrong))).toThrow("expected root mismatch");
    expect(db.hasRoot(round.io.root)).toBe(false);
    keepRoundTrees(disk, db, round);
    const tree = new Tree({ db: open(disk), root: round.io.root });
    expect(tree.get(utf8("input"))).toEqual(utf8("call"));
  });
});
