/** What the chain keeps of every runtime (root hash: state). Runtimes are keyed by the hash of their identifier. */
import { assert } from "#common/assert.js";
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { copiedTable, hashedPart, hashPart, i64Part, keySet, rawTable, table, u64Part } from "../../app/table.js";
import type { Runtime } from "../registry/types/runtime.js";
import { rootHashErrors } from "./errors.js";
import { rootHashParameters } from "./params.js";
import {
  type Block,
  copyRuntimeState,
  IncomingMessage,
  IncomingMessageQueueMeta,
  RoundResults,
  RoundRoots,
  RuntimeState,
} from "./types.js";

const runtimeStates = copiedTable(0x20, [hashedPart], RuntimeState, copyRuntimeState);
/** Height, runtime -> runtime identifier: rounds that end by force at a height. */
const roundTimeouts = rawTable(0x22, [i64Part, hashedPart]);
/** Runtime, round, hash of the culprit: evidence that was seen. */
const seenEvidence = keySet(0x24, [hashedPart, u64Part, hashPart]);
/** The roots of the last block, apart from the rest so that proofs of them are short. */
const stateRoots = rawTable(0x25, [hashedPart]);
const ioRoots = rawTable(0x26, [hashedPart]);
const lastRoundResults = table(0x27, [hashedPart], RoundResults);
const queueMetas = table(0x28, [hashedPart], IncomingMessageQueueMeta);
const queues = table(0x29, [hashedPart, u64Part], IncomingMessage);
const pastRoundRoots = table(0x2a, [hashedPart, u64Part], RoundRoots);
/** The same families with keys as they are read back. */
const seenEvidenceByHash = keySet(0x24, [hashPart, u64Part, hashPart]);
const pastRoundRootsByHash = table(0x2a, [hashPart, u64Part], RoundRoots);

/** Height of a timeout that is not armed. */
export const TIMEOUT_NEVER = 0n;

/** The descriptor that counts for a runtime in this epoch. */
export function runtimeOf({ runtime }: RuntimeState): Runtime {
  assert(runtime !== null, "the state of a runtime has its descriptor");
  return runtime;
}

export function lastBlockOf({ lastBlock }: RuntimeState): Block {
  assert(lastBlock !== null, "the state of a runtime has a block");
  return lastBlock;
}

export function getRuntimeState(state: KeyValueReader, id: Uint8Array): RuntimeState | undefined {
  return runtimeStates.get(state, id);
}

/** States of all runtimes, in the order of their hashed identifiers. */
export function runtimeStateList(state: KeyValueReader): RuntimeState[] {
  return runtimeStates.entries(state).map(([, value]) => value);
}

/** A runtime that rounds can be run of. */
export type RunningRuntime = RuntimeState & Required<Pick<RuntimeState, "committee" | "commitmentPool">>;

/**
 * The state of a runtime that is running.
 * @throws CodedError roothash/3 when it is unknown, /5 when suspended, /6 without committee, /4 without pool
 */
export function loadRunning(state: KeyValueReader, id: Uint8Array): RunningRuntime {
  const value = getRuntimeState(state, id);
  if (value === undefined) throw rootHashErrors.invalidRuntime();
  if (value.suspended) throw rootHashErrors.runtimeSuspended();
  if (value.committee === undefined) throw rootHashErrors.noCommittee();
  if (value.commitmentPool === undefined) throw rootHashErrors.noExecutorPool();
  return value as RunningRuntime;
}

/** Stores the state of a runtime with the roots of its last block, and forgets the roots that are too old. */
export function setRuntimeState(state: KeyValueStore, value: RuntimeState): void {
  const { id } = runtimeOf(value);
  const { round, stateRoot, ioRoot } = lastBlockOf(value).header;
  runtimeStates.set(state, [id], value);
  stateRoots.set(state, [id], stateRoot);
  ioRoots.set(state, [id], ioRoot);
  const { maxPastRootsStored } = rootHashParameters.load(state);
  if (maxPastRootsStored === 0n) return;
  if (round >= maxPastRootsStored) pastRoundRoots.remove(state, id, round - maxPastRootsStored);
  pastRoundRoots.set(state, [id, round], [stateRoot, ioRoot]);
}

