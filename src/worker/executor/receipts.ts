import { equalBytes, toHex } from "#common/bytes.js";
import type { KeyedSignature, Signer } from "#common/crypto/signature.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { ExecutorCommitment } from "#consensus/services/roothash/types.js";
import type { P2pHost } from "#p2p/host.js";
import { ReceiptCollection } from "../storage/receipts/collection.js";
import type { StorageCommittee, StorageLimits } from "../storage/receipts/committee.js";
import type { RoundTrees } from "../storage/round-trees.js";
import { toMs } from "./execution.js";
import type { Round } from "./round.js";
import type { Storing } from "./state.js";

/** How long a worker leaves it to the scheduler to gather the receipts for both, in milliseconds. */
const PATIENCE_MS = 50;
/** Gathering may take so many times the time that a scheduler has for its proposal, and no longer than the maximum. */
const TIMEOUT_FACTOR = 3;
const MAX_TIMEOUT_MS = 10_000;
/** Most commitments of one scheduler that are remembered: anybody can claim to be it. */
const MAX_CLAIMS = 4;

export interface ReceiptsOptions {
  readonly p2p: P2pHost;
  readonly chainContext: string;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when there are enough receipts, or that there are not. */
  readonly done: (by: Storing, receipts: KeyedSignature[] | undefined) => void;
}

interface Gathering {
  readonly by: Storing;
  readonly collection: ReceiptCollection;
  readonly isScheduler: boolean;
  hasDeadline: boolean;
}

/**
 * Gets the receipts of storage nodes that commitments need (storage committees: executor). The scheduler asks the nodes;
 * those who agree with it use what it got, since without its commitment theirs would not count either.
 */
export class Receipts {
  private committee: StorageCommittee | undefined;
  private claims = new Map<string, ExecutorCommitment[]>();
  private current: Gathering | undefined;

  constructor(private readonly options: ReceiptsOptions) {}

  /** Whether commitments need receipts now. */
  get areNeeded(): boolean {
    return this.committee !== undefined;
  }

  /** What storage nodes take of one round; undefined when no receipts are needed. */
  get limits(): StorageLimits | undefined {
    return this.committee?.limits;
  }

  /** Another committee; undefined when no receipts are needed. */
  elect(committee: StorageCommittee | undefined): void {
    this.committee = committee;
  }

  /** The round is over. */
  end(): void {
    this.current?.collection.stop();
    this.current = undefined;
    this.claims = new Map();
  }

  /** Begins to gather receipts for results that are on this node's disk; `done` is told what comes of it. */
  begin(round: Round, by: Storing, trees: RoundTrees): void {
    const { committee } = this;
    if (committee === undefined) return;
    this.current?.collection.stop();
    const ended = (receipts: KeyedSignature[] | undefined): void => this.options.done(by, receipts);
    const collection = new ReceiptCollection({ ...this.options, committee, trees, ended });
    const isScheduler = equalBytes(by.schedulerId, this.options.signer.publicKey);
    this.current = { by, collection, isScheduler, hasDeadline: false };
    for (const claim of this.claims.get(toHex(by.schedulerId)) ?? []) this.use(claim);
    if (isScheduler || round.disputed !== undefined) collection.ask();
    else round.after(PATIENCE_MS, () => collection.ask());
  }

  /** Commitments that somebody has sent. */
  see(round: Round | undefined, commitments: readonly (ExecutorCommitment | undefined)[]): void {
    if (this.committee === undefined || round === undefined) return;
    for (const commitment of commitments) if (commitment !== undefined) this.claim(round, commitment);
  }

  private claim(round: Round, commitment: ExecutorCommitment): void {
    const { nodeId, header, storageSigs } = commitment;
    const { schedulerId } = header;
    if (storageSigs === undefined || header.header.round !== round.number) return;
    if (!equalBytes(nodeId, schedulerId) || round.committee.rankOf(round.number, schedulerId) === undefined) return;
    const claims = this.claims.get(toHex(schedulerId)) ?? [];
    if (claims.length < MAX_CLAIMS) this.claims.set(toHex(schedulerId), [...claims, commitment]);
    this.use(commitment);
  }

  private use({ nodeId, header, storageSigs }: ExecutorCommitment): void {
    const { current } = this;
    if (current === undefined || !equalBytes(nodeId, current.by.schedulerId)) return;
    const { ioRoot, stateRoot } = header.header;
    if (current.collection.isFor(ioRoot, stateRoot)) current.collection.take(storageSigs ?? []);
    // There is nothing to share with somebody who has other results.
    else current.collection.ask();
  }

  /**
   * Limits the time, from when the others wait for this node: there is a commitment of the scheduler. Without one
   * nothing is decided, and schedulers may not fail.
   */
  watch(round: Round): void {
    const { current } = this;
    if (current === undefined || current.hasDeadline || current.isScheduler) return;
    if (round.poolRank > current.by.rank && round.disputed === undefined) return;
    current.hasDeadline = true;
    const { proposerTimeout } = round.dispatch.descriptor.txnScheduler;
    const { by, collection } = current;
    round.after(Math.min(TIMEOUT_FACTOR * toMs(proposerTimeout), MAX_TIMEOUT_MS), () => {
      if (this.current !== current) return;
      collection.stop();
      this.options.done(by, undefined);
    });
  }
}
