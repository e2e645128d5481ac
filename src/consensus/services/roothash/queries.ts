import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { rootHashErrors } from "./errors.js";
import {
  type GenesisRuntimeState,
  type RootHashGenesis,
  type RootHashParameters,
  rootHashParameters,
} from "./params.js";
import * as states from "./state.js";
import { challengeList } from "./state/challenges.js";
import type {
  Block,
  IncomingMessage,
  IncomingMessageQueueMeta,
  RoundResults,
  RoundRoots,
  RuntimeState,
} from "./types.js";
import type { OpenChallenge } from "./types/challenges.js";

/** `GetRuntimeState`. @throws CodedError roothash/3 */
export function runtimeState(state: KeyValueReader, runtimeId: Uint8Array): RuntimeState {
  const found = states.getRuntimeState(state, runtimeId);
  if (found === undefined) throw rootHashErrors.invalidRuntime();
  return found;
}

/** `GetGenesisBlock`. @throws CodedError roothash/3 */
export function firstBlock(state: KeyValueReader, runtimeId: Uint8Array): Block | null {
  return runtimeState(state, runtimeId).genesisBlock;
}

/** `GetLatestBlock`. @throws CodedError roothash/3 */
export function latestBlock(state: KeyValueReader, runtimeId: Uint8Array): Block | null {
  return runtimeState(state, runtimeId).lastBlock;
}

/** `GetLastRoundResults`: empty before the first normal round. */
export function lastRoundResults(state: KeyValueReader, runtimeId: Uint8Array): RoundResults {
  return states.getLastRoundResults(state, runtimeId);
}

/** `GetRoundRoots`: null when the round's roots are not kept. */
export function roundRoots(state: KeyValueReader, runtimeId: Uint8Array, round: bigint): RoundRoots | null {
  return states.getRoundRoots(state, runtimeId, round) ?? null;
}

/** `GetPastRoundRoots`, by round. */
export function pastRoundRoots(state: KeyValueReader, runtimeId: Uint8Array): SortedMap<bigint, RoundRoots> {
  return states.getPastRoundRoots(state, runtimeId);
}

/** `GetIncomingMessageQueueMeta`: zero for a queue that was never used. */
export function incomingQueueMeta(state: KeyValueReader, runtimeId: Uint8Array): IncomingMessageQueueMeta {
  return states.getQueueMeta(state, runtimeId);
}

/**
 * `GetIncomingMessageQueue`, oldest first; null when there are none, as the reference answers.
 * @param offset identifier of the first message
 * @param limit how many at most; 0 for all
 */
export function incomingQueue(
  state: KeyValueReader,
  runtimeId: Uint8Array,
  offset: bigint,
  limit: number,
): IncomingMessage[] | null {
  const found = states.incomingMessages(state, runtimeId, offset, limit);
  return found.length === 0 ? null : found;
}

/** `GetStorageChallenges`: open challenges of the runtime's storage nodes; of storage committees, an extension. */
export function storageChallenges(state: KeyValueReader, runtimeId: Uint8Array): OpenChallenge[] {
  return challengeList(state, runtimeId);
}

/** `ConsensusParameters`. */
export function parameters(state: KeyValueReader): RootHashParameters {
  return rootHashParameters.load(state);
}

/** `StateToGenesis`: runtimes go on from their last round. */
export function toGenesis(state: KeyValueReader): RootHashGenesis {
  const runtimeStates = SortedMap.bytes<GenesisRuntimeState | null>();
  for (const value of states.runtimeStateList(state)) {
    const { id } = states.runtimeOf(value);
    const { stateRoot, round } = states.lastBlockOf(value).header;
    const { messages: messageResults } = states.getLastRoundResults(state, id);
    runtimeStates.set(id, { stateRoot, round, messageResults });
  }
  const open = challengeList(state).map((value) => ({ ...value, key: undefined }));
  const storageChallenges = open.length === 0 ? undefined : open;
  return { params: parameters(state), runtimeStates, storageChallenges };
}
