import { assert } from "#common/assert.js";
import type { Backend } from "#consensus/backends/backend.js";
import { LightBlock as EngineLightBlock } from "#consensus/block/light-block.js";
import { totalVotingPower } from "#consensus/block/validator.js";
import { epochOf } from "#consensus/services/beacon/state.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import {
  getLastRoundResults,
  getRuntimeState,
  incomingMessages,
  lastBlockOf,
  runtimeOf,
} from "#consensus/services/roothash/state.js";
import type { Header, IncomingMessage, RoundResults, RuntimeState } from "#consensus/services/roothash/types.js";
import type { LightBlock } from "#runtime/rhp/messages/index.js";

/** Everything that work on top of a runtime block is based on. */
export interface Dispatch {
  /** Consensus height at which the block became final. */
  readonly height: bigint;
  readonly header: Header;
  readonly epoch: bigint;
  readonly consensusBlock: LightBlock;
  readonly descriptor: Runtime;
  readonly state: RuntimeState;
  /** Results of the messages of the last normal round. */
  readonly roundResults: RoundResults;
  readonly incoming: readonly IncomingMessage[];
}

/** Whether the next round is wanted even without transactions: something waits for the runtime, or it has had none. */
export function asksForRound({ incoming, roundResults, state }: Dispatch): boolean {
  const isFirst = state.lastNormalRound === (state.genesisBlock?.header.round ?? 0n);
  return isFirst || incoming.length > 0 || roundResults.messages.length > 0;
}

/** The light block that was asked for last: in a process with many nodes all ask for the same one. */
const latestLightBlock = new WeakMap<Backend, LightBlock>();

/** The light block of a height in the engine's encoding; for a height to come only its validators. */
export function lightBlockAt(backend: Backend, height: bigint): LightBlock {
  const known = latestLightBlock.get(backend);
  if (known?.height === height) return known;
  const made = makeLightBlock(backend, height);
  // One of a height to come will be another when its block is there.
  if (height <= backend.latestHeight) latestLightBlock.set(backend, made);
  return made;
}

function makeLightBlock(backend: Backend, height: bigint): LightBlock {
  const header = backend.block(height)?.header;
  const signedHeader = header === undefined ? undefined : { header, commit: backend.commit(height) };
  const validators = backend.validators(height);
  const validatorSet = validators && { ...validators, totalVotingPower: totalVotingPower(validators) };
  return { height, meta: EngineLightBlock.encode({ signedHeader, validatorSet }) };
}

/** Reads what a height says about a runtime; undefined when the runtime is not there. */
export function dispatchAt(backend: Backend, runtimeId: Uint8Array, height: bigint): Dispatch | undefined {
  assert(height > 0n, "a dispatch is read at a definite height");
  const view = backend.stateAt(height);
  const state = getRuntimeState(view, runtimeId);
  if (state === undefined) return undefined;
  return {
    height,
    header: lastBlockOf(state).header,
    epoch: epochOf(view).epoch,
    consensusBlock: lightBlockAt(backend, height),
    descriptor: runtimeOf(state),
    state,
    roundResults: getLastRoundResults(view, runtimeId),
    incoming: incomingMessages(view, runtimeId, 0n, 0),
  };
}
