import { CodedError, DecodeError } from "#common/errors/index.js";
import type { IncomingMessage } from "#consensus/services/roothash/types.js";
import { runtimeTransactionHash } from "../transaction/artifacts.js";
import type { Tag } from "../transaction/io-tree.js";
import type { CheckTxResult } from "../rhp/messages/index.js";
import { type Call, CallOutput, checkNonce, nextNonce, useNonce } from "./call.js";
import { type BatchContext, CallContext } from "./context.js";
import type { Method, RuntimeProgram } from "./define-runtime.js";
import { Refusal, refuse } from "./refusal.js";

/** Sender of queries, which nobody signs. */
const NOBODY = new Uint8Array(0);

/** What a transaction answered and emitted. */
export interface CallResult {
  readonly output: Uint8Array;
  readonly tags: readonly Tag[];
}

/** What the transactions of a batch led to. */
export interface BatchResult {
  /** The transactions that were executed, in batch order. */
  readonly inputs: readonly Uint8Array[];
  /** As many as inputs. */
  readonly results: readonly CallResult[];
  readonly rejected: readonly Uint8Array[];
}

function malformed(program: RuntimeProgram): CodedError {
  return new CodedError(program.module, 1, "malformed transaction");
}

function find(methods: Readonly<Record<string, Method>>, name: string): Method {
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined;
  return found ?? refuse("method not found");
}

/** Decodes a transaction; undefined when it is malformed. */
function tryDecode(program: RuntimeProgram, transaction: Uint8Array): Call | undefined {
  try {
    return program.decodeCall(transaction);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/**
 * Checks one transaction against the state so far. Each has a result of its own, malformed ones too: an error for the
 * whole batch would block everything that is queued behind it.
 */
export function checkTransaction(program: RuntimeProgram, ctx: BatchContext, transaction: Uint8Array): CheckTxResult {
  const failed = (message: string): CheckTxResult => ({
    error: { module: program.module, code: 1, message },
    meta: null,
  });
  const call = tryDecode(program, transaction);
  if (call === undefined) return failed("malformed transaction");
  const callContext = new CallContext(ctx, call.sender);
  try {
    checkNonce(ctx.state, call);
    find(program.methods, call.method).check(callContext, call.args);
    const priority = program.checkTx(callContext, call);
    const senderStateSeq = nextNonce(ctx.state, call.sender);
    return {
      error: { module: "", code: 0, message: "" },
      meta: { priority, sender: call.sender, senderSeq: call.nonce, senderStateSeq },
    };
  } catch (error) {
    if (error instanceof Refusal) return failed(error.message);
    throw error;
  }
}

/**
 * Executes one transaction. A refused call has no tags; its nonce and what it wrote before stay.
 *
 * @throws CodedError when it is malformed: the scheduler should never have included it
 */
export function executeTransaction(program: RuntimeProgram, ctx: BatchContext, transaction: Uint8Array): CallResult {
  const call = tryDecode(program, transaction);
  if (call === undefined) throw malformed(program);
  const callContext = new CallContext(ctx, call.sender);
  try {
    useNonce(ctx.state, call);
    const value = find(program.methods, call.method).execute(callContext, call.args);
    return { output: CallOutput.encode({ type: "Success", value }), tags: callContext.tags };
  } catch (error) {
    if (error instanceof Refusal)
      return { output: CallOutput.encode({ type: "Error", value: error.message }), tags: [] };
    throw error;
  }
}

/** Executes incoming messages as transactions. They have no output and no tags; a malformed one is passed over. */
export function executeIncoming(
  program: RuntimeProgram,
  ctx: BatchContext,
  messages: readonly IncomingMessage[],
): void {
  for (const { data } of messages) {
    if (tryDecode(program, data) !== undefined) executeTransaction(program, ctx, data);
  }
}

/** Executes a batch as it is. */
export function executeBatch(program: RuntimeProgram, ctx: BatchContext, inputs: readonly Uint8Array[]): BatchResult {
  return { inputs, results: inputs.map((input) => executeTransaction(program, ctx, input)), rejected: [] };
}

/** Picks the transactions that pass the check at their turn, executes them and names those that do not. */
export function scheduleBatch(program: RuntimeProgram, ctx: BatchContext, offered: readonly Uint8Array[]): BatchResult {
  const inputs: Uint8Array[] = [];
  const results: CallResult[] = [];
  const rejected: Uint8Array[] = [];
  const seen = new Set<string>();
  for (const input of offered) {
    if (inputs.length >= program.maxBatchSize) break;
    const txHash = runtimeTransactionHash(input);
    const id = txHash.join();
    // The same transaction twice would leave a gap in the I/O tree, and nobody could read the batch.
    if (seen.has(id)) continue;
    seen.add(id);
    if (checkTransaction(program, ctx, input).error.code !== 0) {
      rejected.push(txHash);
      continue;
    }
    results.push(executeTransaction(program, ctx, input));
    inputs.push(input);
  }
  return { inputs, results, rejected };
}

/**
 * Answers a query; nothing it writes lasts.
 *
 * @returns the encoded result
 * @throws CodedError when it is refused
 */
export function answerQuery(program: RuntimeProgram, ctx: BatchContext, name: string, args: Uint8Array): Uint8Array {
  try {
    return find(program.queries, name).execute(new CallContext(ctx, NOBODY), args);
  } catch (error) {
    if (error instanceof Refusal) throw new CodedError(program.module, 1, error.message);
    throw error;
  }
}
