/** Node descriptors (registry: descriptors). */
import { PublicKey } from "#common/crypto/keys.js";
import { DecodeError } from "#common/errors/index.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { ROLE_CONSENSUS_RPC_V2, RolesMask } from "#common/node-roles.js";
import {
  bytes,
  list,
  nullable,
  omitEmpty,
  optional,
  struct,
  text,
  u16,
  u64,
  versionOf,
  withForms,
} from "#common/schema/index.js";
import { Version } from "#common/version.js";
import { ConsensusAddress, NodeAddress, TlsAddress } from "./node-address.js";
import { CapabilityTee } from "./tee.js";

/** Version of descriptors that are written today. */
export const NODE_VERSION = 3;
/** Longest software version, in bytes. */
export const SOFTWARE_VERSION_MAX = 128;

/** What a node can do for a runtime. */
export class Capabilities extends struct("Capabilities", { tee: optional(CapabilityTee) }) {}

/** One version of one runtime that a node serves. */
export class NodeRuntime extends struct("NodeRuntime", {
  id: Namespace,
  version: Version,
  capabilities: Capabilities,
  extraInfo: nullable(bytes({ max: FRAME_BYTES })),
}) {}

export class TlsInfo extends struct("TlsInfo", { pubKey: PublicKey }) {}

export class P2pInfo extends struct("P2pInfo", {
  id: PublicKey,
  addresses: nullable(list(NodeAddress, { max: FRAME_ELEMENTS })),
}) {}

export class ConsensusInfo extends struct("ConsensusInfo", {
  id: PublicKey,
  addresses: nullable(list(ConsensusAddress, { max: FRAME_ELEMENTS })),
}) {}

export class VrfInfo extends struct("VrfInfo", { id: PublicKey }) {}

const NODE_RUNTIMES = nullable(list(nullable(NodeRuntime), { max: FRAME_ELEMENTS }));

class NodeV3 extends struct("Node", {
  v: u16,
  id: PublicKey,
  entityId: PublicKey,
  /** Last epoch of the registration. */
  expiration: u64,
  tls: TlsInfo,
  p2p: P2pInfo,
  consensus: ConsensusInfo,
  vrf: VrfInfo,
  runtimes: NODE_RUNTIMES,
  roles: RolesMask,
  softwareVersion: omitEmpty(text({ max: FRAME_BYTES })),
}) {}

class NodeV2 extends struct("Node", {
  v: u16,
  id: PublicKey,
  entityId: PublicKey,
  expiration: u64,
  tls: struct("TlsInfo", {
    pubKey: PublicKey,
    nextPubKey: PublicKey,
    addresses: nullable(list(TlsAddress, { max: FRAME_ELEMENTS })),
  }),
  p2p: P2pInfo,
  consensus: ConsensusInfo,
  vrf: optional(VrfInfo),
  runtimes: NODE_RUNTIMES,
  roles: RolesMask,
  softwareVersion: omitEmpty(text({ max: FRAME_BYTES })),
}) {}

function upgraded(old: NodeV2): NodeV3 {
  return {
    v: NODE_VERSION,
    id: old.id,
    entityId: old.entityId,
    expiration: old.expiration,
    tls: { pubKey: old.tls.pubKey },
    p2p: old.p2p,
    consensus: old.consensus,
    vrf: old.vrf ?? VrfInfo.zero(),
    runtimes: old.runtimes,
    roles: (old.roles & ~ROLE_CONSENSUS_RPC_V2) >>> 0,
    softwareVersion: old.softwareVersion,
  };
}

/**
 * A node descriptor. Blobs of version 2 are read as version 3: the TLS addresses and the old role go, a missing VRF key
 * becomes all zeros. The item is decoded strictly whatever message it is part of.
 */
export class Node extends withForms(NodeV3, {
  read(r) {
    // The usual case needs no second look: a strict reader in front of a canonical descriptor.
    if ((r.mode === "untrusted" || r.mode === "extended") && r.peekVersion() === NODE_VERSION) return NodeV3.read(r);
    const item = r.readRaw();
    const version = versionOf(item);
    if (version === 2) return upgraded(NodeV2.decode(item));
    if (version !== 3) throw new DecodeError(`invalid node descriptor version ${version ?? "(none)"}`);
    return NodeV3.decode(item);
  },
}) {}

/** Whether the registration has ended: its last epoch is before the given one. */
export function isNodeExpired(node: Node, epoch: bigint): boolean {
  return node.expiration < epoch;
}
