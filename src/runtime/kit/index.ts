/** What authors of runtimes import, as `qanat/runtime`. */
export { Address, addressFromPublicKey, addressFromText, addressToText, runtimeAddress } from "#common/address.js";
export { concatBytes, equalBytes, fromHex, fromUtf8, readU64be, toHex, u64be, utf8 } from "#common/bytes.js";
export { PublicKey } from "#common/crypto/keys.js";
export { MemorySigner, type Signer } from "#common/crypto/signature.js";
export { Quantity } from "#common/quantity.js";
export {
  bool,
  bytes,
  list,
  map,
  nullable,
  omitEmpty,
  optional,
  struct,
  text,
  tuple,
  u16,
  u32,
  u64,
  u8,
} from "#common/schema/index.js";
export { addressPart, bytesPart, type Cell, cell, type Table, table, u64Part } from "#consensus/app/table.js";
export type { QuotePolicy } from "#common/tee/quote-policy.js";
export type { ServiceEvent } from "#consensus/rpc.js";
export type { KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
export type { IncomingMessage } from "#consensus/services/roothash/types.js";
export {
  AddEscrowResult,
  ReclaimEscrowResult,
  TransferResult,
  WithdrawResult,
} from "#consensus/services/staking/types/transactions.js";
export { Call, CallOutput, type CallTarget, nextNonce, openSignedCall, signCall } from "./call.js";
export type { EventSource } from "./consensus-client.js";
export type { ConsensusState } from "./consensus-state.js";
export { BatchContext, CallContext, defineEvent, type EventType, type Mode } from "./context.js";
export {
  defineRuntime,
  type Method,
  method,
  type MethodDefinition,
  type RuntimeDefinition,
  type RuntimeProgram,
} from "./define-runtime.js";
export { Dispatcher } from "./dispatcher.js";
export type { HostPort } from "./host-port.js";
export { type LocalContext, type LocalMethod, localMethod } from "./local.js";
export { type MessageOutcome, messages, type OutgoingMessage } from "./messages.js";
export { noArguments } from "./no-arguments.js";
export { Refusal, refuse } from "./refusal.js";
export { type ResultHandler, resultHandler } from "./result-handlers.js";
export { StateStore } from "./state.js";
export type { Observers } from "./updates.js";
export type { TrustRoot } from "./verifier.js";
