/** Write logs (mkvs: root, write log, commit): what a commit changed, key by key. */
import { OrderedMap } from "#common/ordered-map.js";
import { bytes, list, nullable, type Schema, tuple } from "#common/schema/index.js";
import { MAX_KEY_BYTES } from "./key-value.js";

/** Longest value accepted in a write log from a peer, in bytes. */
const MAX_VALUE_BYTES = 64 * 1024 * 1024;
/** Most entries accepted in a write log from a peer. */
const MAX_ENTRIES = 10_000_000;

/** One changed key: its new value, or null when it was removed. */
export type LogEntry = readonly [key: Uint8Array, value: Uint8Array | null];

/**
 * Changed keys, each once: a list of `[key, value or null]` on the wire. The order has no meaning; logs made here are in
 * key order.
 */
export type WriteLog = LogEntry[];
export const WriteLog: Schema<LogEntry[]> = list(
  tuple("LogEntry", [bytes({ max: MAX_KEY_BYTES }), nullable(bytes({ max: MAX_VALUE_BYTES }))]),
  { max: MAX_ENTRIES },
);

interface Touched {
  value: Uint8Array | null;
  readonly existed: boolean;
}

/** The keys that a tree has touched since its last commit. */
export class PendingLog {
  #touched = new OrderedMap<Touched>();

  /**
   * Notes the latest value of a key.
   * @param existed whether the key was there before this change; only the first note of a key counts
   */
  note(key: Uint8Array, value: Uint8Array | null, existed: boolean): void {
    const earlier = this.#touched.get(key);
    if (earlier === undefined) {
      this.#touched.set(key, { value, existed });
    } else {
      earlier.value = value;
    }
  }

  /** The log: every touched key but those that were absent before and are absent now. */
  entries(): WriteLog {
    const log: LogEntry[] = [];
    for (const { key, value: touched } of this.#touched.entries()) {
      if (touched.value !== null || touched.existed) {
        log.push([key, touched.value]);
      }
    }
    return log;
  }

  clear(): void {
    this.#touched = new OrderedMap();
  }

  clone(): PendingLog {
    const twin = new PendingLog();
    for (const { key, value } of this.#touched.entries()) {
      twin.#touched.set(key, { ...value });
    }
    return twin;
  }
}
