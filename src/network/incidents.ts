import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { decodeEvent } from "#consensus/app/events.js";
import type { Evidence } from "#consensus/block/evidence.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { receiptRules } from "#consensus/services/roothash/logic/receipt-rules.js";
import { getRuntimeState, lastBlockOf, runtimeOf } from "#consensus/services/roothash/state.js";
import { type Event, HEADER_NORMAL, HEADER_SUSPENDED, type RuntimeState } from "#consensus/services/roothash/types.js";
import { committees } from "#consensus/services/scheduler/state.js";
import { COMMITTEE_EXECUTOR, COMMITTEE_STORAGE } from "#consensus/services/scheduler/types.js";
import { escrowTaken } from "#consensus/services/staking/events.js";
import type { AbciEvent } from "#consensus/transaction/results.js";

/** What stake was lost for. */
export type PenaltyReason =
  | "runtime-incorrect-results"
  | "runtime-equivocation"
  | "runtime-liveness"
  | "runtime-storage-unavailable"
  | "consensus-equivocation"
  | "consensus-light-client-attack";

/** Why a runtime was suspended; "stake" when it has the committees that it needs. */
export type SuspensionCause = "no executor committee" | "no storage committee" | "stake";

/** Something that does not happen where all are honest and alive. */
export type Incident =
  /** The workers do not agree on a round, or not in time. */
  | { readonly type: "discrepancy"; readonly round: bigint; readonly rank: bigint; readonly timeout: boolean }
  /** The backup workers have decided a disputed round. */
  | { readonly type: "resolved"; readonly round: bigint }
  /** The runtime has no rounds any more, until one of its nodes registers and the next election has what it needs. */
  | { readonly type: "suspended"; readonly round: bigint; readonly cause: SuspensionCause }
  /** Somebody wants proof that a storage node has a tree of a round. */
  | { readonly type: "challenged"; readonly round: bigint; readonly node: Uint8Array; readonly challenge: Uint8Array }
  /** The storage node has proved it. */
  | { readonly type: "proven"; readonly node: Uint8Array; readonly challenge: Uint8Array }
  /** An entity has lost stake. */
  | {
      readonly type: "slashed";
      /** Staking address, 21 bytes. */
      readonly entity: Uint8Array;
      /** Base units. */
      readonly amount: bigint;
      readonly reason: PenaltyReason;
    };

/** Finds the incidents of one runtime in blocks; they must be given in order. */
export class IncidentReader {
  private readonly disputed = new Set<bigint>();

  constructor(
    private readonly backend: Backend,
    private readonly runtimeId: Uint8Array,
  ) {}

  /** The incidents of the latest block, in the order in which they came about. */
  *read({ height, block, outcome }: CommittedBlock): Generator<Incident, void, void> {
    // Validators lose stake at the beginning of a block that brings evidence against them; workers, at elections.
    const atBeginning = reasonAtBeginning(block.evidence.evidence);
    for (const event of outcome.beginEvents) yield* this.of(event, height, () => atBeginning);
    for (const { events } of outcome.results) {
      for (const event of events) yield* this.of(event, height, () => "runtime-equivocation");
    }
    const { endEvents } = outcome;
    for (const [i, event] of endEvents.entries()) {
      yield* this.of(event, height, () => reasonAtEnd(endEvents.slice(i), height));
    }
  }

  /** @param reason looked for only when somebody has lost stake: most events cost nobody anything */
  private *of(carrier: AbciEvent, height: bigint, reason: () => PenaltyReason): Generator<Incident, void, void> {
    const taken = decodeEvent(escrowTaken, carrier);
    if (taken !== undefined) yield { type: "slashed", entity: taken.owner, amount: taken.amount, reason: reason() };
    const event = readRuntimeEvent(carrier, height, EMPTY_HASH);
    if (event === undefined || !equalBytes(event.runtimeId, this.runtimeId)) return;
    yield* challengeIncidents(event);
    const { executionDiscrepancyDetected: discrepancy, finalized } = event;
    if (discrepancy !== undefined) {
      this.disputed.add(discrepancy.round);
      yield { type: "discrepancy", ...discrepancy };
    }
    if (finalized === undefined) return;
    const cause = this.suspensionAt(finalized.round);
    if (cause !== undefined) yield { type: "suspended", round: finalized.round, cause };
    if (!this.disputed.delete(finalized.round)) return;
    if (this.endedNormally(finalized.round)) yield { type: "resolved", round: finalized.round };
  }

  private suspensionAt(round: bigint): SuspensionCause | undefined {
    const state = this.backend.stateAt(0n);
    const value = getRuntimeState(state, this.runtimeId);
    if (value === undefined) return undefined;
    const { header } = lastBlockOf(value);
    if (header.round !== round || header.headerType !== HEADER_SUSPENDED) return undefined;
    const executors = committees.get(state, COMMITTEE_EXECUTOR, this.runtimeId);
    // Nodes register only when there is a runtime: before its first round that is no incident.
    if (executors === undefined) return hasBegun(value) ? "no executor committee" : undefined;
    const needsStorage = receiptRules(state, runtimeOf(value), executors.validFor) !== undefined;
    const storage = committees.get(state, COMMITTEE_STORAGE, this.runtimeId);
    return needsStorage && storage?.validFor !== executors.validFor ? "no storage committee" : "stake";
  }

  private endedNormally(round: bigint): boolean {
    const state = getRuntimeState(this.backend.stateAt(0n), this.runtimeId);
    if (state === undefined) return false;
    const { header } = lastBlockOf(state);
    return header.round === round && header.headerType === HEADER_NORMAL;
  }
}

function hasBegun({ genesisBlock, lastNormalRound }: RuntimeState): boolean {
  return lastNormalRound !== genesisBlock?.header.round;
}

function* challengeIncidents(event: Event): Generator<Incident, void, void> {
  const { storageChallenged, storageChallengeAnswered } = event;
  if (storageChallenged !== undefined) {
    const { round, node, challenge } = storageChallenged;
    yield { type: "challenged", round, node, challenge };
  }
  if (storageChallengeAnswered !== undefined) yield { type: "proven", ...storageChallengeAnswered };
}

/** Rounds are decided before challenges run out; either says what it was after it has taken stake. */
function reasonAtEnd(events: readonly AbciEvent[], height: bigint): PenaltyReason {
  for (const carrier of events) {
    const event = readRuntimeEvent(carrier, height, EMPTY_HASH);
    if (event?.storageUnavailable !== undefined) return "runtime-storage-unavailable";
    if (event?.finalized !== undefined) break;
  }
  return "runtime-incorrect-results";
}

/** Where evidence of both kinds is in one block, its events do not tell which one cost what. */
function reasonAtBeginning(evidence: readonly Evidence[]): PenaltyReason {
  if (evidence.length === 0) return "runtime-liveness";
  const attack = evidence.every(({ type }) => type === "lightClientAttack");
  return attack ? "consensus-light-client-attack" : "consensus-equivocation";
}
