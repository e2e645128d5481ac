import type { CancellationToken } from "../cancellation.js";
import { Interruption } from "../interruption.js";
import { RpcCode, rpcErrors, type RpcStatus, statusOf } from "./status.js";

/** Bytes handed to a connection and not yet taken by the client; no more items are asked for meanwhile. */
const MAX_UNSENT = 262_144;

/** How a stream ended: the status for the client, and what went wrong, if anything did. */
export interface StreamEnd {
  readonly status: RpcStatus;
  readonly error?: unknown;
}

/** The connection that the items of a stream go to. */
export interface StreamSink {
  /** Hands over one item; `sent` is called when it is gone. */
  send(item: Uint8Array, sent: () => void): void;
  /** Calls back when a client that takes nothing has had time enough; the result takes the callback back. */
  stallTimer(stalled: () => void): () => void;
}

/**
 * Sends the items of a stream as fast as the client reads and no faster. It ends with the items, with their error, with
 * a coded error when the client stops reading, or at once when the call is cancelled, even while an item is awaited.
 */
export async function pump(
  items: AsyncIterable<Uint8Array>,
  cancellation: CancellationToken,
  sink: StreamSink,
): Promise<StreamEnd> {
  const cancelled = new Interruption<"cancelled">();
  cancellation.onCancel(() => cancelled.fire("cancelled"));
  const iterator = items[Symbol.asyncIterator]();
  let unsent = 0;
  let drained: (() => void) | undefined;
  try {
    for (;;) {
      const next = await cancelled.or(iterator.next());
      if (next === "cancelled") return { status: { code: RpcCode.cancelled, message: "the call was cancelled" } };
      if (next.done === true) return { status: { code: RpcCode.ok, message: "" } };
      const size = next.value.length;
      unsent += size;
      sink.send(next.value, () => {
        unsent -= size;
        drained?.();
      });
      while (unsent > MAX_UNSENT && !cancellation.cancelled) {
        const room = new Promise<void>((resolve) => {
          drained = resolve;
        });
        await orStalled(cancelled.or(room), sink);
      }
    }
  } catch (error) {
    return { status: statusOf(error), error };
  } finally {
    // Not awaited: a source that sits in the middle of something would hold up the end of the call.
    iterator.return?.().catch(() => undefined);
  }
}

/** Waits for progress of the connection, or fails when there is none for too long. */
async function orStalled(progress: Promise<unknown>, sink: StreamSink): Promise<void> {
  let forget: () => void = () => undefined;
  const stalled = new Promise<never>((_resolve, reject) => {
    forget = sink.stallTimer(() => reject(rpcErrors.slowReader()));
  });
  try {
    await Promise.race([progress, stalled]);
  } finally {
    forget();
  }
}
