/** Messages to the consensus layer, and what became of them (runtime layer: blocks, batches, roots). */
import { concatBytes, u32be } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { raw, type Schema, struct, text } from "#common/schema/index.js";
import { Proposal, type ProposalContent, type ProposalVote } from "#consensus/services/governance/types.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import type { Message, MessageEvent } from "#consensus/services/roothash/types.js";
import {
  AddEscrowResult,
  type Escrow,
  type ReclaimEscrow,
  ReclaimEscrowResult,
  type StakingMessage,
  type Transfer,
  TransferResult,
  type Withdraw,
  WithdrawResult,
} from "#consensus/services/staking/types/transactions.js";
import type { BatchContext } from "./context.js";
import { dispatcherError } from "./errors.js";
import { noArguments } from "./no-arguments.js";
import { Refusal } from "./refusal.js";
import type { StateStore } from "./state.js";

/** A message and the form of its result. */
export interface OutgoingMessage<R> {
  readonly message: Message;
  readonly result: Schema<R>;
}

/** What became of a message: its result, or the error that it ended with. */
export type MessageOutcome<R> =
  | { readonly ok: true; readonly result: R }
  | { readonly ok: false; readonly module: string; readonly code: number };

function staking<R>(request: Omit<StakingMessage, "v">, result: Schema<R>): OutgoingMessage<R> {
  return { message: { staking: { v: 0, ...request } }, result };
}

/** Everything that a runtime can ask of the consensus layer. It acts for the runtime's own account and descriptor. */
export const messages = {
  /** Moves tokens from the runtime's account to another one. */
  transfer: (transfer: Transfer): OutgoingMessage<TransferResult> => staking({ transfer }, TransferResult),
  /** Takes tokens out of an account that has allowed it to the runtime's account. */
  withdraw: (withdraw: Withdraw): OutgoingMessage<WithdrawResult> => staking({ withdraw }, WithdrawResult),
  /** Delegates tokens of the runtime's account. */
  addEscrow: (addEscrow: Escrow): OutgoingMessage<AddEscrowResult> => staking({ addEscrow }, AddEscrowResult),
  /** Takes delegated tokens back; they arrive after the debonding time. */
  reclaimEscrow: (reclaimEscrow: ReclaimEscrow): OutgoingMessage<ReclaimEscrowResult> =>
    staking({ reclaimEscrow }, ReclaimEscrowResult),
  /** Changes the runtime's own descriptor, where the runtime governs itself. */
  updateRuntime: (updateRuntime: Runtime): OutgoingMessage<Runtime> => ({
    message: { registry: { v: 0, updateRuntime } },
    result: Runtime,
  }),
  /** Votes on a proposal; the runtime's account must be entitled to. */
  castVote: (castVote: ProposalVote): OutgoingMessage<null> => ({
    message: { governance: { v: 0, castVote } },
    result: noArguments,
  }),
  /** Submits a proposal; the deposit comes out of the runtime's account. */
  submitProposal: (submitProposal: ProposalContent): OutgoingMessage<Proposal> => ({
    message: { governance: { v: 0, submitProposal } },
    result: Proposal,
  }),
} as const;

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
export interface ResultHandler<R, D> {
  readonly name: string;
  readonly result: Schema<R>;
  encodeData(data: D): Uint8Array;
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

/** Prefix of the keys under which messages wait for their results. */
const PENDING_PREFIX = 0xfe;

/** Who waits for a message's result. */
export class PendingMessage extends struct("PendingMessage", { handler: text({ max: 256 }), data: raw }) {}

function pendingKey(index: number): Uint8Array {
  return concatBytes(Uint8Array.of(PENDING_PREFIX), u32be(index));
}

/** Remembers who waits for the result of a message. */
export function expectResult(state: StateStore, index: number, handler: string, data: Uint8Array): void {
  state.insert(pendingKey(index), PendingMessage.encode({ handler, data }));
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
  const stored = ctx.state.removeExisting(pendingKey(event.index));
  if (stored === undefined) return;
  const { handler: name, data } = PendingMessage.decode(stored);
  const handler = handlers.find((candidate) => candidate.name === name);
  if (handler === undefined) throw dispatcherError(`nobody handles the result of message ${event.index}: "${name}"`);
  try {
    ctx.attempt(() => handler.handle(ctx, event, data));
  } catch (error) {
    if (error instanceof DecodeError) throw dispatcherError(`result of message ${event.index}: ${error.message}`);
    if (!(error instanceof Refusal)) throw error;
  }
}
