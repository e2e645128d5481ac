import type { Signer } from "#common/crypto/signature.js";
import type { Disk } from "#common/ports/disk.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import { getRuntimeState, lastBlockOf, runtimeOf } from "#consensus/services/roothash/state.js";
import type { Event, RuntimeState } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { P2pHost } from "#p2p/host.js";
import { BlockHistory, type RecordedBlock, ROUND_LATEST } from "#runtime/history/block-history.js";
import { ChainFollower } from "./chain-follower.js";
import type { TransactionSubmitter } from "./options.js";
import { RoundCheckpoints } from "./storage/checkpoint-store.js";
import { CheckpointSync } from "./storage/checkpoint-sync.js";
import { type CheckpointWishes, RoundCheckpointer } from "./storage/checkpointer.js";
import { DiffFetcher } from "./storage/diff-fetcher.js";
import { ChallengeResponder } from "./storage/challenges/responder.js";
import { ReceiptIssuer } from "./storage/receipts/issuer.js";
import { PublicStorage } from "./storage/public-storage.js";
import { RoundPruner, type RoundRetention } from "./storage/round-pruner.js";
import { RoundSync } from "./storage/round-sync.js";
import type { StorageWorkerStatus } from "./storage/rpc.js";
import { openRuntimeDb, type TreeUse } from "./storage/runtime-db.js";
import { serveStorage } from "./storage/serve.js";

/** A node offers its services from less than so many missing rounds on, until it misses more than so many. */
const AVAILABLE_BELOW = 10n;
const UNAVAILABLE_ABOVE = 15n;

/** Rounds that are looked through for the one of a height; an older one is of no use any more. */
const MOST_STEPS = 256;

export interface RuntimeStorageOptions {
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  readonly backend: Backend;
  readonly p2p: P2pHost;
  /** The node's own disk: block history and trees of the runtime are tables of it. */
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** What the node does with the trees. */
  readonly use: TreeUse;
  /** Whether others may fetch rounds from this node. */
  readonly serves: boolean;
  /** Which rounds are kept; all when absent. */
  readonly retention?: RoundRetention | undefined;
  /** Whether everybody may read trees with proofs, for which nodes have a role of their own. */
  readonly public?: boolean | undefined;
  /** Present on storage nodes: they give receipts for what executors want kept, and prove it when they are challenged. */
  readonly vouching?: { readonly signer: Signer; readonly submitter: TransactionSubmitter } | undefined;
  /** Told of what happened to the runtime in a consensus block, one block after the other. */
  readonly happened: (events: readonly Event[]) => void;
  /** Told of every round whose trees are here and final, in order. */
  readonly synced: (block: RecordedBlock) => void;
}

/** Rounds of one runtime on one node: records its blocks as the chain makes them, keeps their trees, serves them. */
export class RuntimeStorage {
  readonly db: NodeDb;
  readonly history: BlockHistory;
  /** Checkpoints of rounds that are kept here for others. */
  readonly checkpoints: RoundCheckpoints;
  readonly checkpointer: RoundCheckpointer;
  /** Reads trees that are not here from peers. */
  readonly peers: PublicStorage;
  private readonly follower: ChainFollower;
  private readonly sync: RoundSync;
  private readonly pruner: RoundPruner | undefined;
  private readonly responder: ChallengeResponder | undefined;
  private available = true;
  private ends: (() => void)[] = [];

  constructor(private readonly options: RuntimeStorageOptions) {
    const { runtimeId, backend, p2p, disk, clock, log } = options;
    this.peers = new PublicStorage(p2p, backend.app.chainContext, log.child("public storage"));
    this.db = openRuntimeDb(disk, runtimeId, options.use);
    const history = new BlockHistory(disk, runtimeId, { honorSync: true });
    this.history = history;
    this.checkpoints = new RoundCheckpoints(disk, runtimeId);
    this.checkpointer = new RoundCheckpointer({
      db: this.db,
      checkpoints: this.checkpoints,
      clock,
      log: log.child("checkpointer"),
      wishes: () => this.checkpointWishes(),
      besides: () => this.roundOfChainCheckpoint(),
      header: (round) => history.recordedBlock(round)?.header,
    });
    this.sync = this.makeSync();
    this.pruner = this.makePruner();
    this.responder = this.makeResponder();
    const recorded = (): void => this.sync.wake();
    const happened = (events: readonly Event[]): void => this.happened(events);
    const following = log.child("follower");
    this.follower = new ChainFollower({ backend, history, clock, log: following, happened, recorded });
  }

  private makeSync(): RoundSync {
    const { backend, p2p, clock, log } = this.options;
    const { db, history, checkpoints } = this;
    const { chainContext } = backend.app;
    const storageLog = log.child("storage");
    const common = { db, history, clock, log: storageLog };
    return new RoundSync({
      ...common,
      fetcher: new DiffFetcher(p2p, chainContext, storageLog),
      checkpoints: new CheckpointSync({ ...common, p2p, chainContext, checkpoints }),
      genesis: () => this.runtimeState?.genesisBlock?.header,
      synced: (block) => this.synced(block),
      begun: () => this.checkpointer.start(),
    });
  }

  private makePruner(): RoundPruner | undefined {
    const { retention, clock, log } = this.options;
    const { db, history } = this;
    const needed = (): bigint | undefined => this.neededRound();
    const pruning = log.child("pruner");
    return retention && new RoundPruner({ db, history, clock, log: pruning, retention, needed });
  }

