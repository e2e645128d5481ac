import { equalBytes, utf8 } from "#common/bytes.js";
import { OrderedMap } from "#common/ordered-map.js";
import { type KeyValueIterator, type KeyValueStore, MAX_KEY_BYTES } from "#mkvs/key-value.js";
import { Overlay } from "#mkvs/tree/overlay.js";
import type { Tree } from "#mkvs/tree/tree.js";
import type { LogEntry } from "#mkvs/write-log.js";
import { refuse } from "./refusal.js";
import { textOf } from "./text.js";

/** Changed keys with their last values; null for removed ones. */
type Touched = OrderedMap<Uint8Array | null>;

/** Entries that one prefetch brings, unless told otherwise. */
const DEFAULT_PREFETCH = 1000;

function hasPrefix(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length >= prefix.length && equalBytes(key.subarray(0, prefix.length), prefix);
}

/**
 * The state of the runtime during one batch. Reads see all earlier writes of the batch; the tree itself changes only
 * when the batch is finished.
 */
export class StateStore implements KeyValueStore {
  private overlay: Overlay;
  /** Every key that was written or removed: its last value, or null. */
  private touched: Touched = new OrderedMap();

  /** @param tree what is changed when the batch is finished */
  constructor(readonly tree: Tree) {
    this.overlay = new Overlay(tree);
  }

  /**
   * Runs an action as a whole: what it has written is undone when it throws. Actions may be nested.
   *
   * @throws whatever the action throws
   */
  atomically<T>(action: () => T): T {
    const { overlay, touched } = this;
    const inner = new Overlay(overlay);
    const changed: Touched = new OrderedMap();
    this.overlay = inner;
    this.touched = changed;
    try {
      const result = action();
      inner.commit();
      for (const { key, value } of changed.entries()) touched.set(key, value);
      return result;
    } finally {
      this.overlay = overlay;
      this.touched = touched;
    }
  }

  /**
   * Fetches everything under some prefixes at once. Without effect on the results, and where the state lies beside the
   * runtime also on the time; over a connection it saves a request for each key that is read later.
   *
   * @param limit most entries that are fetched, 1 to 65535
   */
  prefetch(prefixes: readonly Uint8Array[], limit = DEFAULT_PREFETCH): void {
    this.tree.prefetch(prefixes, limit);
  }

  /** Entries whose keys begin so, in key order. The state must not change while they are walked through. */
  *entries(prefix: Uint8Array): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]> {
    const walk = this.iterator();
    for (walk.seek(prefix); walk.valid && hasPrefix(walk.key, prefix); walk.next()) yield [walk.key, walk.value];
  }

  /** What is stored under a key; undefined when nothing is. */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.overlay.get(key);
  }

  /** Walks through all entries in key order; `entries` is simpler. */
  iterator(): KeyValueIterator {
    return this.overlay.iterator();
  }

  /** Stores a value, whatever was there before. @throws Refusal when the key is longer than 8191 bytes */
  insert(key: Uint8Array, value: Uint8Array): void {
    if (key.length > MAX_KEY_BYTES) refuse(`state key of ${key.length} bytes, limit ${MAX_KEY_BYTES}`);
    this.overlay.insert(key, value);
    this.touched.set(key, value);
  }

  /** Removes what is stored under a key, if anything is. */
  remove(key: Uint8Array): void {
    this.removeExisting(key);
  }

  /** Removes what is stored under a key. @returns what it was; undefined when there was nothing */
  removeExisting(key: Uint8Array): Uint8Array | undefined {
    const old = this.overlay.removeExisting(key);
    if (old !== undefined) this.touched.set(key, null);
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
