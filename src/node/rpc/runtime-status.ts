import { equalBytes } from "#common/bytes.js";
import { Hash } from "#common/hash.js";
import { compareVersions, type Version } from "#common/version.js";
import { getAnyRuntime, getRuntime } from "#consensus/services/registry/state.js";
import { getRuntimeState } from "#consensus/services/roothash/state.js";
import { type Block, headerHash, NO_RANK, type RuntimeState } from "#consensus/services/roothash/types.js";
import { schedulerRank } from "#consensus/services/scheduler/types.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { ROOT_STATE, Root } from "#mkvs/node/root.js";
import { RONL } from "#runtime/bundle/component.js";
import type { Node } from "../node.js";
import type { ComponentStatus, RuntimeStatus } from "./control-methods.js";
import type { HandlerOptions } from "./options.js";
import { COMMITTEE_STATES, type CommitteeStatus, EXECUTOR_STATES, type LivenessStatus } from "./status-types.js";

type RuntimeWorker = Node["runtimes"][number];

/** Hash of a block; zeros as long as there is none. */
function hashOf(block: Block | null | undefined): Uint8Array {
  return block === null || block === undefined ? Hash.zero() : headerHash(block.header);
}

/** What is installed, and what the worker hosts without that. */
function componentsOf(installed: readonly ComponentStatus[], { versions, status }: RuntimeWorker): ComponentStatus[] {
  const hosted = status.version === undefined ? versions : [status.version, ...versions];
  const all = [...installed];
  for (const version of hosted) {
    const known = all.some((other) => other.kind === RONL && compareVersions(other.version, version) === 0);
    if (!known) all.push({ kind: RONL, name: "", version, detached: false, disabled: false });
  }
  return all;
}

function stateOf(state: KeyValueReader, id: Uint8Array, worker: RuntimeWorker): number {
  if (getAnyRuntime(state, id) === undefined) return COMMITTEE_STATES.waitingRegistry;
  if (getRuntime(state, id) === undefined) return COMMITTEE_STATES.suspended;
  if (worker.host.info === undefined) return COMMITTEE_STATES.waitingHostedRuntime;
  return worker.status.syncedRound === undefined ? COMMITTEE_STATES.waitingWorkers : COMMITTEE_STATES.ready;
}

/** Seats of a node in the committee. */
function seatsOf({ committee }: RuntimeState, nodeId: Uint8Array): number[] {
  const members = committee?.members ?? [];
  return members.flatMap(({ publicKey }, i) => (equalBytes(publicKey, nodeId) ? [i] : []));
}

function livenessOf(found: RuntimeState, seats: readonly number[]): LivenessStatus | undefined {
  const { livenessStatistics: statistics } = found;
  if (statistics === undefined || seats.length === 0) return undefined;
  const sum = (counters: readonly bigint[] | null): bigint =>
    seats.reduce((total, seat) => total + (counters?.[seat] ?? 0n), 0n);
  return {
    totalRounds: statistics.totalRounds,
    liveRounds: sum(statistics.liveRounds),
    finalizedProposals: sum(statistics.finalizedProposals),
    missedProposals: sum(statistics.missedProposals),
  };
}

/** A worker as the reference's common worker tells of itself (runtime layer: status). */
function committeeStatus(
  state: KeyValueReader,
  id: Uint8Array,
  worker: RuntimeWorker,
  nodeId: Uint8Array,
  versions: Version[],
): CommitteeStatus {
  const found = getRuntimeState(state, id);
  const latestRound = found?.lastBlock?.header.round ?? 0n;
  const seats = found === undefined ? [] : seatsOf(found, nodeId);
  const committee = found?.committee ?? undefined;
  const roles = seats.map((seat) => committee?.members?.[seat]?.role ?? 0);
  return {
    status: stateOf(state, id, worker),
    activeVersion: worker.host.info?.runtimeVersion ?? null,
    latestRound,
    latestHeight: found?.lastBlockHeight ?? 0n,
    executorRoles: roles.length === 0 ? null : roles,
    schedulerRank: (committee && schedulerRank(committee, latestRound + 1n, nodeId)) ?? NO_RANK,
    liveness: found && livenessOf(found, seats),
    peers: null,
    host: { versions },
  };
}

/** How a runtime stands on a node. */
export function runtimeStatus(
  state: KeyValueReader,
  id: Uint8Array,
  worker: RuntimeWorker,
  { node, installed, provisioner = "" }: HandlerOptions,
): RuntimeStatus {
  const found = getRuntimeState(state, id);
  const latest = found?.lastBlock?.header;
  const first = found?.genesisBlock;
  const retained = worker.history.earliest() === undefined ? undefined : worker.client.getLastRetainedBlock();
  const components = componentsOf(installed?.(id) ?? [], worker);
  const versions = components.filter(({ kind }) => kind === RONL).map(({ version }) => version);
  const running = worker.host.info !== undefined;
  return {
    descriptor: getAnyRuntime(state, id) ?? null,
    latestRound: latest?.round ?? 0n,
    latestHash: hashOf(found?.lastBlock),
    latestTime: latest?.timestamp ?? 0n,
    latestStateRoot:
      latest === undefined
        ? Root.zero()
        : { namespace: id, version: latest.round, type: ROOT_STATE, hash: latest.stateRoot },
    genesisRound: first?.header.round ?? 0n,
    genesisHash: hashOf(first),
    lastRetainedRound: retained?.header.round ?? 0n,
    lastRetainedHash: hashOf(retained),
    committee: committeeStatus(state, id, worker, node.identity.node.publicKey, versions),
    executor: worker.executes
      ? { status: running ? EXECUTOR_STATES.ready : EXECUTOR_STATES.waitingRuntime }
      : undefined,
    storage: worker.storage.status,
    indexer: { status: "indexing", lastRound: worker.history.lastRound ?? 0n, reindexStatus: undefined },
    provisioner,
    components,
  };
}
