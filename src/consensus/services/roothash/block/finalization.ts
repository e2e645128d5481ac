import { assert } from "#common/assert.js";
import type { Context } from "../../../app/context.js";
import { emitRuntimeEvent, roundFinalized } from "../events.js";
import { newPool } from "../logic/pool.js";
import { lastBlockOf, runtimeOf, setRoundTimeout, TIMEOUT_NEVER } from "../state.js";
import {
  type Block,
  type ComputeResultsHeader,
  emptyBlock,
  HEADER_NORMAL,
  HEADER_SUSPENDED,
  type RuntimeState,
} from "../types.js";

/** Unix time of a block as runtimes see it. */
export function blockTime(ctx: Context): bigint {
  return BigInt.asUintN(64, ctx.now.seconds);
}

function append(ctx: Context, value: RuntimeState, block: Block): void {
  value.lastBlock = block;
  value.lastBlockHeight = ctx.height;
  const { round, headerType } = block.header;
  emitRuntimeEvent(ctx, runtimeOf(value).id, roundFinalized, { round });
  value.commitmentPool = headerType === HEADER_SUSPENDED ? undefined : newPool();
  // Schedulers may take as long as they like to begin the next round.
  setRoundTimeout(ctx.state, value, TIMEOUT_NEVER);
}

/** Ends a round with a block without transactions: epoch transition, failed round or suspension. */
export function finalizeEmptyBlock(ctx: Context, value: RuntimeState, headerType: number): void {
  append(ctx, value, emptyBlock(lastBlockOf(value), blockTime(ctx), headerType));
}

/** Ends a round with what was computed. */
export function finalizeNormalBlock(ctx: Context, value: RuntimeState, results: ComputeResultsHeader): void {
  const { ioRoot, stateRoot, messagesHash, inMessagesHash } = results;
  assert(
    ioRoot !== undefined && stateRoot !== undefined && messagesHash !== undefined && inMessagesHash !== undefined,
    "a decided commitment has all its roots",
  );
  const { header } = emptyBlock(lastBlockOf(value), blockTime(ctx), HEADER_NORMAL);
  const block = { header: { ...header, ioRoot, stateRoot, messagesHash, inMessagesHash } };
  append(ctx, value, block);
  value.lastNormalRound = block.header.round;
  value.lastNormalHeight = ctx.height;
}
