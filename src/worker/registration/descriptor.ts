import type { Signer } from "#common/crypto/signature.js";
import { ROLE_COMPUTE, ROLE_STORAGE, ROLE_VALIDATOR, hasRoles } from "#common/node-roles.js";
import type { Version } from "#common/version.js";
import { MultiSignedNode } from "#consensus/services/registry/types/signed.js";
import { type Node, NODE_VERSION } from "#consensus/services/registry/types/node.js";
import type { NodeAddress } from "#consensus/services/registry/types/node-address.js";

/** Keys that a node descriptor names and that must all sign it. */
export interface DescriptorKeys {
  readonly node: Signer;
  readonly p2p: Signer;
  readonly consensus: Signer;
  readonly vrf: Signer;
  readonly tls: Signer;
}

/** What a node offers. */
export interface NodeOffer {
  readonly keys: DescriptorKeys;
  readonly entityId: Uint8Array;
  /** Role mask (registry: roles). */
  readonly roles: number;
  readonly runtimes: readonly { readonly id: Uint8Array; readonly version: Version }[];
  readonly address: NodeAddress;
  readonly softwareVersion: string;
}

/** A node descriptor that is valid until the end of an epoch, signed by every key that it names. */
export function signDescriptor(offer: NodeOffer, expiration: bigint): MultiSignedNode {
  const { keys } = offer;
  const needsP2p = hasRoles(offer.roles, ROLE_COMPUTE | ROLE_STORAGE | ROLE_VALIDATOR);
  const node: Node = {
    v: NODE_VERSION,
    id: keys.node.publicKey,
    entityId: offer.entityId,
    expiration,
    tls: { pubKey: keys.tls.publicKey },
    p2p: { id: keys.p2p.publicKey, addresses: needsP2p ? [offer.address] : null },
    consensus: {
      id: keys.consensus.publicKey,
      addresses: [{ id: keys.p2p.publicKey, address: offer.address }],
    },
    vrf: { id: keys.vrf.publicKey },
    runtimes: offer.runtimes.map(({ id, version }) => ({ id, version, capabilities: {}, extraInfo: null })),
    roles: offer.roles,
    softwareVersion: offer.softwareVersion,
  };
  return MultiSignedNode.sign([keys.node, keys.p2p, keys.consensus, keys.vrf, keys.tls], node);
}