  private makeResponder(): ChallengeResponder | undefined {
    const { runtimeId, backend, clock, log, vouching } = this.options;
    if (vouching === undefined) return undefined;
    const state = (): KeyValueReader => backend.stateAt(0n);
    const common = { runtimeId, state, db: this.db, clock, submitter: vouching.submitter };
    return new ChallengeResponder({ ...common, nodeId: vouching.signer.publicKey, log: log.child("challenges") });
  }

  private happened(events: readonly Event[]): void {
    if (events.some(({ storageChallengeDrawn }) => storageChallengeDrawn !== undefined)) this.responder?.wake();
    this.options.happened(events);
  }

  /**
   * What must not be pruned: the round that is made a checkpoint of, what follows the latest one, since whoever restores
   * that one asks for the rounds after it, and rounds that a storage node may be challenged for.
   */
  private neededRound(): bigint | undefined {
    const [restored, vouched] = [this.neededForCheckpoints(), this.vouchedRound()];
    return restored === undefined || (vouched !== undefined && vouched < restored) ? vouched : restored;
  }

  /** The first round that this node may have to prove that it has, now or at the end of the time for an answer. */
  private vouchedRound(): bigint | undefined {
    const state = this.options.vouching === undefined ? undefined : this.runtimeState;
    const rules = state === undefined ? undefined : runtimeOf(state).storage.committee?.challenge;
    if (state === undefined || rules === undefined) return undefined;
    const first = lastBlockOf(state).header.round - rules.maxAgeRounds - rules.responseBlocks;
    return first > 0n ? first : 0n;
  }

  private neededForCheckpoints(): bigint | undefined {
    const { checkpoints, checkpointer } = this;
    const regular = (this.checkpointWishes()?.interval ?? 0n) > 0n;
    const latest = regular ? checkpoints.rounds().at(-1) : undefined;
    const { working } = checkpointer;
    return working !== undefined && (latest === undefined || working < latest) ? working : latest;
  }

  private get runtimeState(): RuntimeState | undefined {
    const { backend, runtimeId } = this.options;
    return getRuntimeState(backend.stateAt(0n), runtimeId);
  }

  private checkpointWishes(): CheckpointWishes | undefined {
    const state = this.runtimeState;
    if (state === undefined || state.genesisBlock === null) return undefined;
    const { checkpointInterval, checkpointNumKept, checkpointChunkSize } = runtimeOf(state).storage;
    return {
      interval: checkpointInterval,
      numKept: checkpointNumKept,
      chunkSize: checkpointChunkSize,
      initialVersion: state.genesisBlock.header.round,
    };
  }

  /**
   * The runtime's round in the latest checkpoint of the chain, i.e. in the block after its height: a node that begins
   * with that finds the right checkpoint of the runtime too (node workers: storage worker).
   */
  private roundOfChainCheckpoint(): bigint | undefined {
    const { history } = this;
    const version = this.options.backend.checkpoints.versions().at(-1);
    const last = history.lastSyncedRound;
    // As long as no later round is here, one that belongs to that height may still come.
    if (version === undefined || last === undefined || history.lastHeight <= version + 1n) return undefined;
    for (let round = last, steps = 0; round >= 0n && steps < MOST_STEPS; round--, steps++) {
      const block = history.recordedBlock(round);
      if (block === undefined) return undefined;
      if (block.height <= version + 1n) return round;
    }
    return undefined;
  }

  private synced(block: RecordedBlock): void {
    this.options.synced(block);
    this.checkpointer.wake();
  }

  /** What storage is doing and how far it is. */
  get status(): StorageWorkerStatus {
    return { status: this.sync.status, lastFinalizedRound: this.history.lastSyncedRound ?? ROUND_LATEST };
  }

  /** Whether the node has most of the rounds that the chain has (node workers: storage worker). */
  get isAvailable(): boolean {
    const { lastRound, lastSyncedRound } = this.history;
    const missing = (lastRound ?? -1n) - (lastSyncedRound ?? -1n);
    this.available = this.available ? missing <= UNAVAILABLE_ABOVE : missing < AVAILABLE_BELOW;
    return this.available;
  }

  /** Resolves when the blocks of the chain are recorded; missing trees may still be on their way. */
  async start(): Promise<void> {
    const { runtimeId, backend, p2p, disk, serves, public: all, vouching, log } = this.options;
    const { db, checkpoints } = this;
    const { chainContext } = backend.app;
    if (serves) this.ends.push(serveStorage({ p2p, chainContext, runtimeId, db, checkpoints, public: all === true }));
    if (vouching !== undefined) {
      const { signer } = vouching;
      const state = (): KeyValueReader => backend.stateAt(0n);
      const common = { runtimeId, chainContext, state, p2p, disk, db, signer };
      this.ends.push(new ReceiptIssuer({ ...common, log: log.child("receipts") }).serve());
    }
    await this.follower.start();
    // Only now it is known how much is missing.
    this.sync.start();
    this.pruner?.start();
    this.responder?.wake();
  }

  /** Serves and follows no more; what is here can still be read. */
  async stop(): Promise<void> {
    for (const end of this.ends.splice(0)) end();
    this.checkpointer.stop();
    await this.pruner?.stop();
    await this.responder?.stop();
    await this.follower.stop();
    await this.sync.stop();
  }

  /** Lets go of the disk, after `stop`. */
  close(): void {
    this.history.close();
    this.db.close();
  }
}
