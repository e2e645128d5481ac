import { utf8 } from "#common/bytes.js";
import { MemorySigner, type Signer } from "#common/crypto/signature.js";
import { ROLE_COMPUTE, ROLE_STORAGE, ROLE_VALIDATOR } from "#common/node-roles.js";
import type { NodeAddress } from "#consensus/services/registry/types/node-address.js";
import { type Identity, deriveIdentity, deriveSeed } from "#node/identity.js";
import { hash } from "#common/hash.js";

/** How many nodes of each kind a local network has. */
export interface NetworkSize {
  readonly validators: number;
  readonly computes: number;
  readonly clients: number;
  /** Storage nodes; with any, the network has storage committees and its runtime demands receipts. None when absent. */
  readonly storages?: number;
}

/** A network as v26.1 knows it. */
export const DEFAULT_SIZE: NetworkSize = { validators: 4, computes: 5, clients: 1 };
/** The same with storage nodes. */
export const SIZE_WITH_STORAGE: NetworkSize = { ...DEFAULT_SIZE, storages: 3 };

/** Names of the compute nodes of a network. */
export function computeNames({ computes }: NetworkSize): string[] {
  return Array.from({ length: computes }, (_, i) => `compute-${i}`);
}

/** Names of the storage nodes of a network. */
export function storageNames({ storages = 0 }: NetworkSize): string[] {
  return Array.from({ length: storages }, (_, i) => `storage-${i}`);
}

export type NodeKind = "validator" | "compute" | "client" | "storage";

/** A node of the network: its name, keys and the entity that runs it. */
export interface Member {
  readonly name: string;
  readonly kind: NodeKind;
  readonly identity: Identity;
  /** Key of its entity, 32 bytes. */
  readonly entityId: Uint8Array;
  /** Role mask of its registration; 0 for nodes that do not register. */
  readonly roles: number;
  /** Where it says it can be reached; an address of this machine when absent. */
  readonly address?: NodeAddress | undefined;
}

/** A node of which we hold the entity's key, too. */
export interface OwnMember extends Member {
  readonly entity: Signer;
}

const ROLE_OF: Readonly<Record<NodeKind, number>> = {
  validator: ROLE_VALIDATOR,
  compute: ROLE_COMPUTE,
  client: 0,
  storage: ROLE_STORAGE,
};

/**
 * All nodes of a network, in the order validators, computes, clients, storage nodes.
 * @param secret 32 bytes from which all their keys follow
 */
export function networkMembers(secret: Uint8Array, size: NetworkSize): OwnMember[] {
  const member =
    (kind: NodeKind) =>
    (i: number): OwnMember => {
      const name = `${kind}-${i}`;
      const entity = MemorySigner.fromSeed(deriveSeed(secret, `${name}/entity`));
      const identity = deriveIdentity(secret, name);
      return { name, kind, identity, entity, entityId: entity.publicKey, roles: ROLE_OF[kind] };
    };
  const times = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  return [
    ...times(size.validators).map(member("validator")),
    ...times(size.computes).map(member("compute")),
    ...times(size.clients).map(member("client")),
    ...times(size.storages ?? 0).map(member("storage")),
  ];
}

/** A funded account whose key everybody knows. */
export interface DevelopmentAccount {
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array;
  readonly signer: Signer;
}

/** Seed of the test entity that tools of this ecosystem expect. */
const TEST_ENTITY = "ekiden test entity key seed";

/** The development accounts, the well-known test entity first. They are the same in every network. */
export function developmentAccounts(count: number): DevelopmentAccount[] {
  return Array.from({ length: count }, (_, i) => {
    const seed = hash(utf8(i === 0 ? TEST_ENTITY : `qanat: development account ${i}`));
    return { seed, signer: MemorySigner.fromSeed(seed) };
  });
}
