/**
 * Challenges by which anybody makes a storage node prove that it has what it signed for (root hash: storage challenges;
 * an extension).
 */
import { Address } from "#common/address.js";
import { PublicKey, Signature } from "#common/crypto/keys.js";
import { hash, Hash } from "#common/hash.js";
import { Namespace } from "#common/namespace.js";
import { Quantity } from "#common/quantity.js";
import { extension, i64, named, omitEmpty, optional, struct, u64, u8 } from "#common/schema/index.js";
import { Proof } from "#mkvs/proof/proof.js";

/** Body of `roothash.StorageChallenge`. */
export class StorageChallenge extends struct("StorageChallenge", {
  id: Namespace,
  /** Identity of the storage node. */
  node: PublicKey,
  round: u64,
  /** Which tree of the round: 1 for the state, 2 for inputs and outputs. */
  rootType: u8,
  /** The signature in the node's receipt for the round. */
  signature: named("sig", Signature),
}) {}

/** Body of `roothash.StorageResponse`. */
export class StorageResponse extends struct("StorageResponse", {
  id: Namespace,
  challenge: Hash,
  /** From the root of the tree to the leaf that the key of the challenge leads to. */
  proof: Proof,
}) {}

/** What names a challenge: a node answers one question about a tree at a time. */
class ChallengeSubject extends struct("ChallengeSubject", {
  id: Namespace,
  node: PublicKey,
  round: u64,
  rootType: u8,
}) {}

/** Identifier of a challenge, 32 bytes. */
export function challengeId({ id, node, round, rootType }: ChallengeSubject): Uint8Array {
  return hash(ChallengeSubject.encode({ id, node, round, rootType }));
}

/** A challenge that is open. */
export class OpenChallenge extends struct("StorageChallengeState", {
  id: Namespace,
  node: PublicKey,
  round: u64,
  rootType: u8,
  /** What the chain holds to be the root of that tree. */
  root: Hash,
  /** Whom the node belonged to when it was challenged. */
  entityId: PublicKey,
  challenger: Address,
  deposit: Quantity,
  /** Consensus blocks that the node has. */
  responseBlocks: u64,
  /** Height of the last block that may hold the answer. */
  deadline: i64,
  /** Where in the tree the proof has to lead; drawn in the block after the challenge. */
  key: optional(Hash),
}) {}

export class StorageChallengedEvent extends struct("StorageChallengedEvent", {
  challenge: Hash,
  node: PublicKey,
  round: u64,
  rootType: u8,
  deadline: i64,
}) {}

/** The key of a challenge was drawn: from now on it can be answered. */
export class StorageChallengeDrawnEvent extends struct("StorageChallengeDrawnEvent", { challenge: Hash, key: Hash }) {}

export class StorageChallengeAnsweredEvent extends struct("StorageChallengeAnsweredEvent", {
  challenge: Hash,
  node: PublicKey,
}) {}

/** Time was up: the node counts as one that has lost what it signed for. */
export class StorageUnavailableEvent extends struct("StorageUnavailableEvent", {
  challenge: Hash,
  node: PublicKey,
  /** What its entity lost. */
  slashed: omitEmpty(Quantity),
}) {}

/** Members of the event of a runtime, as clients see it. */
export const CHALLENGE_EVENTS = {
  storageChallenged: extension(optional(StorageChallengedEvent)),
  storageChallengeDrawn: extension(optional(StorageChallengeDrawnEvent)),
  storageChallengeAnswered: extension(optional(StorageChallengeAnsweredEvent)),
  storageUnavailable: extension(optional(StorageUnavailableEvent)),
};
