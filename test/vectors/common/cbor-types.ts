import { Address } from "#common/address.js";
import { PublicKey, Signature } from "#common/crypto/keys.js";
import { Hash } from "#common/hash.js";
import { Namespace } from "#common/namespace.js";
import { RolesMask } from "#common/node-roles.js";
import { Quantity } from "#common/quantity.js";
import {
  bool,
  bytes,
  i64,
  list,
  map,
  nullable,
  omitEmpty,
  optional,
  raw,
  type Schema,
  struct,
  text,
  tuple,
  u16,
  u64,
  u8,
  unionOf,
} from "#common/schema/index.js";
import { Version } from "#common/version.js";
import { Entity } from "#consensus/services/registry/types/entity.js";
import { ComputeResultsHeader, Header, RoundRoots } from "#consensus/services/roothash/types.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";

/** The destination types that the files of decoder vectors name, declared here with nothing but the schema values. */
const max = { max: 1 << 20 };

class A extends struct("struct{a}", { a: u64 }) {}

class Root extends struct("Root", { ns: Namespace, version: u64, rootType: u8, hash: Hash }) {}
class TreeId extends struct("TreeID", { root: Root, position: Hash }) {}
class Proof extends struct("Proof", {
  v: omitEmpty(u16),
  untrustedRoot: Hash,
  entries: nullable(list(nullable(bytes(max)), max)),
}) {}
class GetRequest extends struct("GetRequest", {
  tree: TreeId,
  key: nullable(bytes(max)),
  proofVersion: omitEmpty(u16),
  includeSiblings: omitEmpty(bool),
}) {}

class Fee extends struct("Fee", { amount: Quantity, gas: u64 }) {}
class Transaction extends struct("Transaction", {
  nonce: u64,
  fee: optional(Fee),
  method: text(max),
  body: omitEmpty(raw),
}) {}
class KeyedSignature extends struct("Signature", { publicKey: PublicKey, signature: Signature }) {}
class SignedTransaction extends struct("SignedTransaction", {
  untrustedRawValue: nullable(bytes(max)),
  signature: KeyedSignature,
}) {}

class SharePool extends struct("SharePool", { balance: omitEmpty(Quantity), totalShares: omitEmpty(Quantity) }) {}
class RateStep extends struct("RateStep", { start: omitEmpty(u64), rate: omitEmpty(Quantity) }) {}
class BoundStep extends struct("BoundStep", {
  start: omitEmpty(u64),
  rateMin: omitEmpty(Quantity),
  rateMax: omitEmpty(Quantity),
}) {}
class CommissionSchedule extends struct("CommissionSchedule", {
  rates: omitEmpty(list(RateStep, max)),
  bounds: omitEmpty(list(BoundStep, max)),
}) {}
class StakeThreshold extends struct("StakeThreshold", { global: optional(u64), const: optional(Quantity) }) {}
class StakeAccumulator extends struct("StakeAccumulator", {
  claims: omitEmpty(map(text(max), nullable(list(StakeThreshold, max)), max)),
}) {}
class Hook extends struct("Hook", { module: text(max) }) {}
class General extends struct("GeneralAccount", {
  balance: omitEmpty(Quantity),
  nonce: omitEmpty(u64),
  allowances: omitEmpty(map(Address, Quantity, max)),
  hooks: omitEmpty(map(u8, Hook, max)),
}) {}
class EscrowAccount extends struct("EscrowAccount", {
  active: omitEmpty(SharePool),
  debonding: omitEmpty(SharePool),
  commissionSchedule: omitEmpty(CommissionSchedule),
  stakeAccumulator: omitEmpty(StakeAccumulator),
}) {}
class Account extends struct("Account", { general: omitEmpty(General), escrow: omitEmpty(EscrowAccount) }) {}
class AmendCommissionSchedule extends struct("AmendCommissionSchedule", { amendment: CommissionSchedule }) {}

const SHARED: Record<string, Schema<unknown>> = {
  "struct{a}": A,
  Address,
  Entity,
  Hash,
  Namespace,
  Quantity,
  SignedTransaction,
  Transaction,
  Version,
  any: raw,
  bool,
  "commitment.ComputeResultsHeader": ComputeResultsHeader,
  int64: i64,
  uint64: u64,
  "node.RolesMask": RolesMask,
  "roothash.Header": Header,
  "roothash.RoundRoots": RoundRoots,
  "staking.Account": Account,
  "staking.AmendCommissionSchedule": AmendCommissionSchedule,
  "staking.Transfer": Transfer,
  "storage.Root": Root,
  string: text(max),
  "syncer.GetRequest": GetRequest,
  "syncer.Proof": Proof,
};

/** As the Go side has them: slices and maps may be nil. */
export const GO_TYPES: Record<string, Schema<unknown>> = {
  ...SHARED,
  "[]byte": nullable(bytes(max)),
  "[]uint64": nullable(list(u64, max)),
  "map[string]uint64": nullable(map(text(max), u64, max)),
  "LogEntry(toarray)": tuple("LogEntry", [nullable(bytes(max)), nullable(bytes(max))]),
};

class RustProof extends struct("Proof", {
  v: omitEmpty(u16),
  untrustedRoot: Hash,
  entries: list(nullable(bytes(max)), max),
}) {}
class RustGetRequest extends struct("GetRequest", {
  tree: TreeId,
  key: bytes(max),
  proofVersion: omitEmpty(u16),
  includeSiblings: omitEmpty(bool),
}) {}
class Frame extends struct("Frame", { session: bytes(max), untrustedPlaintext: text(max), payload: bytes(max) }) {}
class Failure extends struct("Failure", {}) {}
class ResponseMessage extends struct("Response", {
  body: unionOf("Body", { Success: raw, Error: Failure }),
}) {}

/** As the runtime side has them: no nil. */
export const RUST_TYPES: Record<string, Schema<unknown>> = {
  ...SHARED,
  "[]byte": bytes(max),
  "[]uint64": list(u64, max),
  "map[string]uint64": map(text(max), u64, max),
  "LogEntry(toarray)": tuple("LogEntry", [bytes(max), nullable(bytes(max))]),
  "syncer.Proof": RustProof,
  "syncer.GetRequest": RustGetRequest,
  "enclaverpc.Frame": Frame,
  "enclaverpc.Message": unionOf("Message", { Response: ResponseMessage, Close: Failure }),
};
