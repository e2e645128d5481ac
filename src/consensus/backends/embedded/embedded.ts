import { binaryText, toHex } from "#common/bytes.js";
import { Fault, unknown } from "#common/errors/index.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Disk } from "#common/ports/disk.js";
import type { Log } from "#common/ports/log.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Application } from "../../app/app.js";
import type { BlockInput, BlockOutcome } from "../../app/block-run.js";
import { type Evicted, Mempool, type MempoolLimits } from "../mempool.js";
import { type BlockId, consensusAddress } from "../../block/block-id.js";
import { Block, blockIdOf, EvidenceList } from "../../block/block.js";
import { BlockIdFlag, type Commit } from "../../block/commit.js";
import type { BlockParams, EvidenceParams } from "../../block/params.js";
import { compareTimestamps, type Timestamp, timestampFromNanos, timestampToNanos } from "../../block/timestamp.js";
import type { ValidatorSet } from "../../block/validator.js";
import { applyValidatorUpdates, newValidatorSet, proposerOfRound, rotateProposer } from "../../block/validator-set.js";
import type { ValidatorUpdate } from "../../transaction/results.js";
import { BLOCK_METADATA_MAX_SIZE, transactionHash } from "../../transaction/transaction.js";
import type { Backend, CommittedBlock, SubmissionOutcome } from "../backend.js";
import { Checkpointer } from "../../checkpoints/checkpointer.js";
import type { CheckpointStore } from "../../checkpoints/store.js";
import { misbehaviorIn } from "../../app/misbehavior.js";
import { BlockStore, type HeightRecord } from "./block-store.js";
import { buildBlock, NOTHING_BEFORE, type Previous, signCommit } from "./build-block.js";
import { EvidencePool } from "./evidence-pool.js";
import { Pruner } from "./pruner.js";

/** How an embedded backend is put together. */
export interface EmbeddedOptions {
  readonly app: Application;
  /** The disk that also holds the application's state, so that a block and its effects are one batch. */
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** The engine's first validator set. */
  readonly genesisValidators: readonly ValidatorUpdate[];
  readonly genesisTime: Timestamp;
  readonly blockParams: BlockParams;
  readonly evidenceParams?: EvidenceParams;
  /** Consensus keys of the validators that run in this process. */
  readonly signers: readonly Signer[];
  readonly pace: Pace;
  /** Asked after each block made on demand: whether the next one should come soon though no transaction waits. */
  readonly isDue?: () => boolean;
  readonly mempool?: MempoolLimits;
  /** Heights kept before the latest, at least 1; all when undefined. */
  readonly keep?: number | undefined;
}

/** When blocks are made, in milliseconds. */
export interface Pace {
  /** A fixed time between blocks; undefined makes a block as soon as there is something to do. */
  readonly intervalMs?: number | undefined;
  /** Longest time without a block when blocks are made on demand. */
  readonly idleMs: number;
  /** How long the first transaction waits for company when blocks are made on demand. */
  readonly gatherMs: number;
}

/**
 * On demand, else every second: a little more, so that what runtimes flush after one second of quiet shares the block
 * instead of causing another one right behind it.
 */
export const DEFAULT_PACE: Pace = { idleMs: 1040, gatherMs: 4 };

const MAX_ROUNDS = 1000;
const NANOS_PER_MS = 1_000_000n;
/** Room that header, last commit and encoding of a block take besides its transactions, with 100 bytes a vote more. */
const BLOCK_OVERHEAD = 2048;
const COMMIT_SIG_SIZE = 128;

/**
 * The backend without a consensus engine: blocks in CometBFT's format, made in process and signed by every validator
 * key that the process holds (consensus: CometBFT).
 */
export class EmbeddedBackend implements Backend {
  readonly app: Application;
  readonly failed: Promise<Error>;
  private readonly store: BlockStore;
  private readonly pool: Mempool;
  private readonly evidence: EvidencePool;
  private readonly pruner: Pruner;
  private readonly checkpointer: Checkpointer;
  private readonly chainId: string;
  private readonly signers = new Map<string, Signer>();
  private readonly listeners = new Set<(block: CommittedBlock) => void>();
  private readonly waiting = new Map<string, ((outcome: SubmissionOutcome) => void)[]>();
  private fail: (error: Error) => void = () => undefined;
  private previous: Previous = NOTHING_BEFORE;
  private validatorSet: ValidatorSet;
  private nextValidatorSet: ValidatorSet;
  private timer: Timer | undefined;
  private urgent = false;
  private running = false;

