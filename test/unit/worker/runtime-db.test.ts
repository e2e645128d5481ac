import { expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { openRuntimeDb, type TreeUse } from "#worker/storage/runtime-db.js";
import { RUNTIME_ID } from "./support/local-network.ts";

function commit(db: NodeDb): Root {
  const tree = new Tree({ db });
  tree.insert(utf8("key"), utf8("value"));
  tree.commit(RUNTIME_ID, 1n);
  db.finalize([tree.base as Root]);
  return tree.base as Root;
}

const open = (disk: Disk, use: TreeUse): NodeDb => openRuntimeDb(disk, RUNTIME_ID, use);

test("who follows rounds keeps trees in an arena, who is asked about any round keeps them in pages", () => {
  expect(open(new MemoryDisk(), "follow")).toBeInstanceOf(ArenaNodeDb);
  expect(open(new MemoryDisk(), "look-up")).toBeInstanceOf(DiskNodeDb);
});

test.each([
  ["follow", "look-up"],
  ["look-up", "follow"],
] as const)("trees that are there stay as they are when what was %s becomes %s", (before, after) => {
  const disk = new MemoryDisk();
  const first = open(disk, before);
  const root = commit(first);
  first.close();
  const second = open(disk, after);
  expect(second.constructor).toBe(first.constructor);
  expect(second.latestVersion()).toBe(1n);
  expect(new Tree({ db: second, root }).get(utf8("key"))).toEqual(utf8("value"));
});
