import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { equalBytes, toHex, utf8 } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk, DiskRange } from "#common/ports/disk.js";
import { openFileDisk } from "#platform/disk-file.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { Random } from "./support/random.ts";

const POINTS = process.env["QANAT_NIGHTLY"] === undefined ? 50 : 500;
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "qanat-disk-"));
  folders.push(path);
  return path;
}

const TABLES = ["one", "two"];

function content(disk: Disk, bounds: DiskRange = {}): string[] {
  return TABLES.flatMap((name) =>
    [...disk.openTable(name).range(bounds)].map(([key, value]) => `${name} ${toHex(key)} ${toHex(value)}`),
  );
}

function key(random: Random): Uint8Array {
  return Uint8Array.from({ length: 1 + random.below(3) }, () => random.pick([0, 1, 255]));
}

function writeBatch(disk: Disk, random: Random): void {
  disk.batch(() => {
    for (let i = random.below(8); i >= 0; i--) {
      const table = disk.openTable(random.pick(TABLES));
      if (random.below(3) === 0) table.delete(key(random));
      else table.put(key(random), random.bytes(random.below(random.pick([3, 300]))));
    }
  });
}

const DISKS: readonly (readonly [string, (path: string) => Disk])[] = [
  ["a file", (path) => openFileDisk({ path, durable: false, rewriteFrom: 2000 })],
  ["LMDB", (path) => openLmdbDisk({ path, durable: false })],
];

describe.each(DISKS)("a disk on %s", (_, open) => {
  test("answers as one in memory, also after it was opened again", () => {
    const random = new Random();
    const path = folder();
    let disk = open(path);
    const memory = new MemoryDisk();
    for (let round = 0; round < 120; round++) {
      for (const name of TABLES) disk.openTable(name);
      const seed = random.below(1 << 30);
      const both = [disk, memory];
      for (const each of both) writeBatch(each, new Random(seed));
      const stop = new Fault("not this time");
      for (const each of both) {
        const failing = (): void =>
          each.batch(() => {
            writeBatch(each, new Random(seed + 1));
            throw stop;
          });
        expect(failing).toThrow(stop);
      }
      const bounds: DiskRange = {
        ...(random.below(2) === 0 ? { gte: key(random) } : { gt: key(random) }),
        ...(random.below(2) === 0 ? { lt: key(random) } : { lte: key(random) }),
        reverse: random.below(2) === 0,
        limit: 1 + random.below(10),
      };
      expect(content(disk, bounds), random.label).toEqual(content(memory, bounds));
      expect(content(disk), random.label).toEqual(content(memory));
      if (random.below(10) === 0) {
        disk.close();
        disk = open(path);
      }
    }
    disk.close();
  });

  test("shows a batch its own writes and lends what it holds", () => {
    const disk = open(folder());
    const table = disk.openTable("one");
    disk.batch(() => {
      table.put(utf8("key"), utf8("first"));
      expect(table.get(utf8("key"))).toEqual(utf8("first"));
      disk.batch(() => table.put(utf8("key"), utf8("second")));
      expect(toHex(table.lend(utf8("key"))!)).toBe(toHex(utf8("second")));
      expect(table.delete(utf8("none"))).toBe(false);
    });
    expect(table.get(utf8("key"))).toEqual(utf8("second"));
    expect(() => table.put(new Uint8Array(0), utf8("x"))).toThrow(Fault);
    expect(() => table.put(new Uint8Array(1025), utf8("x"))).toThrow(Fault);
    const large = new Uint8Array(3_000_000).fill(7);
    disk.batch(() => [1, 2, 3].forEach((n) => table.put(Uint8Array.of(n), large)));
    expect(equalBytes(table.get(Uint8Array.of(2))!, large)).toBe(true);
    disk.close();
  });
});

test("a file that was torn or damaged at its end holds the batches before that, whole", () => {
  const random = new Random();
  const path = folder();
  const disk = openFileDisk({ path, rewriteFrom: Number.MAX_SAFE_INTEGER });
  const file = join(path, "log");
  for (const name of TABLES) disk.openTable(name);
  const states: [number, string[]][] = [[statSync(file).size, content(disk)]];
  for (let i = 0; i < 40; i++) {
    writeBatch(disk, random);
    states.push([statSync(file).size, content(disk)]);
  }
  disk.close();
  const whole = readFileSync(file);
  const first = states[0]![0];
  for (let point = 0; point < POINTS; point++) {
    const at = first + random.below(whole.length - first);
    const torn = Buffer.from(whole);
    const cut = random.below(2) === 0;
    if (!cut) torn[at]! ^= 1 << random.below(8);
    const copy = folder();
    mkdirSync(copy, { recursive: true });
    writeFileSync(join(copy, "log"), cut ? torn.subarray(0, at) : torn);
    const expected = states.findLast(([size]) => size <= at)![1];
    const reopened = openFileDisk({ path: copy });
    expect(content(reopened), `${random.label}, ${cut ? "cut" : "flipped"} at ${at}`).toEqual(expected);
    // What comes after is as good as ever.
    writeBatch(reopened, new Random(1));
    const after = content(reopened);
    reopened.close();
    copyFileSync(join(copy, "log"), join(copy, "again"));
    const again = openFileDisk({ path: copy });
    expect(content(again)).toEqual(after);
    again.close();
    rmSync(copy, { recursive: true });
  }
});
