/** A process that writes one version after the other until it is killed, and tells each that is final. */
import { writeSync } from "node:fs";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import type { Disk } from "#common/ports/disk.js";
import { type Root, ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { openFileDisk } from "#platform/disk-file.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";

const NAMESPACE = new Uint8Array(32).fill(11);
const KEYS = 3000;
const CHANGES = 200;
const KEPT = 4n;

function openDisk(kind: string, path: string): Disk {
  return kind === "file" ? openFileDisk({ path, rewriteFrom: 1 << 20 }) : openLmdbDisk({ path });
}

export function openDb(kind: string, path: string): { db: ArenaNodeDb; close: () => void } {
  const disk = openDisk(kind, path);
  const db = new ArenaNodeDb({ disk, name: "state", namespace: NAMESPACE, snapshotAfter: 1500 });
  return { db, close: () => disk.close() };
}

function bytes(number: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.imul(number + 1, 2654435761 + i * 40503) >>> 24);
}

/** The changes of a version depend on nothing but its number. */
export function applyVersion(version: number, tree: Pick<Tree, "insert" | "remove">): void {
  for (let i = 0; i < CHANGES; i++) {
    const n = Math.imul(version * CHANGES + i, 2246822519) >>> 0;
    const key = bytes(n % KEYS, 20);
    if (n % 5 === 0) tree.remove(key);
    else tree.insert(key, bytes(n, 90));
  }
}

export function latestRoot(db: ArenaNodeDb): Root | undefined {
  const latest = db.latestVersion();
  return latest === undefined ? undefined : db.rootsForVersion(latest).find(({ type }) => type === ROOT_STATE);
}

/** Never returns. */
export function writeForEver(kind: string, path: string): void {
  const { db } = openDb(kind, path);
  const root = latestRoot(db);
  const tree = new Tree(root === undefined ? { db } : { db, root });
  for (let version = (root?.version ?? 0n) + 1n; ; version++) {
    applyVersion(Number(version), tree);
    tree.commit(NAMESPACE, version);
    db.finalize([tree.base as Root]);
    writeSync(1, `${version}\n`);
    if (version - db.earliestVersion() >= KEPT) db.prune(db.earliestVersion());
  }
}
