import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { equalBytes, fromHex, toHex, utf8 } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { OrderedMap } from "#common/ordered-map.js";
import { type Disk, type DiskEntry, type DiskRange, MAX_DISK_KEY_BYTES } from "#common/ports/disk.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { Random } from "../mkvs/support/random.ts";

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "qanat-disk-"));
  folders.push(path);
  return path;
}

const IMPLEMENTATIONS: readonly (readonly [name: string, open: () => Disk])[] = [
  ["in memory", () => new MemoryDisk()],
  ["on LMDB", () => openLmdbDisk({ path: folder(), durable: false })],
  ["on LMDB, flushed", () => openLmdbDisk({ path: folder() })],
];

function hexOf(entries: Iterable<DiskEntry>): string[] {
  return [...entries].map(([key, value]) => `${toHex(key)}=${toHex(value)}`);
}

describe.each(IMPLEMENTATIONS)("a disk %s", (_, open) => {
  test("reads back what was put, as arrays of the reader's own", () => {
    const table = open().openTable("t");
    const value = utf8("value");
    table.put(utf8("key"), value);
    value[0] = 0;
    const read = table.get(utf8("key"))!;
    expect(read).toEqual(utf8("value"));
    expect(read.constructor).toBe(Uint8Array);
    read[0] = 0;
    table.put(utf8("empty"), new Uint8Array(0));
    table.put(utf8("large"), new Uint8Array(200_000).fill(3));
    expect(table.get(utf8("key"))).toEqual(utf8("value"));
    expect(table.get(utf8("empty"))).toEqual(new Uint8Array(0));
    expect(equalBytes(table.get(utf8("large"))!, new Uint8Array(200_000).fill(3))).toBe(true);
    expect([table.has(utf8("key")), table.has(utf8("none")), table.get(utf8("none"))]).toEqual([
      true,
      false,
      undefined,
    ]);
    expect([table.delete(utf8("key")), table.delete(utf8("key")), table.has(utf8("key"))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("refuses keys that are empty or too long and takes the longest", () => {
    const table = open().openTable("t");
    table.put(new Uint8Array(MAX_DISK_KEY_BYTES).fill(1), utf8("v"));
    expect(() => table.put(new Uint8Array(0), utf8("v"))).toThrow(Fault);
    expect(() => table.put(new Uint8Array(MAX_DISK_KEY_BYTES + 1), utf8("v"))).toThrow(Fault);
    expect([...table.range()]).toHaveLength(1);
  });

  test("keeps its tables apart and the same table together", () => {
    const disk = open();
    disk.openTable("one").put(utf8("k"), utf8("1"));
    disk.openTable("two").put(utf8("k"), utf8("2"));
    expect(disk.openTable("one").get(utf8("k"))).toEqual(utf8("1"));
    expect(disk.openTable("two").get(utf8("k"))).toEqual(utf8("2"));
  });

  test("scans within all kinds of bounds in both directions", () => {
    const table = open().openTable("t");
    const random = new Random();
    const keys = new Set<string>();
    const bytes = () => toHex(Uint8Array.from({ length: 1 + random.below(2) }, () => random.below(24)));
    while (keys.size < 400) keys.add(bytes());
    for (const key of keys) table.put(fromHex(key), fromHex(key));
    const sorted = [...keys].sort();
    for (let i = 0; i < 150; i++) {
      const [low, high] = [bytes(), bytes()];
      const bounds: Record<string, unknown> = { reverse: random.below(2) === 0 };
      const lowKind = random.pick(["gte", "gt", undefined]);
      const highKind = random.pick(["lte", "lt", undefined]);
      if (lowKind !== undefined) bounds[lowKind] = fromHex(low);
      if (highKind !== undefined) bounds[highKind] = fromHex(high);
      if (random.below(3) === 0) bounds["limit"] = random.below(20);
      const inside = sorted.filter(
        (key) =>
          (lowKind === undefined || (lowKind === "gt" ? key > low : key >= low)) &&
          (highKind === undefined || (highKind === "lt" ? key < high : key <= high)),
      );
      const expected = (bounds["reverse"] === true ? inside.reverse() : inside).slice(
        0,
        (bounds["limit"] as number) ?? 1e9,
      );
      const message = `${random.label}: ${lowKind} ${low} ${highKind} ${high} ${JSON.stringify(bounds)}`;
      expect(hexOf(table.range(bounds as DiskRange)), message).toEqual(expected.map((key) => `${key}=${key}`));
    }
  });

  test("lets a scan delete what it has yielded", () => {
    const disk = open();
    const table = disk.openTable("t");
    disk.batch(() => {
      for (let i = 0; i < 700; i++) table.put(Uint8Array.of(i >> 8, i), utf8("v"));
    });
    let seen = 0;
    for (const [key] of table.range()) {
      table.delete(key);
      seen++;
    }
    expect([seen, [...table.range()].length]).toEqual([700, 0]);
  });

  test("makes a batch over several tables happen as a whole or not at all", () => {
    const disk = open();
    const [a, b] = [disk.openTable("a"), disk.openTable("b")];
    a.put(utf8("old"), utf8("1"));
    const result = disk.batch(() => {
      a.put(utf8("k"), utf8("1"));
      disk.batch(() => b.put(utf8("k"), utf8("2")));
      expect([a.get(utf8("k")), b.get(utf8("k"))]).toEqual([utf8("1"), utf8("2")]);
      expect(hexOf(a.range())).toHaveLength(2);
      return "done";
    });
    expect(result).toBe("done");
    const stop = new Fault("stop");
    const failing = (): void =>
      disk.batch(() => {
        a.put(utf8("k"), utf8("changed"));
        a.put(utf8("k"), utf8("changed again"));
        a.delete(utf8("old"));
        disk.batch(() => b.put(utf8("new"), utf8("3")));
        throw stop;
      });
    expect(failing).toThrow(stop);
    expect([a.get(utf8("k")), a.get(utf8("old")), b.get(utf8("k")), b.get(utf8("new"))]).toEqual([
      utf8("1"),
      utf8("1"),
      utf8("2"),
      undefined,
    ]);
    disk.batch(() => a.put(utf8("after"), utf8("fine")));
    expect(a.has(utf8("after"))).toBe(true);
  });
});

test("an LMDB disk has everything again after it was closed", () => {
  const path = folder();
  const first = openLmdbDisk({ path });
  first.openTable("t").put(utf8("k"), utf8("v"));
  first.close();
  const second = openLmdbDisk({ path });
  expect(second.openTable("t").get(utf8("k"))).toEqual(utf8("v"));
  second.close();
});

test("an LMDB disk in an impossible place is refused with its path", () => {
  expect(() => openLmdbDisk({ path: "/dev/null/folder" })).toThrow("/dev/null/folder");
});

test("an ordered map agrees with a sorted list", () => {
  const random = new Random();
  const map = new OrderedMap<number>();
  const model = new Map<string, number>();
  for (let i = 0; i < 5000; i++) {
    const key = random.bytes(1 + random.below(2));
    if (random.below(3) === 0) {
      expect(map.delete(key), random.label).toBe(model.delete(toHex(key)));
    } else {
      map.set(key, i);
      model.set(toHex(key), i);
    }
  }
  const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
  expect(
    [...map.entries()].map(({ key, value }) => [toHex(key), value]),
    random.label,
  ).toEqual(sorted);
  expect(map.size).toBe(sorted.length);
  for (let i = 0; i < 300; i++) {
    const key = random.bytes(random.below(3));
    const next = map.atOrAfter(key);
    const last = map.before(key);
    const id = toHex(key);
    expect(next === undefined ? undefined : toHex(next.key)).toBe(sorted.find(([other]) => other >= id)?.[0]);
    expect(last === undefined ? undefined : toHex(last.key)).toBe(sorted.findLast(([other]) => other < id)?.[0]);
    expect(map.get(key)).toBe(model.get(id));
  }
});
