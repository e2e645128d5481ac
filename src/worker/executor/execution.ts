import { assert } from "#common/assert.js";
import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import type { Disk } from "#common/ports/disk.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import { EXECUTION_MODE, type RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { IoTree } from "#runtime/transaction/io-tree.js";
import type { Dispatch } from "../dispatch.js";
import { emptyRootLike, stateRootOf } from "../storage/round-roots.js";
import type { StorageLimits } from "../storage/receipts/committee.js";
import { keepRoundTrees, type RoundTrees } from "../storage/round-trees.js";
import type { TxPool } from "../txpool/tx-pool.js";
import { type BatchCut, excessOf, fewer } from "./storable.js";

/** An execution may take so many times the time that a scheduler has for its proposal. */
const DEADLINE_FACTOR = 3;
const MIN_DEADLINE_MS = 1000;
const NANOS_PER_MS = 1_000_000n;
const NO_ROOT = new Uint8Array(32);

/** A duration of the descriptor in whole milliseconds. */
export function toMs(nanos: bigint): number {
  return Number(nanos / NANOS_PER_MS);
}

/** What is to be executed. */
export interface Batch {
  readonly mode: (typeof EXECUTION_MODE)[keyof typeof EXECUTION_MODE];
  /** Root of the inputs; absent when the runtime picks them. */
  readonly inputRoot?: Uint8Array;
  readonly inputs: Uint8Array[];
}

export interface BatchExecutionOptions {
  readonly host: RuntimeHost;
  readonly disk: Disk;
  readonly db: NodeDb;
  /** Has the transactions that the runtime may pick. */
  readonly pool: TxPool;
  /** What storage nodes take of one round; undefined when they are not asked. */
  readonly limits: () => StorageLimits | undefined;
  readonly log: Log;
  /** Told of batches that were made smaller. */
  readonly cut: (cut: BatchCut) => void;
}

/** Executes batches in the runtime and keeps what came out. */
export class BatchExecution {
  constructor(private readonly options: BatchExecutionOptions) {}

  /**
   * Executes a batch on top of a block. Where the runtime picks the transactions, and storage nodes would not take what
   * came out, it is fewer of them.
   *
   * @returns undefined when the runtime failed, which says nothing about the batch
   */
  async run(basis: Dispatch, batch: Batch): Promise<RuntimeExecuteTxBatchResponse | undefined> {
    const response = await this.call(basis, batch);
    const limits = this.options.limits();
    if (response === undefined || limits === undefined || batch.mode !== EXECUTION_MODE.schedule) return response;
    return this.cut(basis, response, limits);
  }

  private async cut(
    basis: Dispatch,
    picked: RuntimeExecuteTxBatchResponse,
    limits: StorageLimits,
  ): Promise<RuntimeExecuteTxBatchResponse | undefined> {
    const { log, pool } = this.options;
    const round = basis.header.round + 1n;
    let response = picked;
    for (;;) {
      const { txHashes, txRejectHashes } = response;
      const excess = excessOf(response, limits);
      if (excess === undefined) return response;
      const [first] = txHashes;
      if (first === undefined) {
        log.error("a round cannot be stored, even without transactions", { round, problem: excess.problem });
        return undefined;
      }
      const kept = txHashes.slice(0, fewer(txHashes.length, excess));
      const inputs = kept.map((txHash) => pool.get(txHash)).filter((raw) => raw !== undefined);
      if (inputs.length < kept.length) return undefined;
      const inputRoot = inputRootOf(inputs);
      const next = await this.call(basis, { mode: EXECUTION_MODE.execute, inputRoot, inputs });
      if (next === undefined) return undefined;
      const isAlone = kept.length === 0 && excessOf(next, limits) === undefined;
      const { problem } = excess;
      const [from, to] = [txHashes.length, kept.length];
      const said = { round, problem };
      if (isAlone) log.warn("transaction is dropped: it cannot be stored", { ...said, transaction: toHex(first) });
      else log.info("batch is cut so that it can be stored", { ...said, from, to });
      this.options.cut({ round, problem, from, to, dropped: isAlone ? first : undefined });
      const rejected = isAlone ? [...txRejectHashes, first] : txRejectHashes;
      response = { ...next, txHashes: kept, txRejectHashes: rejected, txInputRoot: inputRoot };
    }
  }

  private async call(basis: Dispatch, batch: Batch): Promise<RuntimeExecuteTxBatchResponse | undefined> {
    const { host, log } = this.options;
    const { descriptor } = basis;
    const deadlineMs = Math.max(DEADLINE_FACTOR * toMs(descriptor.txnScheduler.proposerTimeout), MIN_DEADLINE_MS);
    try {
      return await host.call(
        "RuntimeExecuteTxBatchRequest",
        {
          mode: batch.mode,
          consensusBlock: basis.consensusBlock,
          roundResults: basis.roundResults,
          ioRoot: batch.inputRoot ?? NO_ROOT,
          inputs: batch.inputs,
          inMsgs: [...basis.incoming],
          block: { header: basis.header },
          epoch: basis.epoch,
          maxMessages: descriptor.executor.maxMessages,
        },
        deadlineMs,
      );
    } catch (error) {
      if (!(error instanceof CodedError || error instanceof CallFailure)) throw error;
      log.warn("batch was not executed", { round: basis.header.round + 1n, error: error.message });
      if (error instanceof CallFailure && error.problem === "deadline") await host.abort();
      return undefined;
    }
  }

  /**
   * Keeps the trees of an executed batch as candidates of their round.
   *
   * @returns the trees; undefined when the runtime's write logs do not lead to its roots
   */
  keep(basis: Dispatch, response: RuntimeExecuteTxBatchResponse): RoundTrees | undefined {
    const { disk, db, log } = this.options;
    const trees = treesOf(basis, response);
    try {
      if (trees !== undefined) keepRoundTrees(disk, db, trees);
      return trees;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      log.error("results were not stored", { round: basis.header.round + 1n, error: error.message });
      return undefined;
    }
  }
}

/** What an executed batch changed. */
function treesOf({ header }: Dispatch, response: RuntimeExecuteTxBatchResponse): RoundTrees | undefined {
  const { batch, txInputWriteLog } = response;
  const { ioRoot, stateRoot } = batch.header;
  if (ioRoot === undefined || stateRoot === undefined) return undefined;
  const { namespace } = header;
  const version = header.round + 1n;
  const io = { namespace, version, type: ROOT_IO, hash: ioRoot };
  const state = { namespace, version, type: ROOT_STATE, hash: stateRoot };
  return {
    io: { base: emptyRootLike(io), writeLog: [...txInputWriteLog, ...batch.ioWriteLog], root: io },
    state: { base: stateRootOf(header), writeLog: batch.stateWriteLog, root: state },
  };
}

/** The root that a batch of inputs must have. The inputs must be distinct and not empty. */
export function inputRootOf(inputs: readonly Uint8Array[]): Uint8Array {
  assert(
    inputs.every((input) => input.length > 0),
    "an empty transaction has no place in a batch",
  );
  const tree = new IoTree();
  inputs.forEach((input, i) => tree.addInput(input, i));
  return tree.commit().root;
}
