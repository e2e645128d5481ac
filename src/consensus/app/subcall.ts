import { unknown } from "#common/errors/index.js";
import type { Context } from "./context.js";
import { on, type Subscription } from "./dispatch.js";
import type { Router } from "./execute.js";
import { defineTopic } from "./topics.js";

/** A call of a method on behalf of an account that has no key. */
export interface Subcall {
  /** Address of the calling account. */
  readonly caller: Uint8Array;
  readonly method: string;
  /** Encoded body; empty for none. */
  readonly body: Uint8Array;
}

/** Asks the state machine to call a method; it throws what the method throws. */
export const executeSubcall = defineTopic<Subcall, true>("execute subcall");

/** Calls within calls; deeper ones are refused. */
const MAX_DEPTH = 8;

/**
 * The state machine's answer to subcalls: no authentication, no fee and no gas by size, a roll-back scope of its own, and
 * the signer of the transaction stays the same (consensus: messages).
 */
export function subcallSubscription(router: Router): Subscription {
  return on(executeSubcall, (ctx: Context, { caller, method, body }): true => {
    if (ctx.depth > MAX_DEPTH) throw unknown("call depth exceeded");
    ctx.withCaller(caller, (call) =>
      call.transaction((child) => router.resolve(child, method).method.run(child, body)),
    );
    return true;
  });
}
