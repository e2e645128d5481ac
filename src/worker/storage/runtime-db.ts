import { toHex } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import type { NodeDb } from "#mkvs/db/node-db.js";

/** Nodes of recent trees that are kept in memory. */
const CACHE_NODES = 1 << 15;

/**
 * What a node does with the trees of a runtime. "follow": it makes or fetches round after round and gives others what
 * they need to do so; then they lie in an arena, which takes a third of the time and a quarter of the disk. "look-up":
 * it answers questions about any round that it keeps; then they lie in pages, where an old round is as near as the
 * latest. In an arena one that is no longer in memory would first have to be made again from all changes since.
 */
export type TreeUse = "follow" | "look-up";

/**
 * Opens the trees of a runtime. A disk that has them in one form already keeps that form.
 *
 * @param runtimeId 32 bytes
 */
export function openRuntimeDb(disk: Disk, runtimeId: Uint8Array, use: TreeUse): NodeDb {
  const namespace = runtimeId;
  const pages = `runtime/${toHex(runtimeId)}`;
  const arena = `${pages}/arena`;
  const inPages = isUsed(disk, pages) || (use === "look-up" && !isUsed(disk, arena));
  if (inPages) return new DiskNodeDb({ disk, name: pages, namespace, cacheNodes: CACHE_NODES });
  return new ArenaNodeDb({ disk, name: arena, namespace });
}

function isUsed(disk: Disk, name: string): boolean {
  for (const _ of disk.openTable(`${name}/roots`).range({ limit: 1 })) return true;
  return false;
}
