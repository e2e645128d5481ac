import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { InvalidInput } from "#common/errors/index.js";

const PAGE = 4096;
const META_PAGES = 2;
const MAGIC = 0xbeefc0de;
/** Places in a meta page: magic, root of the list of free pages, root of the tables, number of the transaction. */
const AT = { magic: 24, freeRoot: 0x58, mainRoot: 0x88, transaction: 0x98 } as const;
/** Root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * Checks the beginning of a database file before it is mapped into memory: what lies beyond the end of a file ends the
 * process when it is read, and nobody could say why. A file that is not there yet is sound.
 *
 * @throws InvalidInput when it is no database, or is shorter than its latest transaction says
 */
export function checkLmdbFile(path: string): void {
  if (!existsSync(path)) return;
  const head = Buffer.alloc(META_PAGES * PAGE);
  const file = openSync(path, "r");
  let size: number;
  try {
    size = fstatSync(file).size;
    if (size === 0) return;
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  const metas = [head.subarray(0, PAGE), head.subarray(PAGE)].filter((meta) => meta.readUInt32LE(AT.magic) === MAGIC);
  if (metas.length < META_PAGES) throw new InvalidInput("data", `${path} is damaged, or no database`);
  const [a, b] = metas as [Buffer, Buffer];
  const latest = a.readBigUInt64LE(AT.transaction) > b.readBigUInt64LE(AT.transaction) ? a : b;
  for (const at of [AT.freeRoot, AT.mainRoot]) {
    const root = latest.readBigUInt64LE(at);
    if (root === NO_PAGE || (root + 1n) * BigInt(PAGE) <= BigInt(size)) continue;
    throw new InvalidInput("data", `${path} is damaged: its end is missing`);
  }
}
