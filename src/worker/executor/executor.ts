import { equalBytes } from "#common/bytes.js";
import { reasonOf } from "#common/errors/index.js";
import type { KeyedSignature, Signer } from "#common/crypto/signature.js";
import { Inbox } from "#common/inbox.js";
import type { Clock } from "#common/ports/clock.js";
import type { Disk } from "#common/ports/disk.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import { getFutureEpoch } from "#consensus/services/beacon/queries.js";
import { getRuntimeState, lastBlockOf } from "#consensus/services/roothash/state.js";
import { type Event, FAILURE_STATE_UNAVAILABLE, type Proposal } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { P2pHost } from "#p2p/host.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import { EXECUTION_MODE, type RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { asksForRound, type Dispatch } from "../dispatch.js";
import type { CommitteeMembership, TransactionSubmitter } from "../options.js";
import { storageCommittee } from "../storage/receipts/committee.js";
import type { TxPool } from "../txpool/tx-pool.js";
import { verdictOn } from "./batch-limits.js";
import { CommitteeTopic } from "./committee-topic.js";
import { Commitments } from "./commitments.js";
import { CommitteeView } from "./committee-view.js";
import { type Batch, BatchExecution, inputRootOf } from "./execution.js";
import { Observations } from "./observations.js";
import { watchCommitments } from "./observed.js";
import { type Conduct, honestOutlet, type Outlet } from "./outlet.js";
import { ProposalQueue, type RankedProposal } from "./proposals.js";
import { Receipts } from "./receipts.js";
import { Round } from "./round.js";
import { SignedRecords } from "./signed-records.js";
import { RoundSigning } from "./signing.js";
import type { BatchCut } from "./storable.js";
import { type Happening, type Outcome, type Processing, type State, type Storing, WAITING } from "./state.js";
import { fetchTransactions } from "./tx-sync.js";

/** Pause after the runtime failed, in milliseconds. */
const FAILURE_PAUSE_MS = 500;
/** Pauses between requests for missing transactions, in milliseconds: they double up to the longest. */
const SHORTEST_FETCH_PAUSE_MS = 50;
const LONGEST_FETCH_PAUSE_MS = 2000;
/** Most events that wait; those of a round are few. */
const MAX_EVENTS = 4096;

export interface ExecutorOptions {
  readonly runtimeId: Uint8Array;
  readonly backend: Backend;
  readonly p2p: P2pHost;
  readonly host: RuntimeHost;
  readonly pool: TxPool;
  readonly disk: Disk;
  readonly db: NodeDb;
  readonly signer: Signer;
  readonly submitter: TransactionSubmitter;
  /** How the node behaves, if not honestly. */
  readonly conduct?: Conduct | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly cut: (cut: BatchCut) => void;
}

/** A node's work in the executor committee of one runtime. */
export class Executor {
  private readonly inbox: Inbox<Happening>;
  private readonly proposals = new ProposalQueue();
  private readonly topic: CommitteeTopic;
  private readonly signing: RoundSigning;
  private readonly execution: BatchExecution;
  private readonly records: SignedRecords;
  private readonly outlet: Outlet;
  private readonly commitments: Commitments;
  private readonly observations: Observations;
  private readonly receipts: Receipts;
  private readonly unwatch: () => void;
  private readonly chainContext: string;
  private committee: CommitteeView | undefined;
  private round: Round | undefined;
  private latestBatchSize = 0;
  private state: State = WAITING;
  private looking = false;

  constructor(private readonly options: ExecutorOptions) {
    const { runtimeId, backend, p2p, host, pool, disk, db, log } = options;
    this.chainContext = backend.app.chainContext;
    this.signing = new RoundSigning(options.signer, this.chainContext, runtimeId);
    this.records = new SignedRecords(disk, runtimeId);
    this.observations = new Observations(options);
    const done = (by: Storing, receipts: KeyedSignature[] | undefined): void =>
      this.offer({ type: "stored", by, receipts });
    const receipts = new Receipts({ ...options, chainContext: this.chainContext, done });
    this.receipts = receipts;
    this.execution = new BatchExecution({ host, disk, db, log, pool, limits: () => receipts.limits, cut: options.cut });
    this.topic = new CommitteeTopic({
      p2p,
      chainContext: this.chainContext,
      runtimeId,
      signing: this.signing,
      proposals: this.proposals,
      seen: (proposal) => this.observations.seeProposal(proposal),
      added: () => this.look(),
    });
    const honest = honestOutlet(runtimeId, this.topic, options.submitter);
    this.outlet = options.conduct?.(honest, this.signing) ?? honest;
    this.commitments = new Commitments(this.signing, this.records, this.outlet, log);
    this.unwatch = watchCommitments(backend.app, runtimeId, (commitments) =>
      this.offer({ type: "observed", commitments }),
    );
    this.inbox = new Inbox<Happening>({
      capacity: MAX_EVENTS,
      handle: (happening) => this.handle(happening),
      failed: (error, { type }) => log.error("executor failed", { type, error: reasonOf(error) }),
    });
  }

