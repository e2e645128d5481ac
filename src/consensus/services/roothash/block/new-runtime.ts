import type { Context } from "../../../app/context.js";
import { type Runtime, RUNTIME_COMPUTE } from "../../registry/types/runtime.js";
import { emitRuntimeEvent, roundFinalized } from "../events.js";
import type { GenesisRuntimeState } from "../params.js";
import { getRuntimeState, setLastRoundResults, setRuntimeState, TIMEOUT_NEVER } from "../state.js";
import { type Block, genesisBlock, HEADER_NORMAL, HEADER_SUSPENDED, RoundResults } from "../types.js";
import { blockTime } from "./finalization.js";

/** What the genesis document says of a runtime. */
export interface GenesisOfRuntime {
  readonly state: GenesisRuntimeState | undefined;
  readonly suspended: boolean;
}

function firstBlock(ctx: Context, runtime: Runtime, genesis: GenesisOfRuntime | undefined): Block {
  const { round, stateRoot } = genesis?.state ?? runtime.genesis;
  const headerType = genesis?.state !== undefined && genesis.suspended ? HEADER_SUSPENDED : HEADER_NORMAL;
  return { header: { ...genesisBlock(runtime.id, blockTime(ctx)).header, round, stateRoot, headerType } };
}

/**
 * Starts the state of a runtime that has rounds; it waits for its first committee. One that has state keeps it.
 * @param genesis given while the chain is started only
 */
export function createRuntimeState(ctx: Context, runtime: Runtime, genesis?: GenesisOfRuntime): void {
  if (runtime.kind !== RUNTIME_COMPUTE || getRuntimeState(ctx.state, runtime.id) !== undefined) return;
  const block = firstBlock(ctx, runtime, genesis);
  const { round } = block.header;
  const results = genesis?.state?.messageResults;
  if (results !== undefined) setLastRoundResults(ctx.state, runtime.id, { ...RoundResults.zero(), messages: results });
  setRuntimeState(ctx.state, {
    runtime,
    suspended: true,
    genesisBlock: block,
    lastBlock: block,
    lastBlockHeight: ctx.height,
    lastNormalRound: round,
    lastNormalHeight: ctx.height,
    nextTimeout: TIMEOUT_NEVER,
  });
  emitRuntimeEvent(ctx, runtime.id, roundFinalized, { round });
}