  constructor(private readonly options: EmbeddedOptions) {
    this.app = options.app;
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
    this.store = new BlockStore(options.disk);
    this.pool = new Mempool(options.app, options.mempool);
    const { app, disk, clock, keep } = options;
    const failed = (error: unknown): void => this.halt(error);
    this.pruner = new Pruner({ app, store: this.store, disk, clock, keep, failed });
    const finished = (): void => this.pruner.wake();
    this.checkpointer = new Checkpointer({ app, disk, clock, log: options.log, finished, failed });
    this.pruner.hold(() => this.checkpointer.working);
    this.chainId = options.app.chainContext.slice(0, 50);
    this.evidence = new EvidencePool(disk, this.store, this.chainId, options.evidenceParams);
    for (const signer of options.signers) this.signers.set(toHex(consensusAddress(signer.publicKey)), signer);
    const height = this.store.latestHeight;
    if (height !== this.app.height) {
      throw new Fault(`block store is at height ${height}, the state at ${this.app.height}`);
    }
    if (height === 0n) {
      this.validatorSet = newValidatorSet(options.genesisValidators);
      this.nextValidatorSet = rotateProposer(this.validatorSet, 1);
    } else {
      const { blockId, commit, outcome } = this.store.load(height);
      this.previous = { blockId, commit, results: outcome.results };
      this.validatorSet = this.loadValidators(height + 1n);
      this.nextValidatorSet = this.loadValidators(height + 2n);
    }
  }

  private loadValidators(height: bigint): ValidatorSet {
    const set = this.store.validators(height);
    if (set === undefined) throw new Fault(`block store: validators of height ${height} are missing`);
    return set;
  }

  get latestHeight(): bigint {
    return this.app.height;
  }

  get earliestHeight(): bigint {
    return this.store.earliestHeight;
  }

  block(height: bigint): Block | undefined {
    return this.store.block(height);
  }

  blockId(height: bigint): BlockId | undefined {
    return this.store.blockId(height);
  }

  commit(height: bigint): Commit | undefined {
    return this.store.commit(height);
  }

  results(height: bigint): BlockOutcome | undefined {
    return this.store.outcome(height);
  }

  validators(height: bigint): ValidatorSet | undefined {
    if (height === this.nextHeight) return this.validatorSet;
    return this.store.validators(height);
  }

  stateAt(height: bigint): KeyValueReader {
    return this.app.stateAt(height);
  }

  unconfirmed(): Uint8Array[] {
    return this.pool.list();
  }

  submit(raw: Uint8Array): void {
    this.admit(raw);
  }

  /** Takes a transaction into the pool and returns its hash. */
  private admit(raw: Uint8Array): Uint8Array {
    const { hash, displaced } = this.pool.add(raw);
    this.reject(displaced);
    this.wake();
    return hash;
  }

  submitEvidence(encoded: Uint8Array): void {
    if (this.evidence.add(encoded)) this.wake();
  }

  submitAndWait(raw: Uint8Array): Promise<SubmissionOutcome> {
    const id = binaryText(this.admit(raw));
    return new Promise((resolve) => {
      const list = this.waiting.get(id) ?? [];
      list.push(resolve);
      this.waiting.set(id, list);
    });
  }

  hold(needed: () => bigint | undefined): () => void {
    return this.pruner.hold(needed);
  }

  get checkpoints(): CheckpointStore {
    return this.checkpointer.store;
  }

  onBlock(listener: (block: CommittedBlock) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async start(): Promise<void> {
    this.running = true;
    this.maintain();
    this.arm(this.options.pace.intervalMs ?? 0);
  }

  async stop(): Promise<void> {
    this.running = false;
    this.timer?.cancel();
    this.timer = undefined;
    this.pruner.stop();
    this.checkpointer.stop();
    // Nobody may wait for a block that is never made.
    const outcome = { rejected: unknown("consensus: stopped before the transaction was in a block") };
    for (const waiting of this.waiting.values()) for (const resolve of waiting) resolve(outcome);
    this.waiting.clear();
  }

  /** Makes blocks back to back until the condition holds, without waiting for transactions. */
  async produceUntil(done: () => boolean, between: () => Promise<void>): Promise<void> {
    while (!done()) {
      this.produce();
      await between();
    }
  }

  private arm(ms: number): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(ms, () => this.tick());
  }

  /** A transaction came in: on demand, the next block comes after the gathering time. */
  private wake(): void {
    if (!this.running || this.urgent || this.options.pace.intervalMs !== undefined) return;
    this.urgent = true;
    this.arm(this.options.pace.gatherMs);
  }

  private tick(): void {
    this.timer = undefined;
    if (!this.running) return;
    try {
      this.produce();
    } catch (error) {
      this.halt(error);
      return;
    }
    const { intervalMs, idleMs, gatherMs } = this.options.pace;
    this.urgent = intervalMs === undefined && (this.pool.size > 0 || this.options.isDue?.() === true);
    this.arm(intervalMs ?? (this.urgent ? gatherMs : idleMs));
  }

  private halt(error: unknown): void {
    this.running = false;
    this.options.log.error("block production stopped", { error: String(error), height: this.nextHeight });
    this.fail(error instanceof Error ? error : new Fault(String(error)));
  }

  /** Work on old heights, which goes on between blocks. The checkpoint comes first: its state must not be pruned. */
  private maintain(): void {
    this.checkpointer.wake();
    this.pruner.wake();
  }

  private get nextHeight(): bigint {
    return this.app.height === 0n ? this.app.initialHeight : this.app.height + 1n;
  }

