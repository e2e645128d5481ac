/** Reading trees and local storage through the host (runtime host protocol: runtime to host bodies). */
import { named, nullable, optional, struct, u8 } from "#common/schema/index.js";
import { GetPrefixesRequest, GetRequest, IterateRequest, ProofResponse } from "#mkvs/proof/proof.js";
import { blob } from "./limits.js";

/** Which trees a sync request reads. */
export const STORAGE_ENDPOINT = { runtime: 0, consensus: 1 } as const;

/** Exactly one of the three requests is present. */
export class HostStorageSyncRequest extends struct("HostStorageSyncRequest", {
  /** One of STORAGE_ENDPOINT. */
  endpoint: u8,
  syncGet: named("SyncGet", optional(GetRequest)),
  syncGetPrefixes: named("SyncGetPrefixes", optional(GetPrefixesRequest)),
  syncIterate: named("SyncIterate", optional(IterateRequest)),
}) {}

export class HostStorageSyncResponse extends struct("HostStorageSyncResponse", {
  proofResponse: named("ProofResponse", optional(ProofResponse)),
}) {}

export class HostLocalStorageGetRequest extends struct("HostLocalStorageGetRequest", { key: blob }) {}

export class HostLocalStorageGetResponse extends struct("HostLocalStorageGetResponse", {
  /** Null when the key is not there. */
  value: nullable(blob),
}) {}

export class HostLocalStorageSetRequest extends struct("HostLocalStorageSetRequest", { key: blob, value: blob }) {}
