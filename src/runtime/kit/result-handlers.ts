/** Who learns what became of messages (runtime layer: blocks, batches, roots). */
import { DecodeError } from "#common/errors/index.js";
import type { Schema } from "#common/schema/index.js";
import type { MessageEvent } from "#consensus/services/roothash/types.js";
import type { BatchContext } from "./context.js";
import { dispatcherError } from "./errors.js";
import { type MessageOutcome, type ResultTarget, takePending } from "./messages.js";
import { Refusal } from "./refusal.js";

/** What an author writes. */
export interface ResultHandlerDefinition<R, D> {
  /** Under this name it is looked for when the result is there: it stays the same as long as results may be awaited. */
  readonly name: string;
  readonly result: Schema<R>;
  /** What is remembered of the message. */
  readonly data: Schema<D>;
  /** Learns what became of the message. A refusal in here undoes what it has written, and nobody is told. */
  readonly execute: (ctx: BatchContext, outcome: MessageOutcome<R>, data: D) => void;
}

/** Learns what became of messages with a result of one type. */
export interface ResultHandler<R, D> extends ResultTarget<R, D> {
  /** @throws DecodeError when data or result are not of the handler's types */
  handle(ctx: BatchContext, event: MessageEvent, data: Uint8Array): void;
}

/** A handler whose types are hidden behind their encodings. */
export type AnyResultHandler = Pick<ResultHandler<never, never>, "name" | "handle">;

/** Declares who learns what became of messages. The runtime is defined with it, and messages are sent with it. */
export function resultHandler<R, D>(definition: ResultHandlerDefinition<R, D>): ResultHandler<R, D> {
  const { name, result, data: schema, execute } = definition;
  return {
    name,
    result,
    encodeData: (data) => schema.encode(data),
    handle(ctx, { module, code, result: encoded }, data) {
      const outcome: MessageOutcome<R> =
        code === 0 ? { ok: true, result: result.decode(encoded) } : { ok: false, module, code };
      execute(ctx, outcome, schema.decode(data, "runtime"));
    },
  };
}

/**
 * Hands the results of the last normal round to those who wait for them. Results that nobody waits for are passed over.
 *
 * @throws CodedError when somebody waits who is no longer there, or the result is not of the awaited type: the round must
 *   not go on as if the message had never been sent
 */
export function deliverResults(ctx: BatchContext, handlers: readonly AnyResultHandler[]): void {
  if (handlers.length === 0) return;
  for (const event of ctx.roundResults?.messages ?? []) {
    if (event !== null) deliver(ctx, handlers, event);
  }
}

function deliver(ctx: BatchContext, handlers: readonly AnyResultHandler[], event: MessageEvent): void {
  const pending = takePending(ctx.state, event.index);
  if (pending === undefined) return;
  const { handler: name, data } = pending;
  const handler = handlers.find((candidate) => candidate.name === name);
  if (handler === undefined) throw dispatcherError(`nobody handles the result of message ${event.index}: "${name}"`);
  try {
    ctx.attempt(() => handler.handle(ctx, event, data));
  } catch (error) {
    if (error instanceof DecodeError) throw dispatcherError(`result of message ${event.index}: ${error.message}`);
    if (!(error instanceof Refusal)) throw error;
  }
}
