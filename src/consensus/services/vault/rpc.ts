import { FRAME_ELEMENTS } from "#common/limits.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { i64, list, nothing, nullable } from "#common/schema/index.js";
import { VaultEvent } from "./events.js";
import { VaultParameters } from "./params.js";
import { AddressQuery, AddressState, PendingAction, Vault, VaultGenesis, VaultQuery } from "./types.js";

const many = { max: FRAME_ELEMENTS };

/** Methods of the service's client API; heights of 0 mean the latest. */
export const vaultMethods = defineMethods("Vault", {
  Vaults: unary(i64, nullable(list(Vault, many))),
  Vault: unary(VaultQuery, Vault),
  AddressState: unary(AddressQuery, AddressState),
  PendingActions: unary(VaultQuery, nullable(list(PendingAction, many))),
  StateToGenesis: unary(i64, VaultGenesis),
  ConsensusParameters: unary(i64, VaultParameters),
  GetEvents: unary(i64, nullable(list(VaultEvent, many))),
  WatchEvents: stream(nothing, VaultEvent),
});
