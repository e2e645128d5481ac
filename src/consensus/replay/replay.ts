import { equalBytes, toHex } from "#common/bytes.js";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import type { Disk } from "#common/ports/disk.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { Application } from "../app/app.js";
import type { BlockInput, BlockOutcome } from "../app/block-run.js";
import type { CommitVote, DebugSwitches } from "../app/context.js";
import { misbehaviorIn } from "../app/misbehavior.js";
import { STATE_NAMESPACE } from "../app/state-root.js";
import { InvalidBlock } from "../app/system-tx.js";
import { StopForUpgrade } from "../app/upgrade.js";
import { BlockStore } from "../backends/embedded/block-store.js";
import { type BlockId, equalBlockIds, ZERO_BLOCK_ID } from "../block/block-id.js";
import { type Block, blockIdOf, checkBlock } from "../block/block.js";
import { BlockIdFlag } from "../block/commit.js";
import { type BlockParams, consensusParamsHash } from "../block/params.js";
import { lastResultsHash } from "../block/results.js";
import { compareTimestamps } from "../block/timestamp.js";
import { findValidator, validatorSetHash, type ValidatorSet } from "../block/validator.js";
import { applyValidatorUpdates, newValidatorSet, rotateProposer } from "../block/validator-set.js";
import { VerificationError } from "../block/verification-error.js";
import { medianTime, verifyCommit } from "../block/verify-commit.js";
import { engineChainId, type GenesisDocument } from "../genesis/document.js";
import { engineBlockParams, genesisInput } from "../genesis/start.js";
import type { UpgradeDescriptor } from "../services/governance/types.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "../services/index.js";
import { UpgradeManager } from "../services/upgrades/index.js";
import { compareOutcome } from "./compare.js";
import { ReplayDifference, stateChanges } from "./difference.js";
import { readHeight, type RecordedHeight } from "./recording.js";
import { RecordingTally } from "./tally.js";

/** Flags under which the recordings were made. */
export const RECORDING_FLAGS: DebugSwitches = { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true };

/** How a recording is replayed. */
export interface ReplayOptions {
  /** Upgrades that the recorded nodes were told about outside the chain. */
  readonly upgrades?: readonly UpgradeDescriptor[];
  /** Keeps blocks and states; a replay on a disk that already has some goes on after them. */
  readonly disk?: Disk | undefined;
  /** Whether the signatures of all commits and the block times that follow from them are verified. */
  readonly verifyCommits?: boolean;
}

/** What replaying one height gave. */
export interface ReplayStep {
  readonly height: bigint;
  readonly transactions: number;
  /** The height was on the disk already: nothing was executed. */
  readonly skipped: boolean;
}

/** What the next block has to refer to. */
interface Tip {
  readonly blockId: BlockId;
  readonly resultsHash: Uint8Array;
  readonly previousSet: ValidatorSet | undefined;
  readonly currentSet: ValidatorSet;
  readonly nextSet: ValidatorSet;
}

/** Replays a recorded chain block by block and compares all that was recorded of each. */
export class Replay {
  readonly app: Application;
  /** What was counted of all heights that were given, those included that were on the disk already. */
  readonly tally = new RecordingTally();
  private readonly chainId: string;
  private readonly blockParams: BlockParams;
  private readonly store: BlockStore | undefined;
  private tip: Tip;

  /** @throws InvalidInput, CodedError when the document cannot be started */
  constructor(
    document: GenesisDocument,
    private readonly options: ReplayOptions = {},
  ) {
    const { disk, upgrades } = options;
    const genesis = genesisInput(document);
    const upgrader = new UpgradeManager(disk?.openTable("upgrades"));
    this.store = disk === undefined ? undefined : new BlockStore(disk);
    const db =
      disk === undefined
        ? new MemoryNodeDb(STATE_NAMESPACE)
        : new DiskNodeDb({ disk, name: "state", namespace: STATE_NAMESPACE });
    this.app = new Application({
      services: EXECUTION_ORDER,
      subscriptionOrder: SUBSCRIPTION_ORDER,
      db,
      genesis,
      debug: RECORDING_FLAGS,
      upgrader,
    });
    this.chainId = engineChainId(genesis.chainContext);
    this.blockParams = engineBlockParams(document);
    if (this.app.height === 0n) {
      for (const upgrade of upgrades ?? []) upgrader.submit(upgrade);
      const currentSet = newValidatorSet(genesis.validators);
      const nextSet = rotateProposer(currentSet, 1);
      const resultsHash = lastResultsHash([]);
      this.tip = { blockId: ZERO_BLOCK_ID, resultsHash, previousSet: undefined, currentSet, nextSet };
    } else this.tip = this.storedTip(this.app.height);
  }

