/** Proofs and the requests for them as they travel (mkvs: proofs, sync API). */
import { Hash } from "#common/hash.js";
import { bool, bytes, list, nullable, omitEmpty, struct, u16 } from "#common/schema/index.js";
import { MAX_KEY_BYTES } from "../key-value.js";
import { Root } from "../node/root.js";

/** Embedded leaves travel inside their internal node. */
export const PROOF_V0 = 0;
/** Embedded leaves are entries of their own. */
export const PROOF_V1 = 1;

/** Tag of an entry that holds a node. */
export const ENTRY_NODE = 0x01;
/** Tag of an entry that holds only the hash of a subtree. */
export const ENTRY_HASH = 0x02;

/** Most entries accepted in one proof. */
const MAX_ENTRIES = 1_000_000;
/** Longest entry accepted, in bytes: a leaf with a large value. */
const MAX_ENTRY_BYTES = 64 * 1024 * 1024;
/** Most prefixes accepted in one request. */
const MAX_PREFIXES = 100_000;

/**
 * Part of a tree, from a root down: its nodes in pre-order; null stands for an empty subtree. The root is what the prover
 * claims: verification compares it with one that is trusted.
 */
export class Proof extends struct("Proof", {
  v: omitEmpty(u16),
  entries: list(nullable(bytes({ max: MAX_ENTRY_BYTES })), { max: MAX_ENTRIES }),
  untrustedRoot: Hash,
}) {}

/** A tree and the subtree at which the requester stands; a proof may begin there instead of at the root. */
export class TreeId extends struct("TreeID", { root: Root, position: Hash }) {}

const key = bytes({ max: MAX_KEY_BYTES });

/** Asks for the path of one key. */
export class GetRequest extends struct("GetRequest", {
  tree: TreeId,
  key,
  includeSiblings: omitEmpty(bool),
  proofVersion: omitEmpty(u16),
}) {}

/** Asks for all entries under some prefixes, at most `limit` in all. */
export class GetPrefixesRequest extends struct("GetPrefixesRequest", {
  tree: TreeId,
  prefixes: list(key, { max: MAX_PREFIXES }),
  limit: u16,
  proofVersion: omitEmpty(u16),
}) {}

/** Asks for the entry at or after a key and the `prefetch` ones that follow. */
export class IterateRequest extends struct("IterateRequest", {
  tree: TreeId,
  key,
  prefetch: u16,
  proofVersion: omitEmpty(u16),
}) {}

export class ProofResponse extends struct("ProofResponse", { proof: Proof }) {}
