import { MemoryDisk } from "#common/memory-disk.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";

/** Every kind of node database: the recorded answers are the same for all. */
export const NODE_DBS: readonly (readonly [name: string, open: (namespace: Uint8Array) => NodeDb])[] = [
  ["memory", (namespace) => new MemoryNodeDb(namespace)],
  ["pages", (namespace) => new DiskNodeDb({ disk: new MemoryDisk(), name: "state", namespace })],
  ["arena", (namespace) => new ArenaNodeDb({ disk: new MemoryDisk(), name: "state", namespace, snapshotAfter: 10 })],
];
