/** Records of roots, retired places and write logs on a disk. The forms are private to the database. */
import { concatBytes, equalBytes, readU32be, readU64be, u32be, u64be } from "#common/bytes.js";
import { EMPTY_HASH, HASH_SIZE } from "#common/hash.js";
import { UNSAVED } from "../node/node.js";
import type { Root } from "../node/root.js";
import type { Retired } from "../tree/node-tree.js";
import type { LogEntry, WriteLog } from "../write-log.js";
import type { RootRecord } from "./versioned.js";

/** A committed root: where its tree is, and which pages of the version its commit wrote. */
export interface DiskRecord extends RootRecord {
  /** Place of the root node; version UNSAVED for an empty tree. */
  readonly place: Retired;
  readonly firstPage: number;
  readonly pageCount: number;
}

/** Key of a root: version, type, hash. */
export function rootKey(root: Root): Uint8Array {
  return concatBytes(u64be(root.version), Uint8Array.of(root.type), root.hash);
}

/** The smallest key that a root of a version can have. */
export function versionKey(version: bigint): Uint8Array {
  return u64be(version);
}

const BASE_BYTES = 8 + HASH_SIZE;

/** The record under a root's key: its base, its place, its pages. */
export function rootRecord({ base, place, firstPage, pageCount }: DiskRecord): Uint8Array {
  const empty = place.version === UNSAVED;
  const where = new Packer();
  where.number(empty ? 0 : 1);
  where.number(empty ? 0 : place.version);
  where.number(empty ? 0 : place.index);
  return concatBytes(u64be(base.version), base.hash, u32be(firstPage), u32be(pageCount), where.finish());
}

export function readRootRecord(key: Uint8Array, bytes: Uint8Array, namespace: Uint8Array): DiskRecord {
  const type = key[8] as number;
  const root = { namespace, version: readU64be(key), type, hash: key.subarray(9) };
  const base = { namespace, version: readU64be(bytes), type, hash: bytes.subarray(8, BASE_BYTES) };
  const where = new Unpacker(bytes.subarray(BASE_BYTES + 8));
  const present = where.number() === 1;
  const version = where.number();
  const place = { version: present ? version : UNSAVED, index: where.number() };
  return { root, base, place, firstPage: readU32be(bytes, BASE_BYTES), pageCount: readU32be(bytes, BASE_BYTES + 4) };
}

/** Growing list of small numbers, seven bits to a byte, and of byte strings with their length in front. */
class Packer {
  #out = new Uint8Array(256);
  #size = 0;

  number(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.#byte(rest);
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#out.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  finish(): Uint8Array {
    return this.#out.subarray(0, this.#size);
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#out[this.#size++] = byte;
  }

  #room(bytes: number): void {
    if (this.#size + bytes > this.#out.length) {
      const larger = new Uint8Array(2 * (this.#size + bytes));
      larger.set(this.#out);
      this.#out = larger;
    }
  }
}

class Unpacker {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) {
        return value;
      }
      scale *= 128;
    }
  }

  bytes(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** Places that a version made unused, relative to it: most are recent, so most take few bytes. */
export function retiredRecord(retired: readonly Retired[], version: number): Uint8Array {
  const out = new Packer();
  for (const place of retired) {
    out.number(version - place.version);
    out.number(place.index);
  }
  return out.finish();
}

export function readRetiredRecord(bytes: Uint8Array, version: number): Retired[] {
  const places: Retired[] = [];
  const from = new Unpacker(bytes);
  while (!from.done) {
    const age = from.number();
    places.push({ version: version - age, index: from.number() });
  }
  return places;
}

/** The changed keys of a commit and whether each is still there; the values are in the tree already. */
export function logRecord(log: WriteLog): Uint8Array {
  const out = new Packer();
  for (const [key, value] of log) {
    out.number(2 * key.length + (value === null ? 0 : 1));
    out.bytes(key);
  }
  return out.finish();
}

export function readLogRecord(bytes: Uint8Array, valueOf: (key: Uint8Array) => Uint8Array): WriteLog {
  const log: LogEntry[] = [];
  const from = new Unpacker(bytes);
  while (!from.done) {
    const head = from.number();
    const key = from.bytes(head >> 1);
    log.push([key, (head & 1) === 0 ? null : valueOf(key)]);
  }
  return log;
}

/** Whether a record's tree is made of nothing but nodes of its own commit. */
export function ownsAllNodes(record: DiskRecord): boolean {
  return equalBytes(record.base.hash, EMPTY_HASH);
}
