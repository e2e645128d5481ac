import { utf8 } from "#common/bytes.js";
import { MemorySigner, type Signer } from "#common/crypto/signature.js";
import { ROLE_COMPUTE, ROLE_VALIDATOR } from "#common/node-roles.js";
import { type Identity, deriveIdentity, deriveSeed } from "#node/identity.js";
import { hash } from "#common/hash.js";

/** How many nodes of each kind a local network has. */
export interface NetworkSize {
  readonly validators: number;
  readonly computes: number;
  readonly clients: number;
}

export const DEFAULT_SIZE: NetworkSize = { validators: 4, computes: 5, clients: 1 };

/** Names of the compute nodes of a network. */
export function computeNames({ computes }: NetworkSize): string[] {
  return Array.from({ length: computes }, (_, i) => `compute-${i}`);
}

export type NodeKind = "validator" | "compute" | "client";

/** A node of the network: its name, keys and the entity that runs it. */
export interface Member {
  readonly name: string;
  readonly kind: NodeKind;
  readonly identity: Identity;
  readonly entity: Signer;
  /** Role mask of its registration; 0 for nodes that do not register. */
  readonly roles: number;
}

const ROLE_OF: Readonly<Record<NodeKind, number>> = { validator: ROLE_VALIDATOR, compute: ROLE_COMPUTE, client: 0 };

/**
 * All nodes of a network, in the order validators, computes, clients.
 * @param secret 32 bytes from which all their keys follow
 */
export function networkMembers(secret: Uint8Array, size: NetworkSize): Member[] {
  const member =
    (kind: NodeKind) =>
    (i: number): Member => {
      const name = `${kind}-${i}`;
      const entity = MemorySigner.fromSeed(deriveSeed(secret, `${name}/entity`));
      return { name, kind, identity: deriveIdentity(secret, name), entity, roles: ROLE_OF[kind] };
    };
  const times = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  return [
    ...times(size.validators).map(member("validator")),
    ...times(size.computes).map(member("compute")),
    ...times(size.clients).map(member("client")),
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
