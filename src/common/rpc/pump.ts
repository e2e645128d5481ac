import type { Cancellation } from "./cancellation.js";
import { RpcCode, type RpcStatus, statusOf } from "./status.js";

/** Bytes handed to a connection and not yet taken by the client; no more items are asked for meanwhile. */
const MAX_UNSENT = 262_144;

/** How a stream ended: the status for the client, and what went wrong, if anything did. */
export interface StreamEnd {
  readonly status: RpcStatus;
  readonly error?: unknown;
}

/**
 * Sends the items of a stream as fast as the client reads and no faster. It ends with the items, with their error, or
 * at once when the call is cancelled, even while an item is awaited or the client does not read.
 *
 * @param send hands one item to the connection, which says when it is gone
 */
export async function pump(
  items: AsyncIterable<Uint8Array>,
  cancellation: Cancellation,
  send: (item: Uint8Array, sent: () => void) => void,
): Promise<StreamEnd> {
  const cancelled = new Promise<"cancelled">((resolve) => cancellation.onCancel(() => resolve("cancelled")));
  const iterator = items[Symbol.asyncIterator]();
  let unsent = 0;
  let drained: (() => void) | undefined;
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), cancelled]);
      if (next === "cancelled" || cancellation.cancelled || next.done === true) break;
      const size = next.value.length;
      unsent += size;
      send(next.value, () => {
        unsent -= size;
        drained?.();
      });
      while (unsent > MAX_UNSENT && !cancellation.cancelled) {
        const room = new Promise<void>((resolve) => {
          drained = resolve;
        });
        await Promise.race([room, cancelled]);
      }
    }
  } catch (error) {
    return { status: statusOf(error), error };
  } finally {
    // Not awaited: a source that sits in the middle of something would hold up the end of the call.
    iterator.return?.().catch(() => undefined);
  }
  if (!cancellation.cancelled) return { status: { code: RpcCode.ok, message: "" } };
  const { reason } = cancellation;
  if (reason === undefined) return { status: { code: RpcCode.cancelled, message: "the call was cancelled" } };
  return { status: statusOf(reason), error: reason };
}
