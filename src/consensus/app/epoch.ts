import { type Context, EPOCH_INVALID } from "./context.js";

/**
 * The epoch in the working state: already the new one once the beacon has run in this block
 * (consensus services: two epoch reads, first kind).
 */
export function epochInState(ctx: Context): bigint {
  return ctx.env.epochs.epoch(ctx.state);
}

/**
 * The epoch of the block being built: a transition scheduled for it counts even before the beacon has run;
 * 2^64-1 during genesis and in the whole first block (consensus services: two epoch reads, second kind).
 */
export function currentEpoch(ctx: Context): bigint {
  const { env } = ctx;
  if (env.stateHeight === 0n) return EPOCH_INVALID;
  const future = env.epochs.future(ctx.state);
  if (future !== undefined && future.height === env.stateHeight + 1n) return future.epoch;
  return env.epochs.epoch(ctx.state);
}

/** The new epoch if the epoch changed between the last committed block and this one; never in the first two blocks. */
export function newEpoch(ctx: Context): bigint | undefined {
  const { env } = ctx;
  if (env.stateHeight === 0n || env.stateHeight === env.initialHeight) return undefined;
  const current = env.epochs.epoch(ctx.state);
  return env.epochs.epoch(env.committed) === current ? undefined : current;
}
