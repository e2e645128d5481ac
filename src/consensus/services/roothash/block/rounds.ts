/** Decision of rounds at the end of a block (root hash: end block). */
import { assert } from "#common/assert.js";
import { equalBytes } from "#common/bytes.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Context } from "../../../app/context.js";
import { getNode } from "../../registry/state.js";
import { schedulerIndex } from "../../scheduler/types.js";
import { SLASH_RUNTIME_INCORRECT_RESULTS } from "../../staking/types/thresholds.js";
import { discrepancyDetected, emitRuntimeEvent, inMessageProcessed } from "../events.js";
import { countUp, newStatistics } from "../logic/liveness.js";
import { type DecidedCommitment, type PoolOutcome, processPool } from "../logic/pool.js";
import {
  getQueueMeta,
  incomingMessages,
  lastBlockOf,
  loadRunning,
  removeIncomingMessage,
  type RunningRuntime,
  runtimeOf,
  setLastRoundResults,
  setQueueMeta,
  setRoundTimeout,
  setRuntimeState,
} from "../state.js";
import {
  commitmentVote,
  HEADER_ROUND_FAILED,
  type IncomingMessage,
  incomingMessagesHash,
  type LivenessStatistics,
} from "../types.js";
import { finalizeEmptyBlock, finalizeNormalBlock } from "./finalization.js";
import { deliverMessages } from "./runtime-messages.js";
import { penaltyFor, slashIncorrectResults } from "./slashing.js";

/** A runtime with a round to decide. */
type Round = RunningRuntime & { livenessStatistics: LivenessStatistics };

function loadRound(state: KeyValueReader, id: Uint8Array): Round {
  try {
    const value = loadRunning(state, id);
    value.livenessStatistics ??= newStatistics((value.committee.members ?? []).length);
    return value as Round;
  } catch (cause) {
    if (cause instanceof CodedError) throw new Fault("round of a runtime that is not running", { cause });
    throw cause;
  }
}

function roundOf(value: Round): bigint {
  return BigInt.asUintN(64, lastBlockOf(value).header.round + 1n);
}

/** Seat of the worker whose turn it was to schedule. */
function firstScheduler(value: Round): number {
  const index = schedulerIndex(value.committee, roundOf(value), 0n);
  if (index === undefined) throw new Fault("committee without workers");
  return index;
}

function failRound(ctx: Context, value: Round): void {
  countUp(value.livenessStatistics.missedProposals, firstScheduler(value));
  finalizeEmptyBlock(ctx, value, HEADER_ROUND_FAILED);
}

function process(value: Round, timeout: boolean): PoolOutcome {
  return processPool(value.commitmentPool, value.committee, runtimeOf(value).executor.allowedStragglers, timeout);
}

/** Announces a discrepancy and gives the backup workers half as much time again as a round. */
function startResolution(ctx: Context, value: Round, timeout: boolean): void {
  const { id, executor } = runtimeOf(value);
  const { highestRank: rank } = value.commitmentPool;
  emitRuntimeEvent(ctx, id, discrepancyDetected, { round: roundOf(value), rank, timeout });
  const duration = BigInt.asIntN(64, executor.roundTimeout * 15n) / 10n;
  setRoundTimeout(ctx.state, value, BigInt.asIntN(64, ctx.height + duration));
}

/** Removes messages that a runtime has processed from its queue. */
function dequeue(ctx: Context, value: Round, messages: readonly IncomingMessage[]): void {
  if (messages.length === 0) return;
  const { id } = runtimeOf(value);
  const meta = getQueueMeta(ctx.state, id);
  const round = roundOf(value);
  for (const message of messages) {
    removeIncomingMessage(ctx.state, id, message.id);
    if (meta.size === 0) throw new Fault("corrupted state: queue holds more messages than it counts");
    meta.size--;
    const { caller, tag } = message;
    emitRuntimeEvent(ctx, id, inMessageProcessed, { id: message.id, round, caller, tag });
  }
  setQueueMeta(ctx.state, id, meta);
}

/** Entities by what their nodes voted; one with several nodes is named several times. */
interface Verdict {
  readonly good: Uint8Array[];
  readonly bad: Uint8Array[];
}

function judge(ctx: Context, value: Round, { commitment, votes }: DecidedCommitment): Verdict {
  const verdict: Verdict = { good: [], bad: [] };
  const right = commitmentVote(commitment);
  assert(right !== undefined, "a failure is never decided on");
  const seen = SortedMap.bytes<true>();
  (value.committee.members ?? []).forEach(({ publicKey }, seat) => {
    const vote = votes.get(publicKey) ?? undefined;
    // A node with two seats counts for the first one; failures are neither good nor bad.
    if (vote === undefined || seen.has(publicKey)) return;
    seen.set(publicKey, true);
    const node = getNode(ctx.state, publicKey);
    if (node === undefined) return;
    const isGood = equalBytes(vote, right);
    (isGood ? verdict.good : verdict.bad).push(node.entityId);
    if (isGood) countUp(value.livenessStatistics.liveRounds, seat);
  });
  return verdict;
}

function countProposal(value: Round, schedulerId: Uint8Array): void {
  const { livenessStatistics: statistics, committee } = value;
  statistics.totalRounds = BigInt.asUintN(64, statistics.totalRounds + 1n);
  const first = firstScheduler(value);
  const finalized = equalBytes((committee.members ?? [])[first]?.publicKey ?? schedulerId, schedulerId);
  countUp(finalized ? statistics.finalizedProposals : statistics.missedProposals, first);
}

function closeRound(ctx: Context, value: Round, decided: DecidedCommitment): void {
  const runtime = runtimeOf(value);
  const { header, messages } = decided.commitment;
  const results = header.header;
  countProposal(value, header.schedulerId);
  const count = results.inMessagesCount;
  const processed = count === 0 ? [] : incomingMessages(ctx.state, runtime.id, 0n, count);
  if (!equalBytes(incomingMessagesHash(processed), results.inMessagesHash ?? new Uint8Array(0))) {
    failRound(ctx, value);
    return;
  }
  dequeue(ctx, value, processed);
  const outcomes = deliverMessages(ctx, runtime.id, messages);
  const { good, bad } = judge(ctx, value, decided);
  const penalty = penaltyFor(runtime, SLASH_RUNTIME_INCORRECT_RESULTS);
  if (value.commitmentPool.discrepancy && penalty > 0n) slashIncorrectResults(ctx, bad, good, runtime, penalty);
  setLastRoundResults(ctx.state, runtime.id, {
    messages: outcomes,
    goodComputeEntities: good,
    badComputeEntities: bad,
  });
  finalizeNormalBlock(ctx, value, results);
}

function decide(ctx: Context, value: Round, timeout: boolean): void {
  let outcome = process(value, timeout);
  if (outcome.kind === "discrepancy") {
    startResolution(ctx, value, timeout);
    // Backup workers may have voted already.
    outcome = process(value, value.nextTimeout === ctx.height);
  }
  assert(outcome.kind !== "discrepancy", "resolution finds no second discrepancy");
  if (outcome.kind === "decided") closeRound(ctx, value, outcome.decided);
  else if (outcome.kind === "failed") failRound(ctx, value);
}

/**
 * Decides the round of a runtime if it can be decided.
 * @param timeout whether the time for commitments is up
 */
export function tryFinalizeRound(ctx: Context, id: Uint8Array, timeout: boolean): void {
  ctx.transaction((child) => {
    const value = loadRound(child.state, id);
    decide(child, value, timeout);
    // Stored even when the round goes on: by now it may have statistics or a discrepancy.
    setRuntimeState(child.state, value);
  });
}
