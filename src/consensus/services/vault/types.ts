/** Vaults: accounts that several hold together, and what may be done with them (vault: types). */
import { Address, addressToText, moduleAddress } from "#common/address.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import {
  i64,
  list,
  map,
  named,
  nullable,
  omitEmpty,
  optional,
  raw,
  struct,
  text,
  u64,
  u8,
} from "#common/schema/index.js";
import { MODULE_NAME } from "./errors.js";
import { VaultParameters } from "./params.js";

const many = { max: FRAME_ELEMENTS };

/** Addresses of which a number must agree. */
export class Authority extends struct("Authority", { addresses: nullable(list(Address, many)), threshold: u8 }) {}

export const STATE_SUSPENDED = 0;
export const STATE_ACTIVE = 1;

export class Vault extends struct("Vault", {
  creator: Address,
  /** Distinguishes the vaults of a creator: its nonce at the time. */
  id: u64,
  state: u8,
  /** Nonce of the next action. */
  nonce: omitEmpty(u64),
  adminAuthority: Authority,
  suspendAuthority: Authority,
}) {}

/** The address of a vault, which is an account of its own. */
export function vaultAddress({ creator, id }: Pick<Vault, "creator" | "id">): Uint8Array {
  return moduleAddress(MODULE_NAME, `vault.${addressToText(creator)}.${id}`);
}

/** How much an address may withdraw in each interval of so many blocks; zero of either forbids it. */
export class WithdrawPolicy extends struct("WithdrawPolicy", { limitAmount: Quantity, limitInterval: u64 }) {}

/** What an address may withdraw, and what it has withdrawn in the interval that it last used. */
export class AddressState extends struct("AddressState", {
  withdrawPolicy: WithdrawPolicy,
  bucket: u64,
  amount: Quantity,
}) {}

export class Suspend extends struct("Suspend", {}) {}

export class Resume extends struct("Resume", {}) {}

/** A method to be called with the vault as caller. */
export class ExecuteMessage extends struct("ExecuteMessage", {
  method: text({ max: FRAME_BYTES }),
  body: omitEmpty(raw),
}) {}

export class UpdateWithdrawPolicy extends struct("UpdateWithdrawPolicy", {
  address: Address,
  policy: WithdrawPolicy,
}) {}

/** New authorities; what is absent stays as it is. */
export class UpdateAuthority extends struct("UpdateAuthority", {
  adminAuthority: optional(Authority),
  suspendAuthority: optional(Authority),
}) {}

/** Exactly one is set. */
export class Action extends struct("Action", {
  suspend: optional(Suspend),
  resume: optional(Resume),
  executeMessage: named("execute_msg", optional(ExecuteMessage)),
  updateWithdrawPolicy: optional(UpdateWithdrawPolicy),
  updateAuthority: optional(UpdateAuthority),
}) {}

/** An action and who has agreed to it so far. */
export class PendingAction extends struct("PendingAction", {
  nonce: u64,
  authorizedBy: nullable(list(Address, many)),
  action: Action,
}) {}

/** Creates a vault. */
export class Create extends struct("Create", { adminAuthority: Authority, suspendAuthority: Authority }) {}

/** Agrees to an action, or proposes it. */
export class AuthorizeAction extends struct("AuthorizeAction", { vault: Address, nonce: u64, action: Action }) {}

/** Drops a pending action. */
export class CancelAction extends struct("CancelAction", { vault: Address, nonce: u64 }) {}

/** The service's section of the genesis document. */
export class VaultGenesis extends struct("VaultGenesis", {
  params: VaultParameters,
  vaults: omitEmpty(list(Vault, many)),
  /** By vault, then by address. */
  states: omitEmpty(map(Address, map(Address, AddressState, many), many)),
  pendingActions: omitEmpty(map(Address, list(PendingAction, many), many)),
}) {}

/** A vault at a height. */
export class VaultQuery extends struct("VaultQuery", { height: i64, address: Address }) {}

/** An address of a vault at a height. */
export class AddressQuery extends struct("AddressQuery", { height: i64, vault: Address, address: Address }) {}
