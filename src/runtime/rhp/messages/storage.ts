/** Reading trees and local storage through the host (runtime host protocol: runtime to host bodies). */
import { Hash } from "#common/hash.js";
import { bool, named, nullable, omitEmpty, optional, struct, u16, u8 } from "#common/schema/index.js";
import { Root } from "#mkvs/node/root.js";
import { blob, items } from "./limits.js";

/** Which trees a sync request reads. */
export const STORAGE_ENDPOINT = { runtime: 0, consensus: 1 } as const;

/** A tree and where in it the caller stands. */
class TreeId extends struct("TreeID", { root: Root, position: Hash }) {}

export class GetRequest extends struct("GetRequest", {
  tree: TreeId,
  key: blob,
  includeSiblings: omitEmpty(bool),
  proofVersion: omitEmpty(u16),
}) {}

export class GetPrefixesRequest extends struct("GetPrefixesRequest", {
  tree: TreeId,
  prefixes: items(blob),
  limit: u16,
  proofVersion: omitEmpty(u16),
}) {}

export class IterateRequest extends struct("IterateRequest", {
  tree: TreeId,
  key: blob,
  /** How many entries after the key the proof should cover. */
  prefetch: u16,
  proofVersion: omitEmpty(u16),
}) {}

/** Exactly one of the three requests is present. */
export class HostStorageSyncRequest extends struct("HostStorageSyncRequest", {
  /** One of STORAGE_ENDPOINT. */
  endpoint: u8,
  syncGet: named("SyncGet", optional(GetRequest)),
  syncGetPrefixes: named("SyncGetPrefixes", optional(GetPrefixesRequest)),
  syncIterate: named("SyncIterate", optional(IterateRequest)),
}) {}

/** A proof as it travels; whoever reads the tree verifies it. */
export class SyncProof extends struct("Proof", {
  v: omitEmpty(u16),
  untrustedRoot: Hash,
  entries: items(nullable(blob)),
}) {}

class ProofResponse extends struct("ProofResponse", { proof: SyncProof }) {}

export class HostStorageSyncResponse extends struct("HostStorageSyncResponse", {
  proofResponse: named("ProofResponse", optional(ProofResponse)),
}) {}

export class HostLocalStorageGetRequest extends struct("HostLocalStorageGetRequest", { key: blob }) {}

export class HostLocalStorageGetResponse extends struct("HostLocalStorageGetResponse", {
  /** Null when the key is not there. */
  value: nullable(blob),
}) {}

export class HostLocalStorageSetRequest extends struct("HostLocalStorageSetRequest", { key: blob, value: blob }) {}
