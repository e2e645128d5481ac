import { toHex, u64be } from "#common/bytes.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import type { IncomingMessage } from "#consensus/services/roothash/types.js";
import { runtimeTransactionHash } from "../transaction/artifacts.js";
import type { Tag } from "../transaction/io-tree.js";
import type { CheckTxResult } from "../rhp/messages/index.js";
import { type Call, CallOutput, type CallTarget, checkNonce, nextNonce, nonceKey, useNonce } from "./call.js";
import { type BatchContext, CallContext } from "./context.js";
import type { Method, RuntimeProgram } from "./define-runtime.js";
import { Refusal, refuse } from "./refusal.js";

/** Most transactions that one request for more gets (runtime layer: blocks, batches, roots). */
const MAX_FETCH = 100;
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

/** A program and where its transactions must be meant for. */
export interface ProgramSite {
  readonly program: RuntimeProgram;
  readonly target: CallTarget;
}

function malformed({ program }: ProgramSite): CodedError {
  return new CodedError(program.module, 1, "malformed transaction");
}

function find(methods: Readonly<Record<string, Method>>, name: string): Method {
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined;
  return found ?? refuse("method not found");
}

/** Decodes a transaction; undefined when it is malformed. */
function tryDecode({ program, target }: ProgramSite, transaction: Uint8Array): Call | undefined {
  try {
    return program.decodeCall(transaction, target);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Fetches at once what the calls of a batch say that they will read. */
export function prefetchFor(site: ProgramSite, ctx: BatchContext, transactions: readonly Uint8Array[]): void {
  const { methods } = site.program;
  const prefixes = transactions.flatMap((transaction) => {
    const call = tryDecode(site, transaction);
    if (call === undefined || !Object.hasOwn(methods, call.method)) return [];
    const wanted = methods[call.method]?.prefetch(call.args) ?? [];
    return wanted.length === 0 ? [] : [nonceKey(call.sender), ...wanted];
  });
  if (prefixes.length > 0) ctx.state.prefetch(prefixes);
}

/**
 * Checks one transaction against the state so far. Each has a result of its own, malformed ones too: an error for the
 * whole batch would block everything that is queued behind it.
 */
export function checkTransaction(site: ProgramSite, ctx: BatchContext, transaction: Uint8Array): CheckTxResult {
  const { program } = site;
  const failed = (message: string): CheckTxResult => ({
    error: { module: program.module, code: 1, message },
    meta: null,
  });
  const call = tryDecode(site, transaction);
  if (call === undefined) return failed("malformed transaction");
  const callContext = new CallContext(ctx, call.sender, runtimeTransactionHash(transaction));
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
 * Executes one transaction. A refused call has no tags and leaves nothing but its nonce, unless the runtime wants it kept.
 *
 * @throws CodedError when it is malformed: the scheduler should never have included it
 */
export function executeTransaction(site: ProgramSite, ctx: BatchContext, transaction: Uint8Array): CallResult {
  const call = tryDecode(site, transaction);
  if (call === undefined) throw malformed(site);
  const callContext = new CallContext(ctx, call.sender, runtimeTransactionHash(transaction));
  try {
    useNonce(ctx.state, call);
    const called = find(site.program.methods, call.method);
    const value = ctx.attempt(() => called.execute(callContext, call.args));
    return { output: CallOutput.encode({ type: "Success", value }), tags: callContext.tags };
  } catch (error) {
    if (error instanceof Refusal)
      return { output: CallOutput.encode({ type: "Error", value: error.message }), tags: [] };
    throw error;
  }
}

/**
 * Takes incoming messages. They have no output; what they emit belongs to the block.
 *
 * @returns how many were taken, from the front
 */
export function executeIncoming(site: ProgramSite, ctx: BatchContext, queue: readonly IncomingMessage[]): number {
  const { incoming, maxIncomingMessages } = site.program;
  const taken = queue.slice(0, maxIncomingMessages);
  for (const message of taken) {
    if (incoming === undefined) executeAsTransaction(site, ctx, message);
    else takeMessage(incoming, ctx, message);
  }
  return taken.length;
}

/** A malformed transaction is passed over: it cannot be left out, for the queue would never move on. */
function executeAsTransaction(site: ProgramSite, ctx: BatchContext, { data }: IncomingMessage): void {
  if (tryDecode(site, data) !== undefined) executeTransaction(site, ctx, data);
}

function takeMessage(take: NonNullable<RuntimeProgram["incoming"]>, ctx: BatchContext, message: IncomingMessage): void {
  const callContext = new CallContext(ctx, message.caller, u64be(message.id));
  try {
    ctx.attempt(() => take(callContext, message));
    ctx.tags.push(...callContext.tags);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

/** Executes a batch as it is. */
export function executeBatch(site: ProgramSite, ctx: BatchContext, inputs: readonly Uint8Array[]): BatchResult {
  return { inputs, results: inputs.map((input) => executeTransaction(site, ctx, input)), rejected: [] };
}

/**
 * Picks the transactions that pass the check at their turn, executes them and names those that do not.
 *
 * @param more gives further transactions when those that were offered have left room
 */
export function scheduleBatch(
  site: ProgramSite,
  ctx: BatchContext,
  offered: readonly Uint8Array[],
  more: (limit: number) => readonly Uint8Array[],
): BatchResult {
  const { maxBatchSize } = site.program;
  const inputs: Uint8Array[] = [];
  const results: CallResult[] = [];
  const rejected: Uint8Array[] = [];
  const seen = new Set<string>();
  const take = (input: Uint8Array): void => {
    const txHash = runtimeTransactionHash(input);
    const id = toHex(txHash);
    // The same transaction twice would leave a gap in the I/O tree, and nobody could read the batch.
    if (seen.has(id)) return;
    seen.add(id);
    if (checkTransaction(site, ctx, input).error.code !== 0) {
      rejected.push(txHash);
      return;
    }
    results.push(executeTransaction(site, ctx, input));
    inputs.push(input);
  };
  let next = offered;
  let asked = maxBatchSize;
  for (;;) {
    for (const input of next) if (inputs.length < maxBatchSize) take(input);
    // Who got less than was asked for has all there is.
    if (next.length < asked || inputs.length >= maxBatchSize) return { inputs, results, rejected };
    asked = Math.min(maxBatchSize - inputs.length, MAX_FETCH);
    next = more(asked);
  }
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