  /** The node's part in the current committee. */
  get membership(): CommitteeMembership {
    return this.committee?.membership ?? "none";
  }

  async stop(): Promise<void> {
    this.unwatch();
    this.topic.leave();
    this.round?.end();
    this.round = undefined;
    this.observations.stop();
    this.receipts.end();
    await this.inbox.stop();
  }

  /** A block of the runtime is final and its trees are here: a new round begins. */
  begin(dispatch: Dispatch): void {
    this.offer({ type: "block", dispatch });
  }

  /** Events of the runtime in a consensus block. */
  happened(events: readonly Event[]): void {
    const interesting = events.filter((e) => e.executorCommitted ?? e.executionDiscrepancyDetected);
    if (interesting.length > 0) this.offer({ type: "chain", events: interesting });
  }

  /** Something may have become possible, e.g. because of new transactions. */
  look(): void {
    if (this.looking) return;
    this.looking = true;
    this.offer({ type: "look" });
  }

  private offer(happening: Happening): void {
    if (!this.inbox.offer(happening)) this.options.log.warn("executor is behind", { dropped: happening.type });
  }

  private handle(happening: Happening): void {
    switch (happening.type) {
      case "block":
        this.beginRound(happening.dispatch);
        break;
      case "chain":
        for (const event of happening.events) this.observations.seeEvent(event);
        this.receipts.see(
          this.round,
          happening.events.map(({ executorCommitted }) => executorCommitted?.commit),
        );
        break;
      case "observed":
        for (const commitment of happening.commitments) this.observations.seeCommitment(commitment);
        this.receipts.see(this.round, happening.commitments);
        break;
      case "executed":
        if (this.state === happening.by) this.finish(happening.by, happening.outcome);
        break;
      case "stored":
        if (this.state === happening.by) this.commit(happening.by, happening.receipts);
        break;
      case "fetched":
        if (this.state === happening.state) this.fetched(happening.complete);
        break;
      case "look":
        this.looking = false;
        this.resolve();
        break;
    }
    this.step();
  }

  private beginRound(dispatch: Dispatch): void {
    this.round?.end();
    this.round = undefined;
    this.observations.end();
    this.receipts.end();
    this.state = WAITING;
    this.options.pool.clearProposed();
    this.proposals.prune(dispatch.header.round + 1n);
    this.records.forgetBefore(dispatch.header.round + 1n);
    this.updateCommittee(dispatch);
    const { committee } = this;
    if (committee === undefined || committee.membership === "none") return;
    const latest = getRuntimeState(this.options.backend.stateAt(0n), this.options.runtimeId);
    if (latest === undefined || latest.suspended || lastBlockOf(latest).header.round !== dispatch.header.round) return;
    const round = new Round(dispatch, committee, this.options.clock, this.latestBatchSize);
    if (latest.commitmentPool !== undefined) round.adopt(latest.commitmentPool, this.signing.nodeId);
    round.start({ nextRank: () => this.look(), flush: () => this.look() });
    this.round = round;
    this.observations.begin(round);
    this.repeat(round);
  }

  /** Says again what was said before a restart in the middle of the round. */
  private repeat(round: Round): void {
    this.commitments.repeat(round);
    const own = this.records.proposal(round.number);
    if (own === undefined || !equalBytes(own.header.previousHash, round.previousHash)) return;
    this.outlet.publish(round.committee.epoch, own);
    this.proposals.add({ proposal: own, rank: round.rank });
  }