/** Moves the height at which a round ends by force. */
export function setRoundTimeout(state: KeyValueStore, value: RuntimeState, height: bigint): void {
  const { id } = runtimeOf(value);
  const before = value.nextTimeout;
  value.nextTimeout = height;
  if (before === height) return;
  if (before !== TIMEOUT_NEVER) roundTimeouts.remove(state, before, id);
  if (height !== TIMEOUT_NEVER) roundTimeouts.set(state, [height, id], id);
}

/** Runtimes whose round ends by force at a height, in the order of their hashed identifiers. */
export function runtimesWithTimeout(state: KeyValueReader, height: bigint): Uint8Array[] {
  return roundTimeouts.entries(state, height).map(([, id]) => id);
}

export function isEvidenceSeen(state: KeyValueReader, id: Uint8Array, round: bigint, evidence: Uint8Array): boolean {
  return seenEvidence.has(state, id, round, evidence);
}

export function setEvidenceSeen(state: KeyValueStore, id: Uint8Array, round: bigint, evidence: Uint8Array): void {
  seenEvidence.set(state, [id, round, evidence], true);
}

/** Forgets the evidence of rounds up to and including one. */
export function removeExpiredEvidence(state: KeyValueStore, id: Uint8Array, lastRound: bigint): void {
  for (const [[runtime, round, evidence]] of seenEvidence.entries(state, id)) {
    if (round > lastRound) break;
    seenEvidenceByHash.remove(state, runtime, round, evidence);
  }
}

/** Results of the last normal round; empty ones before the first. */
export function getLastRoundResults(state: KeyValueReader, id: Uint8Array): RoundResults {
  return lastRoundResults.get(state, id) ?? RoundResults.zero();
}

export function setLastRoundResults(state: KeyValueStore, id: Uint8Array, results: RoundResults): void {
  lastRoundResults.set(state, [id], results);
}

export function getQueueMeta(state: KeyValueReader, id: Uint8Array): IncomingMessageQueueMeta {
  return queueMetas.get(state, id) ?? IncomingMessageQueueMeta.zero();
}

export function setQueueMeta(state: KeyValueStore, id: Uint8Array, meta: IncomingMessageQueueMeta): void {
  queueMetas.set(state, [id], meta);
}

/**
 * Messages that wait for a runtime, oldest first.
 * @param offset identifier of the first one
 * @param limit how many at most; 0 for all
 */
export function incomingMessages(
  state: KeyValueReader,
  id: Uint8Array,
  offset: bigint,
  limit: number,
): IncomingMessage[] {
  const found = queues.entries(state, id).filter(([[, messageId]]) => messageId >= offset);
  return (limit === 0 ? found : found.slice(0, limit)).map(([, message]) => message);
}

export function enqueueMessage(state: KeyValueStore, id: Uint8Array, message: IncomingMessage): void {
  queues.set(state, [id, message.id], message);
}

export function removeIncomingMessage(state: KeyValueStore, id: Uint8Array, messageId: bigint): void {
  queues.remove(state, id, messageId);
}

/** Roots of a past round; undefined when they are not kept. */
export function getRoundRoots(state: KeyValueReader, id: Uint8Array, round: bigint): RoundRoots | undefined {
  return pastRoundRoots.get(state, id, round);
}

/** Roots of all past rounds that are kept, by round. */
export function getPastRoundRoots(state: KeyValueReader, id: Uint8Array): SortedMap<bigint, RoundRoots> {
  const out = SortedMap.int<bigint, RoundRoots>();
  for (const [[, round], roots] of pastRoundRoots.entries(state, id)) out.set(round, roots);
  return out;
}

/** Forgets the oldest roots of every runtime beyond a number of rounds. */
export function shrinkPastRoots(state: KeyValueStore, kept: bigint): void {
  for (const value of runtimeStateList(state)) {
    const entries = pastRoundRoots.entries(state, runtimeOf(value).id);
    const surplus = BigInt(entries.length) - kept;
    entries.forEach(([[runtime, round]], i) => {
      if (BigInt(i) < surplus) pastRoundRootsByHash.remove(state, runtime, round);
    });
  }
}