  private signerOf = (address: Uint8Array): Signer | undefined => this.signers.get(toHex(address));

  /** The first round whose proposer is a validator of this process. */
  private ownRound(): { round: number; proposer: Signer; address: Uint8Array } {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const { address } = proposerOfRound(this.validatorSet, round);
      const proposer = this.signerOf(address);
      if (proposer !== undefined) return { round, proposer, address };
    }
    throw new Fault("no validator of this process can propose a block");
  }

  /** Time of the next block: the median of the votes for the last one, which all carry the same time. */
  private nextTime(): Timestamp {
    const vote = this.previous.commit.signatures.find((s) => s.blockIdFlag === BlockIdFlag.commit);
    return vote?.timestamp ?? this.options.genesisTime;
  }

  private voteTime(blockTime: Timestamp): Timestamp {
    const now = timestampFromNanos(BigInt(Math.floor(this.options.clock.nowMs())) * NANOS_PER_MS);
    const earliest = timestampFromNanos(timestampToNanos(blockTime) + NANOS_PER_MS);
    return compareTimestamps(now, earliest) > 0 ? now : earliest;
  }

  private lastCommitVotes(height: bigint): BlockInput["lastCommit"] {
    const previousSet = this.store.validators(height - 1n);
    if (previousSet === undefined) return [];
    return previousSet.validators.map(({ address }, i) => ({
      address,
      signed: this.previous.commit.signatures[i]?.blockIdFlag !== BlockIdFlag.absent,
    }));
  }

  private get roomForTransactions(): number {
    const votes = this.validatorSet.validators.length * COMMIT_SIG_SIZE;
    return Number(this.options.blockParams.maxBytes) - BLOCK_OVERHEAD - votes - BLOCK_METADATA_MAX_SIZE;
  }

  /** Makes, signs and commits one block. */
  private produce(): void {
    const height = this.nextHeight;
    const { round, proposer, address } = this.ownRound();
    const time = this.nextTime();
    const lastCommit = this.lastCommitVotes(height);
    const evidence = this.evidence.pending();
    const misbehavior = misbehaviorIn(evidence);
    const input: BlockInput = { height, time, proposerAddress: address, lastCommit, misbehavior };
    const room = this.roomForTransactions - EvidenceList.encode({ evidence }).length;
    const appHash = this.app.appHash;
    const txs = this.app.propose(input, this.pool.candidates(room), room, proposer);
    const outcome = this.app.execute(input, txs);
    const plan = {
      chainId: this.chainId,
      input,
      previous: this.previous,
      validators: this.validatorSet,
      nextValidators: this.nextValidatorSet,
      params: this.options.blockParams,
      evidence,
      appHash,
    };
    const block = buildBlock(plan, txs);
    const encoded = Block.encode(block);
    const blockId = blockIdOf(block, encoded);
    const timestamp = this.voteTime(time);
    const commit = signCommit(this.chainId, height, round, blockId, this.validatorSet, this.signerOf, timestamp);
    this.persist(height, { block, blockId, commit, outcome }, encoded);
    this.announce({ height, block, blockId, outcome });
  }

  private persist(height: bigint, record: HeightRecord, encoded: Uint8Array): void {
    const { outcome, blockId, commit } = record;
    // Updates of this height take effect two heights later.
    const changed = applyValidatorUpdates(this.nextValidatorSet, outcome.validatorUpdates);
    const afterNext = rotateProposer(changed, 1);
    this.options.disk.batch(() => {
      this.app.commit();
      this.store.put(height, record, encoded);
      this.evidence.committed(record.block.evidence.evidence);
      if (this.store.validators(height) === undefined) this.store.putValidators(height, this.validatorSet);
      this.store.putValidators(height + 1n, this.nextValidatorSet);
      this.store.putValidators(height + 2n, afterNext);
    });
    this.previous = { blockId, commit, results: outcome.results };
    this.validatorSet = this.nextValidatorSet;
    this.nextValidatorSet = afterNext;
  }

  private announce(committed: CommittedBlock): void {
    const { block, outcome, height } = committed;
    const included = block.data.txs.map((raw, index) => {
      const { code = 0, codespace = "", log = "" } = outcome.results[index] ?? {};
      return { hash: transactionHash(raw), index, code, codespace, log };
    });
    const evicted = this.pool.afterBlock(included.map(({ hash, code }) => ({ hash, succeeded: code === 0 })));
    for (const { hash, ...inclusion } of included) this.settle(hash, { included: { height, ...inclusion } });
    this.reject(evicted);
    for (const listener of Array.from(this.listeners)) listener(committed);
    this.maintain();
  }

  private reject(evicted: readonly Evicted[]): void {
    for (const { hash, error } of evicted) this.settle(hash, { rejected: error });
  }

  private settle(hash: Uint8Array, outcome: SubmissionOutcome): void {
    const id = binaryText(hash);
    const list = this.waiting.get(id);
    if (list === undefined) return;
    this.waiting.delete(id);
    for (const resolve of list) resolve(outcome);
  }
}