  private updateCommittee(dispatch: Dispatch): void {
    const { committee } = dispatch.state;
    if (committee !== undefined && this.committee?.isAsElectedFor(dispatch) === true) return;
    const view = this.options.backend.stateAt(dispatch.height);
    this.committee = committee === undefined ? undefined : new CommitteeView(committee, view, this.signing.nodeId);
    this.receipts.elect(committee && storageCommittee(view, dispatch.descriptor, committee.validFor));
    this.topic.update(this.committee);
  }

  /** Does what the situation asks for. */
  private step(): void {
    const { round } = this;
    if (round === undefined || round.paused) return;
    this.receipts.watch(round);
    const rank = round.disputed;
    if (rank !== undefined) {
      this.confine(round, rank, rank);
      const disputed = this.proposals.best(round.number, rank, rank, round.submitted);
      if (disputed !== undefined) this.process(round, disputed);
      else if (round.rank === rank) this.schedule(round, true);
      return;
    }
    const { limit } = round;
    const best = this.proposals.best(round.number, 0n, limit, round.submitted);
    // Its own proposal is there only after a restart: it is executed like one of somebody else.
    if (best !== undefined && best.rank <= round.rank) {
      this.confine(round, 0n, best.rank);
      this.process(round, best);
    } else if (round.rank <= limit) {
      this.confine(round, 0n, round.rank);
      this.schedule(round, round.flush);
    }
  }

  /** Gives up work on ranks outside the bounds, and begins what waited for a discrepancy. */
  private confine(round: Round, min: bigint, max: bigint): void {
    const { state } = this;
    if (state.kind === "waiting-for-batch") return;
    if (state.rank < min || state.rank > max) this.state = WAITING;
    else if (state.kind === "waiting-for-event" && round.disputed !== undefined) {
      this.execute(round, state.rank, state.proposal, state.batch);
    }
  }

  private schedule(round: Round, force: boolean): void {
    const { backend, host, pool } = this.options;
    if (this.state.kind !== "waiting-for-batch" || round.submitted.has(round.rank)) return;
    if (!round.committee.isWorker || (!force && round.gathering.isWaiting)) return;
    // A block of the next epoch has another committee: a proposal now would be in vain.
    const future = getFutureEpoch(backend.stateAt(0n));
    if (future !== undefined && future.height === backend.latestHeight + 1n) return;
    const control = host.info?.features.scheduleControl;
    if (control === undefined) return;
    const inputs = pool.suggestion(control.initialBatchSize);
    if (!force && inputs.length === 0 && !asksForRound(round.dispatch)) return;
    if (!force && round.gathering.holds(inputs.length, control.initialBatchSize, () => this.look())) return;
    this.execute(round, round.rank, undefined, { mode: EXECUTION_MODE.schedule, inputs });
  }

  private process(round: Round, { proposal, rank }: RankedProposal): void {
    const { isWorker, isBackupWorker } = round.committee;
    const disputed = round.disputed !== undefined;
    if (this.state.kind !== "waiting-for-batch" || round.submitted.has(rank)) return;
    if (disputed && !isBackupWorker) return;
    const known = proposal.batch.map((txHash) => this.options.pool.get(txHash));
    const { dispatch, previousHash } = round;
    const verdict = verdictOn(proposal, known, { descriptor: dispatch.descriptor, previousHash });
    if (verdict === "excessive") this.commitments.fail(round, rank, proposal.nodeId);
    if (verdict !== "good") return;
    this.latestBatchSize = proposal.batch.length;
    const inputs = known.filter((raw) => raw !== undefined);
    this.options.pool.propose(inputs);
    if (inputs.length < known.length) {
      this.state = { kind: "waiting-for-transactions", rank, proposal, pauseMs: SHORTEST_FETCH_PAUSE_MS };
      this.fetch(this.state);
      return;
    }
    const batch: Batch = { mode: EXECUTION_MODE.execute, inputRoot: proposal.header.batchHash, inputs };
    if (isWorker || disputed) this.execute(round, rank, proposal, batch);
    else this.state = { kind: "waiting-for-event", rank, proposal, batch };
  }

  private fetch(state: State & { readonly kind: "waiting-for-transactions" }): void {
    const { p2p, runtimeId, pool, log } = this.options;
    const missing = state.proposal.batch.filter((txHash) => pool.get(txHash) === undefined);
    const done = (found: readonly Uint8Array[]): void => {
      pool.receiveProposed(found);
      this.offer({ type: "fetched", state, complete: found.length === missing.length });
    };
    log.debug("transactions of a proposal are missing", { missing: missing.length });
    fetchTransactions(p2p, this.chainContext, runtimeId, missing).then(done, (error: unknown) => {
      log.error("fetching transactions failed", { error: reasonOf(error) });
      done([]);
    });
  }

