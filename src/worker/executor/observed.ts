import { equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import type { Application } from "#consensus/app/app.js";
import { ExecutorCommit, type ExecutorCommitment } from "#consensus/services/roothash/types.js";
import type { Transaction } from "#consensus/transaction/transaction.js";

const METHOD = "roothash.ExecutorCommit";
/** Bodies by transaction: many nodes may watch one pool. */
const decoded = new WeakMap<Transaction, ExecutorCommit | null>();

function bodyOf(tx: Transaction): ExecutorCommit | null {
  let body = decoded.get(tx);
  if (body === undefined) {
    body = decode(tx.body);
    decoded.set(tx, body);
  }
  return body;
}

function decode(raw: Uint8Array): ExecutorCommit | null {
  try {
    // Whether the chain knows the extension does not matter here: only the chain's word counts in the end.
    return ExecutorCommit.decode(raw, "extended");
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

/**
 * Reports commitments to rounds of a runtime as soon as they are in the transaction pool. They are neither verified nor
 * in any order, may come more than once, and may never get into a block (root hash: watchers of commitments).
 *
 * @returns the way to stop that
 */
export function watchCommitments(
  app: Application,
  runtimeId: Uint8Array,
  observe: (commitments: readonly ExecutorCommitment[]) => void,
): () => void {
  return app.onChecked((tx) => {
    if (tx.method !== METHOD) return;
    const body = bodyOf(tx);
    if (body === null || !equalBytes(body.id, runtimeId)) return;
    observe(body.commits ?? []);
  });
}