  private storedTip(height: bigint): Tip {
    const record = this.store?.load(height);
    const [previousSet, currentSet, nextSet] = [0n, 1n, 2n].map((n) => this.store?.validators(height + n));
    if (record === undefined || currentSet === undefined || nextSet === undefined) {
      throw new InvalidInput("data", `records of height ${height} are incomplete`);
    }
    const resultsHash = lastResultsHash(record.outcome.results);
    return { blockId: record.blockId, resultsHash, previousSet, currentSet, nextSet };
  }

  private get nextHeight(): bigint {
    return this.app.height === 0n ? this.app.initialHeight : this.app.height + 1n;
  }

  /**
   * Executes one recorded height and compares everything that was recorded of it.
   * @param line one line of `blocks.jsonl`
   * @throws ReplayDifference at the first difference, also for a line that cannot be read
   */
  step(line: string): ReplayStep {
    const record = this.read(line);
    const { height, block } = record;
    const transactions = block.data.txs.length;
    if (height < this.nextHeight) {
      this.tally.add(record);
      return { height, transactions, skipped: true };
    }
    const blockId = this.check(record);
    const outcome = this.execute(record);
    compareOutcome(record, outcome);
    this.same(height, "app hash after the block", record.appHash, outcome.appHash);
    this.commit(record, blockId, outcome);
    this.tally.add(record);
    return { height, transactions, skipped: false };
  }

  private read(line: string): RecordedHeight {
    try {
      return readHeight(line);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { path, reason } = error;
      throw new ReplayDifference(this.nextHeight, path === "" ? "the line" : path, reason, "a readable recording");
    }
  }

  private same(height: bigint, what: string, expected: Uint8Array, found: Uint8Array): void {
    if (!equalBytes(expected, found)) throw new ReplayDifference(height, what, toHex(expected), toHex(found));
  }

  /** What the header says must be what we know before the block is executed. Returns the id of the block. */
  private check(record: RecordedHeight): BlockId {
    const { height, block } = record;
    const { header } = block;
    if (height !== this.nextHeight || header.height !== height) {
      throw new ReplayDifference(height, "height of the header", `${header.height}`, `${this.nextHeight}`);
    }
    this.verify(record, "block", () => checkBlock(block));
    if (header.chainId !== this.chainId) throw new ReplayDifference(height, "chain ID", header.chainId, this.chainId);
    this.same(height, "app hash before the block", header.appHash, this.app.appHash);
    this.same(height, "results hash of the last block", header.lastResultsHash, this.tip.resultsHash);
    this.same(height, "hash of the validators", header.validatorsHash, validatorSetHash(this.tip.currentSet));
    this.same(height, "hash of the next validators", header.nextValidatorsHash, validatorSetHash(this.tip.nextSet));
    this.same(height, "hash of the parameters", header.consensusHash, consensusParamsHash(this.blockParams));
    if (!equalBlockIds(header.lastBlockId, this.tip.blockId)) {
      throw new ReplayDifference(height, "last block", toHex(header.lastBlockId.hash), toHex(this.tip.blockId.hash));
    }
    if (findValidator(this.tip.currentSet, header.proposerAddress) < 0) {
      throw new ReplayDifference(height, "proposer", toHex(header.proposerAddress), "no such validator");
    }
    const blockId = blockIdOf(block, record.encodedBlock);
    this.checkCommits(record, blockId);
    return blockId;
  }