  private fetched(complete: boolean): void {
    const { state, round } = this;
    if (state.kind !== "waiting-for-transactions") return;
    this.resolve();
    if (complete || this.state !== state) return;
    round?.after(state.pauseMs, () => {
      if (this.state === state) this.fetch(state);
    });
    state.pauseMs = Math.min(state.pauseMs * 2, LONGEST_FETCH_PAUSE_MS);
  }

  /** Looks whether the transactions that the node waits for have all come. */
  private resolve(): void {
    const { state } = this;
    if (state.kind !== "waiting-for-transactions") return;
    if (state.proposal.batch.every((txHash) => this.options.pool.get(txHash) !== undefined)) this.state = WAITING;
  }

  private execute(round: Round, rank: bigint, proposal: Proposal | undefined, batch: Batch): void {
    const by: Processing = { kind: "processing-batch", rank, proposal };
    this.state = by;
    const done = (outcome: Outcome): void => this.offer({ type: "executed", by, outcome });
    this.attempt(round, batch).then(done, (error: unknown) => {
      this.options.log.error("executing a batch failed", { round: round.number, error: reasonOf(error) });
      done("failed");
    });
  }

  private async attempt(round: Round, batch: Batch): Promise<Outcome> {
    const response = await this.execution.run(round.dispatch, batch);
    if (response !== undefined) return response;
    const { inputRoot, inputs } = batch;
    // A scheduler that has named another root than that of its transactions leaves nobody a way to execute them.
    return inputRoot !== undefined && !equalBytes(inputRootOf(inputs), inputRoot) ? "impossible" : "failed";
  }

  private finish({ rank, proposal: given }: Processing, outcome: Outcome): void {
    const { round } = this;
    this.state = WAITING;
    // The others may have been faster: what they agreed on is final here before the news of it arrives.
    if (round === undefined || (this.options.db.latestVersion() ?? -1n) >= round.number) return;
    if (outcome === "failed") {
      round.paused = true;
      round.after(FAILURE_PAUSE_MS, () => {
        round.paused = false;
        this.look();
      });
    } else if (outcome === "impossible") {
      if (given !== undefined) this.commitments.fail(round, rank, given.nodeId);
    } else {
      const { nodeId } = given ?? this.propose(round, outcome);
      const trees = this.execution.keep(round.dispatch, outcome);
      const by: Storing = { kind: "waiting-for-receipts", rank, schedulerId: nodeId, batch: outcome.batch };
      if (trees === undefined) this.commitments.fail(round, rank, nodeId);
      else if (this.receipts.areNeeded) {
        this.state = by;
        this.receipts.begin(round, by, trees);
      } else this.commitments.succeed(round, rank, nodeId, outcome.batch);
    }
  }

  /** Commits to results when it is known whether storage nodes have them. */
  private commit(by: Storing, receipts: KeyedSignature[] | undefined): void {
    const { round } = this;
    const { rank, schedulerId, batch } = by;
    // A scheduler says nothing rather than that it failed, which it must not; nor may it propose something else.
    if (round === undefined || (receipts === undefined && equalBytes(schedulerId, this.signing.nodeId))) return;
    this.state = WAITING;
    if (receipts !== undefined) this.commitments.succeed(round, rank, schedulerId, batch, receipts);
    else this.commitments.fail(round, rank, schedulerId, FAILURE_STATE_UNAVAILABLE);
  }

  /** Tells the others what the runtime has picked. */
  private propose(round: Round, response: RuntimeExecuteTxBatchResponse): Proposal {
    const { pool } = this.options;
    const { txHashes, txRejectHashes, txInputRoot } = response;
    this.latestBatchSize = txHashes.length;
    pool.propose(txHashes.map((txHash) => pool.get(txHash)).filter((raw) => raw !== undefined));
    pool.reject(txRejectHashes);
    const header = { round: round.number, previousHash: round.previousHash, batchHash: txInputRoot };
    const proposal = this.signing.proposal(header, txHashes);
    this.records.keepProposal(proposal);
    this.outlet.publish(round.committee.epoch, proposal);
    return proposal;
  }
}
