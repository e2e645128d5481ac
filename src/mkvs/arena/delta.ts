/** What one commit changed, leaf by leaf, as it is kept on the disk. The form is private to the database. */
import { readU16le, readU32le } from "#common/bytes.js";
import type { Arena } from "./arena.js";

/** Place of a leaf that is not there. */
const NOWHERE = 0;
const PUT = 1;
const REMOVE = 2;
const PUT_BYTES = 13;
const REMOVE_BYTES = 9;

/** One changed key. Page 0 stands for no leaf. A put whose places are equal changed nothing. */
export interface DeltaEntry {
  /** Key of a removed leaf; that of a put is in the leaf itself. */
  readonly key: Uint8Array | undefined;
  readonly newPage: number;
  readonly newOffset: number;
  readonly oldPage: number;
  readonly oldOffset: number;
}

/** Builds the record of a commit out of its changes, in key order. */
export function deltaRecord(
  arena: Arena,
  keys: readonly Uint8Array[],
  oldLeaves: Int32Array,
  newLeaves: Int32Array,
): Uint8Array {
  let size = 0;
  keys.forEach((key, i) => {
    size += newLeaves[i] !== 0 ? PUT_BYTES : oldLeaves[i] !== 0 ? REMOVE_BYTES + key.length : 0;
  });
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  const place = (ref: number): void => {
    view.setUint32(at, ref === 0 ? NOWHERE : arena.leafPage(ref), true);
    view.setUint16(at + 4, ref === 0 ? 0 : arena.leafOffset(ref), true);
    at += 6;
  };
  keys.forEach((key, i) => {
    const [old, now] = [oldLeaves[i] as number, newLeaves[i] as number];
    if (now !== 0) {
      out[at++] = PUT;
      place(now);
      place(old);
    } else if (old !== 0) {
      out[at++] = REMOVE;
      place(old);
      view.setUint16(at, key.length, true);
      out.set(key, at + 2);
      at += 2 + key.length;
    }
  });
  return out;
}

export function* deltaEntries(record: Uint8Array): Iterable<DeltaEntry> {
  let at = 0;
  while (at < record.length) {
    const put = record[at] === PUT;
    const page = readU32le(record, at + 1);
    const offset = readU16le(record, at + 5);
    if (put) {
      const oldPage = readU32le(record, at + 7);
      const oldOffset = readU16le(record, at + 11);
      yield { key: undefined, newPage: page, newOffset: offset, oldPage, oldOffset };
      at += PUT_BYTES;
    } else {
      const length = readU16le(record, at + 7);
      const key = record.slice(at + REMOVE_BYTES, at + REMOVE_BYTES + length);
      yield { key, newPage: NOWHERE, newOffset: 0, oldPage: page, oldOffset: offset };
      at += REMOVE_BYTES + length;
    }
  }
}

/** Whether an entry put a new leaf. */
export function putsLeaf({ newPage, newOffset, oldPage, oldOffset }: DeltaEntry): boolean {
  return newPage !== NOWHERE && (newPage !== oldPage || newOffset !== oldOffset);
}

/** Whether an entry took an old leaf away. */
export function dropsLeaf({ newPage, newOffset, oldPage, oldOffset }: DeltaEntry): boolean {
  return oldPage !== NOWHERE && (newPage !== oldPage || newOffset !== oldOffset);
}
