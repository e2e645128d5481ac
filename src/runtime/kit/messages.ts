/** Messages to the consensus layer, and what became of them (runtime layer: blocks, batches, roots). */
import { concatBytes, u32be } from "#common/bytes.js";
import { raw, type Schema, struct, text } from "#common/schema/index.js";
import { Proposal, type ProposalContent, type ProposalVote } from "#consensus/services/governance/types.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import type { Message } from "#consensus/services/roothash/types.js";
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
import { noArguments } from "./no-arguments.js";
import type { StateStore } from "./state.js";

/** A message and the form of its result. */
export interface OutgoingMessage<R> {
  /** What is sent. */
  readonly message: Message;
  /** Type of what comes back when the message was carried out. */
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

/** Where the result of a message goes. */
export interface ResultTarget<R, D> {
  /** Under this name it is found again when the result is there. */
  readonly name: string;
  readonly result: Schema<R>;
  /** Encodes what is to be remembered of the message. */
  encodeData(data: D): Uint8Array;
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

/** Who waits for the result of a message, which is waited for no longer then. */
export function takePending(state: StateStore, index: number): PendingMessage | undefined {
  const stored = state.removeExisting(pendingKey(index));
  return stored && PendingMessage.decode(stored);
}