  private verify(record: RecordedHeight, what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      throw new ReplayDifference(record.height, what, error.message, "a valid one");
    }
  }

  private checkCommits(record: RecordedHeight, blockId: BlockId): void {
    const { height, block, commit } = record;
    if (commit.height !== height || !equalBlockIds(commit.blockId, blockId)) {
      throw new ReplayDifference(height, "block of the commit", toHex(commit.blockId.hash), toHex(blockId.hash));
    }
    if (this.options.verifyCommits !== true) return;
    const { previousSet, currentSet, blockId: lastId } = this.tip;
    this.verify(record, "commit", () => verifyCommit(this.chainId, currentSet, blockId, height, commit));
    const { lastCommit, header } = block;
    if (previousSet === undefined || lastCommit === undefined) return;
    this.verify(record, "last commit", () => verifyCommit(this.chainId, previousSet, lastId, height - 1n, lastCommit));
    const time = medianTime(lastCommit, previousSet);
    if (compareTimestamps(time, header.time) !== 0) {
      const [theirs, ours] = [header.time, time].map(({ seconds, nanos }) => `${seconds} s ${nanos} ns`);
      throw new ReplayDifference(height, "time of the block", theirs as string, ours as string);
    }
  }

  private input(block: Block): BlockInput {
    const { header, lastCommit, evidence } = block;
    const votes = (this.tip.previousSet?.validators ?? []).map(({ address }, i): CommitVote => {
      return { address, signed: lastCommit?.signatures[i]?.blockIdFlag !== BlockIdFlag.absent };
    });
    const misbehavior = misbehaviorIn(evidence.evidence);
    const { height, time, proposerAddress } = header;
    return { height, time, proposerAddress, lastCommit: votes, misbehavior };
  }

  private execute(record: RecordedHeight): BlockOutcome {
    const input = this.input(record.block);
    const { txs } = record.block.data;
    try {
      return this.app.execute(input, txs);
    } catch (error) {
      if (error instanceof StopForUpgrade) {
        throw new ReplayDifference(record.height, "upgrade", "goes on", error.message, { service: "upgrades" });
      }
      if (!(error instanceof InvalidBlock)) throw error;
      throw this.explain(record, input, error);
    }
  }

  /** Why our execution does not confirm what the proposer says: the first result or event that differs, or the state. */
  private explain(record: RecordedHeight, input: BlockInput, refusal: InvalidBlock): ReplayDifference {
    const { height } = record;
    try {
      const before = this.app.stateAt(0n);
      const { outcome, state } = this.app.examine(input, record.block.data.txs);
      compareOutcome(record, outcome);
      const changes = stateChanges(before, state);
      const owners = changes.map(({ service }) => service);
      const service = owners.every((owner) => owner === owners[0]) ? owners[0] : undefined;
      const [theirs, ours] = [toHex(record.appHash), toHex(outcome.appHash)];
      return new ReplayDifference(height, `state (${refusal.message})`, theirs, ours, { service }, changes);
    } catch (error) {
      if (error instanceof ReplayDifference) return error;
      if (!(error instanceof InvalidBlock)) throw error;
      return new ReplayDifference(height, "block metadata", "a valid one", error.message);
    }
  }

  private commit(record: RecordedHeight, blockId: BlockId, outcome: BlockOutcome): void {
    const { height, block, encodedBlock, commit } = record;
    const { currentSet, nextSet } = this.tip;
    const afterNext = rotateProposer(applyValidatorUpdates(nextSet, outcome.validatorUpdates), 1);
    const { store } = this;
    const { disk } = this.options;
    if (store === undefined || disk === undefined) this.app.commit();
    else {
      disk.batch(() => {
        this.app.commit();
        store.put(height, { block, blockId, commit, outcome }, encodedBlock);
        store.putValidators(height, currentSet);
        store.putValidators(height + 1n, nextSet);
        store.putValidators(height + 2n, afterNext);
      });
    }
    const resultsHash = lastResultsHash(outcome.results);
    this.tip = { blockId, resultsHash, previousSet: currentSet, currentSet: nextSet, nextSet: afterNext };
  }
}
