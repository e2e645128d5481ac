/** Whether storage nodes will keep what a batch led to (storage committees: executor). */
import type { RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import type { StorageLimits } from "../storage/receipts/committee.js";

/** Part of the room that a smaller batch is to take, so that it fits although transactions differ. */
const MARGIN = 0.9;

/** What is too much in the results of a batch. */
export interface Excess {
  readonly problem: string;
  /** How many times too much it is; undefined when fewer transactions alone do not make it less. */
  readonly factor: number | undefined;
}

/** What a scheduler has left out of a batch, because storage nodes would not have kept what came of it. */
export interface BatchCut {
  readonly round: bigint;
  /** What was too much. */
  readonly problem: string;
  /** Transactions that the runtime had picked. */
  readonly from: number;
  /** Those that are tried instead. */
  readonly to: number;
  /** Hash of a transaction that is too much alone, and will never be in a round; 32 bytes. */
  readonly dropped: Uint8Array | undefined;
}

/** What storage nodes would refuse in the results of a batch; undefined when they take it. */
export function excessOf(response: RuntimeExecuteTxBatchResponse, limits: StorageLimits): Excess | undefined {
  const { batch, txInputWriteLog } = response;
  const logs = [[...txInputWriteLog, ...batch.ioWriteLog], batch.stateWriteLog];
  const entries = Math.max(...logs.map((log) => log.length));
  const most = Number(limits.entries);
  if (entries > most) {
    return { problem: `${entries} changes of a tree, of which storage nodes take ${most}`, factor: entries / most };
  }
  const { entryBytes } = limits;
  const sizes = logs.flatMap((log) => log.map(([key, value]) => key.length + (value?.length ?? 0)));
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  if (entryBytes === undefined || largest <= entryBytes) return undefined;
  return { problem: `an entry of ${largest} bytes, of which storage nodes take ${entryBytes}`, factor: undefined };
}

/** How many of the first transactions of a batch to try after so many were too much. */
export function fewer(count: number, { factor }: Excess): number {
  const fitting = factor === undefined ? count / 2 : (count / factor) * MARGIN;
  return Math.max(count === 1 ? 0 : 1, Math.min(count - 1, Math.floor(fitting)));
}
