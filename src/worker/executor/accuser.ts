import { CodedError } from "#common/errors/index.js";
import { toHex } from "#common/bytes.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import { accusation } from "#consensus/services/roothash/logic/evidence.js";
import { getRuntimeState, isEvidenceSeen, runtimeOf } from "#consensus/services/roothash/state.js";
import { Evidence } from "#consensus/services/roothash/types.js";
import { SLASH_RUNTIME_EQUIVOCATION } from "#consensus/services/staking/types/thresholds.js";
import type { TransactionSubmitter } from "../options.js";

/** How long each member leaves the word to those before it in the committee, in milliseconds. */
const TURN_MS = 300;
/** Most accusations that wait for their turn. */
const MAX_WAITING = 64;

export interface AccuserOptions {
  readonly runtimeId: Uint8Array;
  readonly backend: Backend;
  readonly submitter: TransactionSubmitter;
  readonly clock: Clock;
  readonly log: Log;
}

/** Submits evidence of equivocation, unless another member has been faster. */
export class Accuser {
  private readonly waiting = new Map<string, Timer>();

  constructor(private readonly options: AccuserOptions) {}

  /**
   * Accuses a node.
   *
   * @param turn place of this node among those who may have seen the same
   */
  accuse(evidence: Evidence, turn: number): void {
    const { nodeId, round } = accusation(evidence);
    const key = `${round}/${toHex(nodeId)}`;
    if (this.waiting.has(key) || this.waiting.size >= MAX_WAITING || !this.isWorthIt(evidence)) return;
    this.options.log.info("member contradicts itself", { round, node: toHex(nodeId) });
    const timer = this.options.clock.setTimer(turn * TURN_MS, () => this.submit(key, evidence));
    this.waiting.set(key, timer);
  }

  stop(): void {
    for (const timer of this.waiting.values()) timer.cancel();
    this.waiting.clear();
  }

  private isWorthIt(evidence: Evidence): boolean {
    const { backend, runtimeId } = this.options;
    const state = backend.stateAt(0n);
    const runtime = getRuntimeState(state, runtimeId);
    if (runtime === undefined) return false;
    const penalty = runtimeOf(runtime).staking.slashing.get(SLASH_RUNTIME_EQUIVOCATION)?.amount ?? 0n;
    const { round, hash } = accusation(evidence);
    return penalty > 0n && !isEvidenceSeen(state, runtimeId, round, hash);
  }

  private submit(key: string, evidence: Evidence): void {
    const { submitter, log } = this.options;
    if (!this.isWorthIt(evidence)) {
      this.waiting.delete(key);
      return;
    }
    const done = (): void => void this.waiting.delete(key);
    submitter.submit("roothash.Evidence", Evidence.encode(evidence)).then(done, (error: unknown) => {
      done();
      const level = error instanceof CodedError ? "info" : "error";
      log[level]("evidence was not taken", { error: String(error) });
    });
  }
}
