/** Which files a program is linked with: a sandbox has only those that it is given. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Fault } from "#common/errors/index.js";
import { LIBRARIES, type Mount } from "#runtime/host/sandbox/options.js";

const LOADER_CACHE = "/etc/ld.so.cache";
const CACHE_MAGIC = "glibc-ld.so.cache1.1";
/** Magic, counts and reserved words of the cache, then entries of this size each. */
const CACHE_HEAD_BYTES = 48;
const CACHE_ENTRY_BYTES = 24;
const MAX_CACHE_ENTRIES = 100_000;

const ELF_MAGIC = "7f454c46";
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const PROGRAM_HEADER_BYTES = 56;
const SEGMENT = { load: 1, dynamic: 2, interpreter: 3 } as const;
const DYNAMIC = { end: 0n, needed: 1n, strings: 5n, runPath: 29n, rPath: 15n } as const;
/** Segments are read whole; those looked at are small. */
const MAX_SEGMENT_BYTES = 1 << 20;
const MAX_NAME_BYTES = 4096;

/** What a program says it needs. */
interface Linked {
  /** The loader's path; undefined for a library or a program that is not linked dynamically. */
  readonly loader: string | undefined;
  readonly needed: readonly string[];
  /** Folders that are searched first. */
  readonly folders: readonly string[];
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

/** Reads parts of a file, never beyond its end. */
class FileReader {
  private readonly fd: number;
  readonly size: number;

  constructor(readonly path: string) {
    this.fd = openSync(path, "r");
    this.size = fstatSync(this.fd).size;
  }

  at(offset: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const out = Buffer.alloc(wanted);
    return out.subarray(0, wanted === 0 ? 0 : readSync(this.fd, out, 0, wanted, offset));
  }

  close(): void {
    closeSync(this.fd);
  }
}

function textAt(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString("utf8", start, end < 0 ? bytes.length : end);
}

/** Whether a file is a program of this kind of machine; scripts are not. */
export function isElf(path: string): boolean {
  const file = new FileReader(path);
  try {
    return file.at(0, 4).toString("hex") === ELF_MAGIC;
  } finally {
    file.close();
  }
}

function segmentsOf(file: FileReader): Segment[] {
  const head = file.at(0, 64);
  if (head.length < 64 || head.toString("hex", 0, 4) !== ELF_MAGIC) throw new Fault(`${file.path} is not a program`);
  if (head[4] !== CLASS_64 || head[5] !== LITTLE_ENDIAN) throw new Fault(`${file.path} is not of this kind of machine`);
  const table = file.at(Number(head.readBigUInt64LE(32)), head.readUInt16LE(56) * PROGRAM_HEADER_BYTES);
  const segments: Segment[] = [];
  for (let at = 0; at + PROGRAM_HEADER_BYTES <= table.length; at += PROGRAM_HEADER_BYTES) {
    segments.push({
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: table.readBigUInt64LE(at + 16),
      size: Number(table.readBigUInt64LE(at + 32)),
    });
  }
  return segments;
}

function readLinked(file: FileReader): Linked {
  const segments = segmentsOf(file);
  const content = (type: number): Buffer => {
    const segment = segments.find((s) => s.type === type);
    return segment === undefined ? Buffer.alloc(0) : file.at(segment.offset, Math.min(segment.size, MAX_SEGMENT_BYTES));
  };
  const interpreter = content(SEGMENT.interpreter);
  const dynamic = content(SEGMENT.dynamic);
  const entries: [bigint, bigint][] = [];
  for (let at = 0; at + 16 <= dynamic.length; at += 16) {
    const tag = dynamic.readBigInt64LE(at);
    if (tag === DYNAMIC.end) break;
    entries.push([tag, dynamic.readBigUInt64LE(at + 8)]);
  }
  const strings = entries.find(([tag]) => tag === DYNAMIC.strings)?.[1] ?? 0n;
  const load = segments.find(
    (s) => s.type === SEGMENT.load && s.address <= strings && strings < s.address + BigInt(s.size),
  );
  const base = load === undefined ? 0 : load.offset + Number(strings - load.address);
  const named = (tag: bigint): string[] =>
    entries.flatMap(([t, value]) => (t === tag ? [textAt(file.at(base + Number(value), MAX_NAME_BYTES), 0)] : []));
  const folders = [...named(DYNAMIC.runPath), ...named(DYNAMIC.rPath)].flatMap((list) => list.split(":"));
  return {
    loader: interpreter.length === 0 ? undefined : textAt(interpreter, 0),
    needed: named(DYNAMIC.needed),
    folders: folders.map((folder) => folder.replaceAll(/\$\{?ORIGIN\}?/g, dirname(file.path))),
  };
}

function linkedOf(path: string): Linked {
  const file = new FileReader(path);
  try {
    return readLinked(file);
  } finally {
    file.close();
  }
}

/** The loader's cache: names of libraries and where they are, in the loader's order of preference. */
function loaderCache(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  if (!existsSync(LOADER_CACHE)) return found;
  const bytes = readFileSync(LOADER_CACHE);
  const start = bytes.indexOf(CACHE_MAGIC);
  if (start < 0 || bytes.length < start + CACHE_HEAD_BYTES) return found;
  const count = Math.min(bytes.readUInt32LE(start + 20), MAX_CACHE_ENTRIES);
  for (let i = 0; i < count; i++) {
    const at = start + CACHE_HEAD_BYTES + i * CACHE_ENTRY_BYTES;
    if (at + CACHE_ENTRY_BYTES > bytes.length) break;
    const name = textAt(bytes, start + bytes.readUInt32LE(at + 4));
    found.set(name, [...(found.get(name) ?? []), textAt(bytes, start + bytes.readUInt32LE(at + 8))]);
  }
  return found;
}

/** A library of another machine is of no use, though its name fits. */
function isOfMachine(path: string, machine: number): boolean {
  if (!existsSync(path)) return false;
  const file = new FileReader(path);
  try {
    const head = file.at(0, 20);
    return head.length === 20 && head[4] === CLASS_64 && head.readUInt16LE(18) === machine;
  } finally {
    file.close();
  }
}

function machineOf(path: string): number {
  const file = new FileReader(path);
  try {
    return file.at(0, 20).readUInt16LE(18);
  } finally {
    file.close();
  }
}

/**
 * The loader and all libraries of a program, libraries of libraries too, and where a sandbox must show them.
 *
 * @throws Fault when the file is not a program of a 64-bit machine, or a library is nowhere to be found
 */
export function librariesOf(program: string): Mount[] {
  const cache = loaderCache();
  const machine = machineOf(program);
  const { loader } = linkedOf(program);
  const mounts: Mount[] = loader === undefined ? [] : [{ path: loader, inside: loader }];
  const seen = new Set(loader === undefined ? [] : [basename(loader)]);
  const open = [program];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const { needed, folders } = linkedOf(file);
    for (const name of needed) {
      if (seen.has(name)) continue;
      seen.add(name);
      const candidates = [...folders.map((folder) => join(folder, name)), ...(cache.get(name) ?? [])];
      const path = candidates.find((candidate) => isOfMachine(candidate, machine));
      if (path === undefined) throw new Fault(`${file} needs the library ${name}, which is not on this machine`);
      mounts.push({ path, inside: `${LIBRARIES}/${name}` });
      open.push(path);
    }
  }
  return mounts;
}
