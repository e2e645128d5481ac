import { equalBytes, toHex } from "#common/bytes.js";
import type { LabelValues, Metrics } from "#common/ports/metrics.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import * as keyManagers from "#consensus/services/keymanager/queries.js";
import { ephemeralSecrets, masterSecrets } from "#consensus/services/keymanager/state.js";
import { entities, nodes, runtimes } from "#consensus/services/registry/queries.js";
import { getNode, getNodeStatus } from "#consensus/services/registry/state.js";
import { isFrozen, isNodeSuspended } from "#consensus/services/registry/types/status.js";
import { getRuntimeState } from "#consensus/services/roothash/state.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { BlockHistory } from "#runtime/history/block-history.js";
import type { Node } from "../node.js";
import type { MetricName } from "./chain-metrics.js";

/** Sets the gauges of what the state and the nodes say now. It is done when somebody asks, so blocks pay nothing. */
export class StateMetrics {
  constructor(private readonly metrics: Metrics) {}

  private set(name: MetricName, value: number | bigint | boolean, labels?: LabelValues): void {
    this.metrics.set(name, Number(value), labels);
  }

  /** @param state state after the latest block */
  refresh(state: KeyValueReader, members: readonly Node[]): void {
    const epoch = getEpoch(state);
    this.set("up", 1);
    this.set("registry_entities", entities(state).length);
    this.set("registry_nodes", nodes(state, epoch).length);
    const descriptors = runtimes(state, true);
    this.set("registry_runtimes", descriptors.length);
    for (const member of members) {
      this.registration(state, member, epoch);
      for (const [id, worker] of member.entries()) this.worker(state, member, id, worker, epoch);
      for (const { history, storage } of member.stored) {
        this.rounds(history, { runtime: toHex(storage.db.namespace), node: member.name });
      }
    }
    this.keyManagers(state);
    for (const { keyManager } of descriptors) {
      if (keyManager === undefined) continue;
      const served = descriptors.filter((d) => d.keyManager !== undefined && equalBytes(d.keyManager, keyManager));
      this.set("worker_keymanager_compute_runtime_count", served.length, { runtime: toHex(keyManager) });
    }
  }

  private registration(state: KeyValueReader, member: Node, epoch: bigint): void {
    const node = member.name;
    const descriptor = getNode(state, member.identity.node.publicKey);
    this.set("worker_node_registered", descriptor !== undefined, { node });
    const status = getNodeStatus(state, member.identity.node.publicKey);
    if (status === undefined) return;
    this.set("worker_node_status_frozen", isFrozen(status), { node });
    this.set("worker_node_registration_eligible", status.electionEligibleAfter < epoch && !isFrozen(status), { node });
    for (const entry of descriptor?.runtimes ?? []) {
      if (entry === null) continue;
      const labels = { runtime: toHex(entry.id), node };
      this.set("worker_node_status_runtime_faults", status.faults.get(entry.id)?.failures ?? 0, labels);
      this.set("worker_node_status_runtime_suspended", isNodeSuspended(status, entry.id, epoch), labels);
    }
  }

  private worker(
    state: KeyValueReader,
    member: Node,
    id: Uint8Array,
    worker: Node["runtimes"][number],
    epoch: bigint,
  ): void {
    const labels = { runtime: toHex(id), node: member.name };
    const { membership, pendingTransactions } = worker.status;
    this.set("worker_epoch_number", epoch, { runtime: labels.runtime });
    this.set("worker_executor_is_worker", membership === "worker", labels);
    this.set("worker_executor_is_backup_worker", membership === "backup-worker", labels);
    this.set("txpool_pending_schedule_size", pendingTransactions, labels);
    this.rounds(worker.history, labels);
    this.liveness(state, member.identity.node.publicKey, id, labels);
  }

  private rounds({ lastRound = 0n, lastSyncedRound = 0n }: BlockHistory, labels: LabelValues): void {
    this.set("worker_storage_pending_round", lastRound, labels);
    this.set("worker_storage_synced_round", lastSyncedRound, labels);
    this.set("worker_storage_full_round", lastSyncedRound, labels);
  }

  private liveness(state: KeyValueReader, nodeId: Uint8Array, id: Uint8Array, labels: LabelValues): void {
    const found = getRuntimeState(state, id);
    const statistics = found?.livenessStatistics;
    const seats = found?.committee?.members ?? [];
    const seat = seats.findIndex(({ publicKey }) => equalBytes(publicKey, nodeId));
    const total = seat < 0 ? 0n : (statistics?.totalRounds ?? 0n);
    const live = seat < 0 ? 0n : (statistics?.liveRounds?.[seat] ?? 0n);
    this.set("worker_executor_liveness_total_rounds", total, labels);
    this.set("worker_executor_liveness_live_rounds", live, labels);
    this.set("worker_executor_liveness_live_ratio", total === 0n ? 1 : Number(live) / Number(total), labels);
  }

  private keyManagers(state: KeyValueReader): void {
    for (const { id, generation, rotationEpoch } of keyManagers.statuses(state)) {
      const labels = { runtime: toHex(id) };
      this.set("worker_keymanager_consensus_master_secret_generation_number", generation, labels);
      this.set("worker_keymanager_consensus_master_secret_rotation_epoch_number", rotationEpoch, labels);
      const proposal = masterSecrets.get(state, id)?.secret;
      if (proposal !== undefined) {
        this.set("worker_keymanager_consensus_master_secret_proposal_epoch_number", proposal.epoch, labels);
        this.set("worker_keymanager_consensus_master_secret_proposal_generation_number", proposal.generation, labels);
      }
      const ephemeral = ephemeralSecrets.get(state, id)?.secret;
      if (ephemeral === undefined) continue;
      this.set("worker_keymanager_consensus_ephemeral_secret_epoch_number", ephemeral.epoch, labels);
    }
    for (const status of keyManagers.churpAllStatuses(state)) {
      const labels = { runtime: toHex(status.runtimeId), churp: String(status.id) };
      const applications = Array.from(status.applications.values());
      this.set("worker_keymanager_churp_committee_size", status.committee.length, labels);
      this.set("worker_keymanager_churp_threshold_number", status.threshold, labels);
      this.set("worker_keymanager_churp_extra_shares_number", status.extraShares, labels);
      this.set("worker_keymanager_churp_handoff_interval", status.handoffInterval, labels);
      this.set("worker_keymanager_churp_handoff_number", status.handoff, labels);
      this.set("worker_keymanager_churp_next_handoff_number", status.nextHandoff, labels);
      this.set("worker_keymanager_churp_submitted_applications_total", applications.length, labels);
      const confirmed = applications.filter(({ reconstructed }) => reconstructed).length;
      this.set("worker_keymanager_churp_confirmed_applications_total", confirmed, labels);
    }
  }
}
