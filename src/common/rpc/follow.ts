import type { Call } from "./server.js";

/** Events that come by themselves until somebody closes their source: a subscription. */
export interface Followed<E> extends AsyncIterable<E> {
  close(): void;
}

/**
 * The items of a stream that follows a subscription. However the call ends, the subscription is closed, even while it
 * waits for an event that never comes.
 *
 * @param expand the items of one event, none if it does not concern the caller
 */
export async function* follow<E, A>(
  call: Call,
  subscription: Followed<E>,
  expand: (event: E) => Iterable<A>,
): AsyncGenerator<A, void, void> {
  const forget = call.cancellation.onCancel(() => subscription.close());
  try {
    for await (const event of subscription) yield* expand(event);
  } finally {
    forget();
    subscription.close();
  }
}
