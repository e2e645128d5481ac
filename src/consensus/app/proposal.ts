import { equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { type OpenedTransaction, peekTransaction } from "../transaction/transaction.js";
import type { BlockRun } from "./block-run.js";
import type { Environment } from "./context.js";
import { banish } from "./execute.js";
import { InvalidBlock } from "./system-tx.js";

/** A block that its proposer is putting together, before it is closed. */
export interface Draft {
  readonly run: BlockRun;
  readonly txs: readonly Uint8Array[];
}

function fitting(candidates: readonly Uint8Array[], maxBytes: number): readonly Uint8Array[] {
  let size = 0;
  const end = candidates.findIndex(({ length }) => {
    size += length;
    return size > maxBytes;
  });
  return end === -1 ? candidates : candidates.slice(0, end);
}

function peek(raw: Uint8Array): OpenedTransaction | undefined {
  try {
    return peekTransaction(raw);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/**
 * Candidates without the one at an index and without those after it that need it or may be like it: of its signer and
 * of its method. So a block is begun again at most once for each method, whoever fills the pool.
 */
function without(candidates: readonly Uint8Array[], index: number): readonly Uint8Array[] {
  const bad = peek(candidates[index] as Uint8Array);
  return candidates.filter((raw, i) => {
    if (i <= index || bad === undefined) return i !== index;
    const other = peek(raw);
    return other === undefined || (other.tx.method !== bad.tx.method && !equalBytes(other.signer, bad.signer));
  });
}

/**
 * Executes candidates as the proposer of a block. One that no block may hold would have every node refuse the block:
 * it is left out, and the pool gives it up at its next check (consensus: ABCI flow).
 * @param begin begins the block anew
 * @param maxBytes room for transactions, in bytes
 */
export function draftBlock(
  env: Environment,
  begin: () => BlockRun,
  candidates: readonly Uint8Array[],
  maxBytes: number,
): Draft {
  let txs = fitting(candidates, maxBytes);
  for (;;) {
    const run = begin();
    const bad = firstRefused(env, run, txs);
    if (bad === undefined) return { run, txs };
    txs = without(txs, bad);
  }
}

function firstRefused(env: Environment, run: BlockRun, txs: readonly Uint8Array[]): number | undefined {
  for (const [index, raw] of txs.entries()) {
    try {
      run.deliver(raw);
    } catch (error) {
      if (!(error instanceof InvalidBlock)) throw error;
      banish(env, raw);
      return index;
    }
  }
  return undefined;
}
