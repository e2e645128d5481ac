import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { i64, list, nothing, nullable, struct, u8 } from "#common/schema/index.js";
import { NamespaceQuery } from "../registry/rpc.js";
import { ChurpGenesis, ChurpParameters, KeyManagerGenesis } from "./params.js";
import { ChurpStatus } from "./types/churp.js";
import { KeyManagerStatus, SignedEncryptedEphemeralSecret, SignedEncryptedMasterSecret } from "./types/secrets.js";

/** An instance of CHURP at a height; 0 is the latest. */
export class ChurpStatusQuery extends struct("ChurpStatusQuery", { height: i64, runtimeId: Namespace, churpId: u8 }) {}

const many = { max: FRAME_ELEMENTS };

const secrets = {
  StateToGenesis: unary(i64, KeyManagerGenesis),
  GetStatus: unary(NamespaceQuery, KeyManagerStatus),
  GetStatuses: unary(i64, nullable(list(KeyManagerStatus, many))),
  GetMasterSecret: unary(NamespaceQuery, SignedEncryptedMasterSecret),
  GetEphemeralSecret: unary(NamespaceQuery, SignedEncryptedEphemeralSecret),
  WatchStatuses: stream(nothing, KeyManagerStatus),
  WatchMasterSecrets: stream(nothing, SignedEncryptedMasterSecret),
  WatchEphemeralSecrets: stream(nothing, SignedEncryptedEphemeralSecret),
};

/** Methods of the client API for secrets; heights of 0 mean the latest. */
export const keyManagerSecretsMethods = defineMethods("KeyManager.Secrets", secrets);
/** The same methods under the name that older clients use. */
export const keyManagerMethods = defineMethods("KeyManager", secrets);

/** Methods of the client API for CHURP. */
export const churpMethods = defineMethods("KeyManager.Churp", {
  StateToGenesis: unary(i64, ChurpGenesis),
  ConsensusParameters: unary(i64, ChurpParameters),
  Status: unary(ChurpStatusQuery, ChurpStatus),
  Statuses: unary(NamespaceQuery, nullable(list(ChurpStatus, many))),
  AllStatuses: unary(i64, nullable(list(ChurpStatus, many))),
  WatchStatuses: stream(nothing, ChurpStatus),
});
