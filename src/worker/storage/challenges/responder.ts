import { equalBytes, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { Inbox } from "#common/inbox.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { challengeErrors } from "#consensus/services/roothash/errors.js";
import { challengeList } from "#consensus/services/roothash/state/challenges.js";
import { challengeId, type OpenChallenge, StorageResponse } from "#consensus/services/roothash/types/challenges.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { TransactionSubmitter } from "../../options.js";
import { proveChallenge } from "./answer.js";

/** Pause before an answer is tried again, in milliseconds: it doubles up to the longest. */
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

export interface ChallengeResponderOptions {
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  /** The node's identity, 32 bytes. */
  readonly nodeId: Uint8Array;
  /** The latest consensus state. */
  readonly state: () => KeyValueReader;
  readonly db: NodeDb;
  readonly submitter: TransactionSubmitter;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Answers challenges of this node, one after the other, as soon as they have their keys (storage committees: challenge).
 * An answer that does not come through, or a tree that is still on its way from peers, is tried again until the chain has
 * closed the challenge.
 */
export class ChallengeResponder {
  private readonly inbox: Inbox<"wake">;
  private timer: Timer | undefined;
  private pauseMs = SHORTEST_PAUSE_MS;
  private stopped = false;

  constructor(private readonly options: ChallengeResponderOptions) {
    this.inbox = new Inbox<"wake">({
      capacity: 2,
      handle: () => this.run(),
      failed: (error) => {
        options.log.error("answering challenges failed", { error: String(error) });
        this.later();
      },
    });
  }

  /** Challenges may have been drawn. */
  wake(): void {
    this.inbox.offer("wake");
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.inbox.stop();
  }

  private async run(): Promise<void> {
    let failed = 0;
    for (const challenge of this.mine()) {
      if (this.stopped) return;
      if (!(await this.answer(challenge))) failed++;
    }
    if (failed > 0) this.later();
    else this.pauseMs = SHORTEST_PAUSE_MS;
  }

  /** Those that can be answered; the most urgent first. */
  private mine(): OpenChallenge[] {
    const { state, runtimeId, nodeId } = this.options;
    const open = challengeList(state(), runtimeId).filter(
      ({ node, key }) => equalBytes(node, nodeId) && key !== undefined,
    );
    return open.sort((a, b) => Number(a.deadline - b.deadline));
  }

  private async answer(open: OpenChallenge): Promise<boolean> {
    const { runtimeId, db, submitter, log } = this.options;
    const challenge = challengeId(open);
    const about = { challenge: toHex(challenge), round: open.round, deadline: open.deadline };
    try {
      const proof = proveChallenge(db, open);
      if (proof === undefined) return true;
      await submitter.submit("roothash.StorageResponse", StorageResponse.encode({ id: runtimeId, challenge, proof }));
      log.info("challenge answered", about);
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      // Anybody may have been faster.
      if (challengeErrors.noSuchChallenge.is(error)) return true;
      log.warn("challenge could not be answered yet", { ...about, error: error.message });
      return false;
    }
  }

  private later(): void {
    if (this.stopped) return;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(this.pauseMs, () => this.wake());
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
