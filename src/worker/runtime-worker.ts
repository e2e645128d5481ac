import { EMPTY_HASH } from "#common/hash.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { EventHub, type Subscription } from "#common/event-hub.js";
import { FRAME_BYTES } from "#common/limits.js";
import { DecodeError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { bytes } from "#common/schema/index.js";
import type { Version } from "#common/version.js";
import { type Event, HEADER_NORMAL, HEADER_ROUND_FAILED } from "#consensus/services/roothash/types.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { JoinedTopic, Verdict } from "#p2p/host.js";
import { topicId } from "#p2p/topic.js";
import { type BlockHistory, type RecordedBlock, ROUND_LATEST } from "#runtime/history/block-history.js";
import { RoundReader } from "#runtime/history/round-reader.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import type { HostEnvironment } from "#runtime/host/host-handler.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { type StartTrouble, VersionedHost } from "#runtime/host/versioned.js";
import { Components } from "./component/fleet.js";
import { ConsensusSync } from "./consensus-sync.js";
import { RuntimeClient } from "./client/runtime-client.js";
import { DeploymentFollower } from "./deployments.js";
import { dispatchAt } from "./dispatch.js";
import { Executor } from "./executor/executor.js";
import type { BatchCut } from "./executor/storable.js";
import { serveTransactions } from "./executor/tx-sync.js";
import { KeyManagerUpdates } from "./key-manager-updates.js";
import type { FinalizedBy, HostSite, RoundReport, RuntimeStatus, RuntimeWorkerOptions } from "./options.js";
import { RuntimeStorage } from "./runtime-storage.js";
import { txPoolErrors } from "./txpool/errors.js";
import { TxPool } from "./txpool/tx-pool.js";

/** A gossiped transaction: its raw bytes as a byte string. */
const Gossiped = bytes({ max: FRAME_BYTES });

/**
 * One runtime on one node: hosts it, follows its rounds and keeps their trees, pools transactions, serves in its
 * committee if the node has that role, and answers clients.
 */
export class RuntimeWorker {
  readonly client: RuntimeClient;
  readonly host: RuntimeHost;
  private readonly versioned: VersionedHost;
  private readonly deployments: DeploymentFollower;
  private readonly log: Log;
  readonly storage: RuntimeStorage;
  private readonly reader: RoundReader;
  private readonly pool: TxPool;
  private readonly consensusSync: ConsensusSync;
  private readonly keyManagerUpdates: KeyManagerUpdates;
  private readonly executor: Executor | undefined;
  private readonly components: Components;
  private readonly rounds = new EventHub<RoundReport>();
  private readonly cuts = new EventHub<BatchCut>();
  private topic: JoinedTopic | undefined;
  private ends: (() => void)[] = [];
  /** Rounds over which there was a dispute. */
  private readonly disputed = new Set<bigint>();
  private dispatched: bigint | undefined;

  constructor(private readonly options: RuntimeWorkerOptions) {
    const { runtimeId, world, backend, p2p, disk, signer } = options;
    const { clock } = world;
    const log = world.log.child(`runtime ${toHex(runtimeId).slice(-8)}`);
    this.log = log;
    this.storage = new RuntimeStorage({
      runtimeId,
      backend,
      p2p,
      disk,
      clock,
      log,
      // Others ask clients about any round, and nobody else.
      use: options.executor === undefined || options.publicStorage === true ? "look-up" : "follow",
      serves: options.executor !== undefined,
      retention: options.retention,
      public: options.publicStorage,
      vouching: options.vouching && { signer, ...options.vouching },
      happened: (events) => this.happened(events),
      synced: (block) => this.synced(block),
    });
    const { db, history } = this.storage;
    this.reader = new RoundReader(db);
    this.versioned = this.hostVersions();
    this.host = this.versioned;
    this.deployments = new DeploymentFollower(backend, this.versioned);
    this.consensusSync = new ConsensusSync(backend, this.host, clock, log, () => options.versionsChanged?.());
    const told = { host: this.host, ronl: this.host };
    this.keyManagerUpdates = new KeyManagerUpdates({ ...told, runtimeId, backend, clock, log });
    this.pool = new TxPool({
      host: this.host,
      clock,
      log: log.child("txpool"),
      publish: (raw) => this.publish(raw),
      checked: () => this.executor?.look(),
      ...(options.pool === undefined ? {} : { limits: options.pool }),
    });
    const common = { runtimeId, backend, p2p, host: this.host, pool: this.pool, db, signer, disk, clock };
    if (options.executor !== undefined) {
      const { submitter, conduct } = options.executor;
      const cut = (batch: BatchCut): void => this.cuts.publish(batch);
      this.executor = new Executor({ ...common, submitter, conduct, log: log.child("executor"), cut });
    }
    const component = (name: string): RuntimeHost | undefined => this.components.host(name);
    this.client = new RuntimeClient({ ...common, history, reader: this.reader, component });
    const { client, host: ronl, reader } = this;
    const beside = { runtimeId, backend, environment: this.environment(), client, reader, ronl, signer, clock, log };
    this.components = new Components(options.components ?? [], beside);
  }

  private environment(): HostEnvironment {
    const { runtimeId, backend, disk, signer, consensusReader } = this.options;
    return {
      nodeId: signer.publicKey,
      localStorage: new DiskLocalStorage(disk, runtimeId),
      runtimeTrees: new NodeDbSyncer(this.storage.db),
      consensusTrees: new NodeDbSyncer(backend.app.stateDb),
      fetchTransactions: (limit) => this.pool.more(limit),
      ...(consensusReader === undefined ? {} : { consensus: consensusReader }),
    };
  }

  private hostVersions(): VersionedHost {
    const { runtimeId, world, backend, provision, versionsChanged } = this.options;
    const { db } = this.storage;
    const log = this.log.child("host");
    const site: Omit<HostSite, "deployment"> = {
      runtimeId,
      chainContext: backend.app.chainContext,
      environment: this.environment(),
      port: { openTree: (root) => new Tree({ db, root }) },
      clock: world.clock,
      log,
    };
    const hostOf = (deployment: HostSite["deployment"]): RuntimeHost | undefined => provision({ ...site, deployment });
    return new VersionedHost({ runtimeId, provision: hostOf, log }, versionsChanged);
  }

  /** Versions of the runtime that this node can serve, now or once they are in force. */
  get versions(): readonly Version[] {
    return this.versioned.versions;
  }

  /** Why the version in force does not run, if its latest start failed. */
  get trouble(): StartTrouble | undefined {
    return this.versioned.trouble;
  }

  /** Whether the node serves in committees of the runtime. */
  get executes(): boolean {
    return this.executor !== undefined;
  }

  /** Blocks of the runtime. */
  get history(): BlockHistory {
    return this.storage.history;
  }

  /**
   * Whether the node can serve: its runtime runs, and it has most of the rounds. For committees the runtime must pick
   * transactions itself and have followed the chain, too, or the node would be elected in vain and pay for it.
   */
  get isAvailable(): boolean {
    const { host, executor, consensusSync, storage } = this;
    if (host.info === undefined || !storage.isAvailable) return false;
    return executor === undefined || (host.info.features.scheduleControl !== undefined && consensusSync.isDone);
  }

  get status(): RuntimeStatus {
    return {
      latestRound: this.history.lastRound,
      syncedRound: this.history.lastSyncedRound,
      membership: this.executor?.membership ?? "none",
      version: this.host.info?.runtimeVersion,
      pendingTransactions: this.pool.size,
    };
  }

  /** Looks again for the versions that are wanted: there are programs that were not there before. */
  programsArrived(): void {
    this.deployments.look();
  }

  /** Rounds from now on that ended normally or failed. */
  watchRounds(): Subscription<RoundReport> {
    return this.rounds.subscribe();
  }

  /** Batches from now on that this node as a scheduler has made smaller, so that storage nodes take them. */
  watchCuts(): Subscription<BatchCut> {
    return this.cuts.subscribe();
  }

  /** Resolves when the runtime runs and the chain has been caught up with. */
  async start(): Promise<void> {
    const { runtimeId, backend, p2p } = this.options;
    const { chainContext } = backend.app;
    this.deployments.start();
    await this.versioned.start();
    this.consensusSync.start();
    this.keyManagerUpdates.start();
    this.topic = p2p.join(topicId(chainContext, "tx", runtimeId), (data) => this.receive(data));
    this.ends.push(serveTransactions(p2p, chainContext, runtimeId, (txHash) => this.pool.get(txHash)));
    await this.storage.start();
    this.components.start();
    const latest = this.history.block(ROUND_LATEST);
    if (latest !== undefined && this.dispatched === undefined) this.dispatch(latest);
  }

  async stop(): Promise<void> {
    this.topic?.leave();
    for (const end of this.ends.splice(0)) end();
    this.deployments.stop();
    await this.components.stop();
    await this.storage.stop();
    await this.executor?.stop();
    // Whoever waits for the runtime need not wait any longer.
    await this.host.stop();
    await Promise.all([this.consensusSync.stop(), this.keyManagerUpdates.stop()]);
    await this.pool.stop();
    this.client.close();
    this.rounds.close();
    this.cuts.close();
    this.storage.close();
  }

  private publish(raw: Uint8Array): void {
    try {
      this.topic?.publish(Gossiped.encode(raw));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.log.warn("transaction was not gossiped", { error: error.message });
    }
  }

  private receive(data: Uint8Array): Verdict {
    try {
      return this.pool.offer(Gossiped.decode(data, "rpc")) ? "accept" : "ignore";
    } catch (error) {
      if (error instanceof DecodeError || txPoolErrors.empty.is(error) || txPoolErrors.tooLarge.is(error)) {
        return "reject";
      }
      if (error instanceof CodedError) return "ignore";
      throw error;
    }
  }

  private happened(events: readonly Event[]): void {
    for (const { executionDiscrepancyDetected } of events) {
      if (executionDiscrepancyDetected !== undefined) this.disputed.add(executionDiscrepancyDetected.round);
    }
    this.executor?.happened(events);
  }

  /** The trees of a round are here and final. */
  private synced(block: RecordedBlock): void {
    const { header } = block;
    const transactions = equalBytes(header.ioRoot, EMPTY_HASH) ? [] : this.reader.transactions(header);
    this.pool.used(transactions.map((tx) => tx.hash));
    // On a node that is behind, nothing is begun on rounds that are over already.
    if (header.round === this.history.lastRound) this.dispatch(block);
    this.client.finalized(block, transactions);
    this.report(block, transactions.length);
  }

  private dispatch({ height, header }: RecordedBlock): void {
    const dispatch = dispatchAt(this.options.backend, this.options.runtimeId, height);
    if (dispatch === undefined || dispatch.header.round !== header.round) return;
    this.dispatched = header.round;
    this.pool.update(dispatch);
    this.executor?.begin(dispatch);
  }

  private report({ height, header }: RecordedBlock, transactions: number): void {
    const { round, headerType } = header;
    const disputed = this.disputed.has(round);
    for (const old of this.disputed) if (old <= round) this.disputed.delete(old);
    if (headerType !== HEADER_NORMAL && headerType !== HEADER_ROUND_FAILED) return;
    const finalizedBy: FinalizedBy = headerType === HEADER_ROUND_FAILED ? "timeout" : disputed ? "backup" : "workers";
    this.rounds.publish({ round, height, transactions, finalizedBy });
  }
}
