import { concatBytes, fromHex } from "#common/bytes.js";
import { InvalidInput, unknown } from "#common/errors/index.js";
import { hasRoles, ROLE_COMPUTE } from "#common/node-roles.js";
import type { Handlers } from "#common/rpc/index.js";
import { SortedMap } from "#common/sorted-map.js";
import { getNode, getNodeStatus } from "#consensus/services/registry/state.js";
import { type Timestamp, timestampFromNanos, ZERO_TIME } from "#consensus/block/timestamp.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { BundleRefused } from "#runtime/bundle/errors.js";
import type { Node } from "../node.js";
import type { ChainView } from "./chain-view.js";
import type { HandlerOptions } from "./options.js";
import { until } from "./until.js";
import { consensusStatus } from "./consensus.js";
import {
  controlErrors,
  type ControlStatus,
  type nodeControllerMethods,
  type RegistrationStatus,
  type RuntimeStatus,
} from "./control-methods.js";
import { runtimeStatus } from "./runtime-status.js";
import type { P2pStatus } from "./status-types.js";

type ControlHandlers = Handlers<(typeof nodeControllerMethods)["methods"]>;

const NANOS_PER_MS = 1_000_000n;
/** Statuses of services that this node does not have. */
const UNREPORTED = new Uint8Array(0);

function modeOf(node: Node, state: KeyValueReader): string {
  if (node.runtimes.length === 0) return "validator";
  const descriptor = getNode(state, node.identity.node.publicKey);
  return descriptor !== undefined && hasRoles(descriptor.roles, ROLE_COMPUTE) ? "compute" : "client";
}

/** Name of a peer in libp2p: its public key, which is short enough to be its own hash (runtime layer: P2P). */
const PEER_ID_HEAD = fromHex("002408011220");

function p2pStatus({ identity, address, p2p }: Node): P2pStatus {
  const { peers, protocols, topics } = p2p.status();
  const counts = (entries: ReadonlyMap<string, number>): SortedMap<string, bigint> => {
    const counted = SortedMap.text<bigint>();
    for (const [name, count] of entries) counted.set(name, BigInt(count));
    return counted;
  };
  return {
    pubKey: identity.p2p.publicKey,
    peerId: concatBytes(PEER_ID_HEAD, identity.p2p.publicKey),
    addresses: address === undefined ? null : [address],
    numPeers: BigInt(peers),
    numConnections: BigInt(peers),
    protocols: counts(protocols),
    topics: counts(topics),
  };
}

function timeOf(ms: number | undefined): Timestamp {
  return ms === undefined ? ZERO_TIME : timestampFromNanos(BigInt(Math.floor(ms)) * NANOS_PER_MS);
}

/** How the node's own attempts to register have gone, and what the chain knows of it. */
function registrationStatus(state: KeyValueReader, node: Node): RegistrationStatus {
  const id = node.identity.node.publicKey;
  const { lastAttemptMs, lastRegistrationMs, lastError } = node.registrationAttempts ?? {};
  return {
    lastAttemptSuccessful: lastAttemptMs !== undefined && lastError === undefined && lastRegistrationMs !== undefined,
    lastAttemptErrorMessage: lastError ?? "",
    lastAttempt: timeOf(lastAttemptMs),
    lastRegistration: timeOf(lastRegistrationMs),
    descriptor: getNode(state, id),
    nodeStatus: getNodeStatus(state, id),
  };
}

function controlStatus(view: ChainView, options: HandlerOptions): ControlStatus {
  const { node, softwareVersion, upgrades } = options;
  const { identity } = node;
  const state = view.backend.stateAt(0n);
  const runtimes = SortedMap.bytes<RuntimeStatus>();
  for (const [id, worker] of node.entries()) runtimes.set(id, runtimeStatus(state, id, worker, options));
  return {
    softwareVersion,
    mode: modeOf(node, state),
    debug: options.debug === true ? { enabled: true, allowRoot: false } : undefined,
    identity: {
      node: identity.node.publicKey,
      consensus: identity.consensus.publicKey,
      tls: identity.tls.publicKey,
    },
    consensus: consensusStatus(view, identity.consensus.publicKey),
    lightClient: UNREPORTED,
    runtimes,
    registration: registrationStatus(state, node),
    keymanager: UNREPORTED,
    pendingUpgrades: [...(upgrades?.upgrades ?? [])],
    p2p: p2pStatus(node),
    seed: UNREPORTED,
  };
}

/** Whether the node's runtimes run and have caught up, if it has any. */
function isReady(view: ChainView, node: Node): boolean {
  if (view.backend.latestHeight === 0n) return false;
  return node.runtimes.every(({ status }) => status.version !== undefined && status.syncedRound !== undefined);
}

function notImplemented(): never {
  throw controlErrors.notImplemented();
}

/** Methods of a node about itself. */
export function controlHandlers(view: ChainView, options: HandlerOptions): ControlHandlers {
  const { node, upgrades } = options;
  // All nodes of an embedded backend share one chain, so a node that has a block has them all.
  const isSynced = (): boolean => view.backend.latestHeight > 0n;
  return {
    WaitSync: (_, call) => until(view, call, isSynced),
    IsSynced: isSynced,
    WaitReady: (_, call) => until(view, call, () => isReady(view, node)),
    IsReady: () => isReady(view, node),
    GetStatus: () => controlStatus(view, options),
    RequestShutdown: notImplemented,
    UpgradeBinary(descriptor) {
      if (upgrades === undefined) throw controlErrors.notImplemented();
      upgrades.submit(descriptor);
      return null;
    },
    CancelUpgrade(descriptor) {
      if (upgrades === undefined) throw controlErrors.notImplemented();
      upgrades.cancel(descriptor);
      return null;
    },
    async AddBundle(path) {
      if (options.addBundle === undefined) throw controlErrors.notImplemented();
      try {
        await options.addBundle(path);
      } catch (error) {
        if (error instanceof BundleRefused || error instanceof InvalidInput) throw unknown(error.message);
        throw error;
      }
      return null;
    },
  };
}
