import { utf8 } from "#common/bytes.js";
import { OrderedMap } from "#common/ordered-map.js";
import { type KeyValueIterator, type KeyValueStore, MAX_KEY_BYTES } from "#mkvs/key-value.js";
import { Overlay } from "#mkvs/tree/overlay.js";
import type { Tree } from "#mkvs/tree/tree.js";
import type { LogEntry } from "#mkvs/write-log.js";
import { refuse } from "./refusal.js";
import { textOf } from "./text.js";

/**
 * The state of the runtime during one batch. Reads see all earlier writes of the batch; the tree itself changes only
 * when the batch is finished.
 */
export class StateStore implements KeyValueStore {
  private readonly overlay: Overlay;
  /** Every key that was written or removed: its last value, or null. */
  private readonly touched = new OrderedMap<Uint8Array | null>();

  constructor(readonly tree: Tree) {
    this.overlay = new Overlay(tree);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.overlay.get(key);
  }

  iterator(): KeyValueIterator {
    return this.overlay.iterator();
  }

  /** @throws Refusal when the key is longer than 8191 bytes */
  insert(key: Uint8Array, value: Uint8Array): void {
    if (key.length > MAX_KEY_BYTES) refuse(`state key of ${key.length} bytes, limit ${MAX_KEY_BYTES}`);
    this.overlay.insert(key, value);
    this.touched.set(key, value);
  }

  remove(key: Uint8Array): void {
    this.removeExisting(key);
  }

  removeExisting(key: Uint8Array): Uint8Array | undefined {
    const old = this.overlay.removeExisting(key);
    if (old !== undefined || this.touched.has(key)) this.touched.set(key, null);
    return old;
  }

  /** A text under a text key; null when it is not there. Throws Refusal when the value is no text. */
  getText(key: string): string | null {
    return textOrNull(this.get(utf8(key)));
  }

  /** Stores a text under a text key and returns what was there before. */
  putText(key: string, value: string): string | null {
    const bytes = utf8(key);
    const old = this.get(bytes);
    this.insert(bytes, utf8(value));
    return textOrNull(old);
  }

  /** Removes a text and returns it. */
  takeText(key: string): string | null {
    return textOrNull(this.removeExisting(utf8(key)));
  }

  /**
   * Writes the changes to the tree.
   *
   * @returns the new root hash and the write log: insertions in key order, then removals in key order (runtime layer:
   *   batches)
   */
  finish(): { readonly root: Uint8Array; readonly writeLog: LogEntry[] } {
    this.overlay.commit();
    const inserted: LogEntry[] = [];
    const removed: LogEntry[] = [];
    for (const { key, value } of this.touched.entries()) (value === null ? removed : inserted).push([key, value]);
    return { root: this.tree.rootHash(), writeLog: [...inserted, ...removed] };
  }
}

function textOrNull(value: Uint8Array | undefined): string | null {
  return value === undefined ? null : textOf(value);
}
