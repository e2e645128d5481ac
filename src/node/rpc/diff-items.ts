import { equalBytes } from "#common/bytes.js";
import type { WriteLog } from "#mkvs/write-log.js";
import type { SyncChunk, SyncOptions } from "#worker/storage/rpc.js";

/** Entries of a write log that one item of a stream holds. */
const ITEM_ENTRIES = 10;

/** The entries after the one with the offset key; none when there is no such key. */
function entriesFrom(log: WriteLog, offsetKey: Uint8Array): WriteLog {
  if (offsetKey.length === 0) return log;
  const at = log.findIndex(([key]) => equalBytes(key, offsetKey));
  return at < 0 ? [] : log.slice(at + 1);
}

/**
 * A write log as items of ten entries. As in the reference the last item is only marked as such when the log ends
 * within it: one that is full is followed by an empty one, and one that ends at the limit by nothing. The limit is not
 * looked at when an item is full, so that a multiple of ten gives one entry more.
 */
export function* diffItems(log: WriteLog, { offsetKey, limit }: SyncOptions): Generator<SyncChunk, void, void> {
  const entries = entriesFrom(log, offsetKey ?? new Uint8Array(0));
  for (let at = 0; ; ) {
    const begin = at;
    let limited = false;
    while (at < entries.length && at - begin < ITEM_ENTRIES && !limited) {
      at++;
      limited = at - begin < ITEM_ENTRIES && limit > 0n && BigInt(at) >= limit;
    }
    const part = entries.slice(begin, at);
    const final = !limited && part.length < ITEM_ENTRIES;
    yield { final, writeLog: part.length === 0 ? null : part };
    if (final || limited) return;
  }
}
