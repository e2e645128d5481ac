import { describe, expect, test } from "vitest";
import { copyRange } from "#common/byte-copy.js";
import { u32be, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { DiskTable } from "#common/ports/disk.js";
import { LeafPages } from "#mkvs/arena/leaf-pages.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { type Root, ROOT_IO } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";

const NAMESPACE = new Uint8Array(32).fill(7);
/** A dump that knows nothing of any page. */
const EMPTY_DUMP = 12;
const options = (disk: MemoryDisk) => ({ disk, name: "state", namespace: NAMESPACE });

/** Writes leaves of a hundred bytes or so. Returns the page of each. */
function write(pages: LeafPages, leaves: number): number[] {
  const places = Array.from({ length: leaves }, (_, i) => {
    pages.append(u32be(i), new Uint8Array(100));
    return pages.page;
  });
  pages.flush();
  return places;
}

function reopened(table: DiskTable, dump: Uint8Array | undefined): LeafPages {
  const pages = new LeafPages(table);
  pages.load(dump);
  return pages;
}

describe("leaf pages", () => {
  test("that are needed as a whole take no memory, however many they are", () => {
    const pages = new LeafPages(new MemoryDisk().openTable("leaves"));
    const places = write(pages, 10_000);
    expect(new Set(places).size).toBeGreaterThan(200);
    expect(pages.dump()).toHaveLength(EMPTY_DUMP);
    const { bytes } = pages.space;
    for (const page of places.slice(0, 100)) pages.release(page);
    expect(pages.dump().length).toBeGreaterThan(EMPTY_DUMP);
    expect(pages.space.wasted).toBeGreaterThan(100 * 100);
    for (const page of places.slice(100)) pages.release(page);
    expect(pages.space).toEqual({ bytes, wasted: bytes });
    pages.deleteUnneeded();
    expect([pages.dump().length, pages.space]).toEqual([EMPTY_DUMP, { bytes: 0, wasted: 0 }]);
  });

  test("are known again after a dump, and so is what was written after it", () => {
    const table = new MemoryDisk().openTable("leaves");
    const pages = new LeafPages(table);
    const places = write(pages, 1000);
    for (const page of places.filter((_, i) => i % 3 > 0)) pages.release(page);
    const dump = pages.dump();
    write(pages, 500);
    const again = reopened(table, dump);
    expect([again.page, again.space, again.sparsePages(0.5)]).toEqual([
      pages.page,
      pages.space,
      pages.sparsePages(0.5),
    ]);
    // A dump of an earlier version of this program says how much of every page is needed.
    const old = Uint32Array.of(3, 1, 4000, 30, 30, 2, 1000, 10, 4);
    expect(reopened(new MemoryDisk().openTable("leaves"), new Uint8Array(old.buffer)).space).toEqual({
      bytes: 5000,
      wasted: 600,
    });
  });

  test("that are gone are not counted", () => {
    const pages = new LeafPages(new MemoryDisk().openTable("leaves"));
    const places = write(pages, 1000);
    const [first, last] = [places[0] as number, places.at(-1) as number];
    pages.deleteFrom(last);
    pages.release(last);
    expect(pages.dump()).toHaveLength(EMPTY_DUMP);
    pages.deleteFrom(first);
    expect(pages.space).toEqual({ bytes: 0, wasted: 0 });
  });
});

/** Makes versions final, each with a state and an I/O tree of its own. */
function grow(db: ArenaNodeDb, versions: number, after: (version: bigint) => void = () => undefined): void {
  const state = new Tree({ db });
  for (let version = 1n; version <= versions; version++) {
    state.insert(utf8(`key ${version % 20n}`), utf8(`value ${version}`));
    state.commit(NAMESPACE, version);
    const io = new Tree({ db, type: ROOT_IO });
    io.insert(utf8("input"), utf8(`of ${version}`));
    io.commit(NAMESPACE, version);
    db.finalize([state.base as Root, io.base as Root]);
    after(version);
  }
}

describe("an arena that follows a chain", () => {
  test("holds as much in memory after many versions as after few", () => {
    const db = new ArenaNodeDb(options(new MemoryDisk()));
    grow(db, 400);
    expect(db.trees.pages.dump()).toHaveLength(EMPTY_DUMP);
    expect(db.trees.pending.size).toBe(0);
    const { internal, leaves } = db.trees.arena.used;
    expect(internal + leaves).toBeLessThan(300);
  });

  test.each([
    ["after so many changes", 50, 400, 120],
    ["when there is much to forget", undefined, 1200, 1200],
  ])("forgets what it has pruned, on the disk as well, %s", (_, snapshotAfter, versions, most) => {
    const disk = new MemoryDisk();
    const db = new ArenaNodeDb({ ...options(disk), snapshotAfter });
    const rows = (table: string): number => [...disk.openTable(`state/${table}`).range()].length;
    grow(db, versions, (version) => {
      if (version > 10n) db.prune(version - 10n);
    });
    expect(db.trees.pages.dump().length).toBeLessThan(EMPTY_DUMP + most * 16);
    for (const table of ["roots", "deltas", "leaves"]) expect(rows(table), table).toBeLessThan(most);
    const [earliest, latest] = [db.earliestVersion(), db.latestVersion()];
    const again = new ArenaNodeDb(options(disk));
    expect([again.earliestVersion(), again.latestVersion()]).toEqual([earliest, latest]);
    expect(again.trees.pages.space).toEqual(db.trees.pages.space);
  });
});

test("a tree in memory keeps alive no more than its values", () => {
  const db = new DiskNodeDb(options(new MemoryDisk()));
  const tree = new Tree({ db });
  // What a value is cut from when it is encoded.
  const value = copyRange(new Uint8Array(1000).fill(1), 0, 300);
  tree.insert(utf8("key"), value);
  tree.insert(utf8("key and more"), value);
  tree.commit(NAMESPACE, 1n);
  for (const key of ["key", "key and more"]) {
    const kept = new Tree({ db, root: tree.base as Root }).get(utf8(key));
    expect([kept, kept?.buffer.byteLength]).toEqual([value, value.length]);
  }
});
