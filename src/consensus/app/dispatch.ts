import { CodedError, unknown } from "#common/errors/index.js";
import type { Context } from "./context.js";
import type { Topic } from "./topics.js";

/** A service's answer to messages of one topic. */
export interface Subscription {
  readonly topic: Topic<unknown, unknown>;
  readonly handle: (ctx: Context, message: unknown) => unknown;
}

/** Subscribes a handler: a line of a service's `messages` slot. */
export function on<Q, R>(topic: Topic<Q, R>, handle: (ctx: Context, message: Q) => R | undefined): Subscription {
  return { topic: topic as Topic<unknown, unknown>, handle: handle as (ctx: Context, message: unknown) => unknown };
}

/** A handler with the switch of its service. */
export interface Subscriber {
  readonly handle: (ctx: Context, message: unknown) => unknown;
  readonly enabled: (ctx: Context) => boolean;
}

/** The error of a message that nobody answers. */
export function isNoSubscribers(error: unknown): boolean {
  return error instanceof CodedError && error.message === NO_SUBSCRIBERS;
}

const NO_SUBSCRIBERS = "no subscribers to given message kind";

/**
 * Delivers a message to every enabled subscriber in order. If some fail, the first error is thrown after all have run,
 * because its code is the one that counts (consensus: publish).
 */
export function deliver(ctx: Context, subscribers: readonly Subscriber[], message: unknown): unknown {
  let result: unknown;
  let count = 0;
  const errors: unknown[] = [];
  for (const subscriber of subscribers) {
    if (!subscriber.enabled(ctx)) continue;
    count++;
    try {
      const answer = subscriber.handle(ctx, message);
      if (answer !== undefined) result = answer;
    } catch (error) {
      // Faults and bugs are no answers: they stop the node.
      if (!(error instanceof CodedError)) throw error;
      errors.push(error);
    }
  }
  if (count === 0) throw unknown(NO_SUBSCRIBERS);
  if (errors.length > 0) throw errors[0];
  return result;
}
