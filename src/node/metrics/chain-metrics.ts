import { equalBytes, toHex } from "#common/bytes.js";
import type { Metrics } from "#common/ports/metrics.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import { consensusAddress } from "#consensus/block/block-id.js";
import { BlockIdFlag, type Commit } from "#consensus/block/commit.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { getRuntimeState } from "#consensus/services/roothash/state.js";
import {
  type Event,
  HEADER_EPOCH_TRANSITION,
  HEADER_NORMAL,
  HEADER_ROUND_FAILED,
} from "#consensus/services/roothash/types.js";
import { carriers } from "../rpc/chain-view.js";
import type { METRICS } from "./catalogue.js";

/** A name of the catalogue. */
export type MetricName = keyof typeof METRICS;

/** A node as far as its blocks are counted. */
export interface Signatory {
  readonly name: string;
  /** Consensus key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

const BACKEND = "cometbft";

/** Counts what blocks bring: who made and signed them, and what became of runtime rounds. */
export class ChainMetrics {
  private readonly addresses: readonly { readonly name: string; readonly address: Uint8Array }[];
  /** When the last block of a runtime came, in Unix seconds. */
  private readonly lastBlock = new Map<string, bigint>();

  constructor(
    private readonly backend: Backend,
    private readonly metrics: Metrics,
    signatories: readonly Signatory[],
  ) {
    this.addresses = signatories.map(({ name, publicKey }) => ({ name, address: consensusAddress(publicKey) }));
  }

  /** Takes in a block; returns nothing and throws nothing, whatever the block holds. */
  block(committed: CommittedBlock): void {
    const { header } = committed.block;
    for (const { name, address } of this.addresses) {
      const labels = { backend: BACKEND, node: name };
      if (equalBytes(header.proposerAddress, address)) this.count("consensus_proposed_blocks", labels);
      if (signed(this.backend.commit(committed.height), address)) this.count("consensus_signed_blocks", labels);
    }
    for (const { event } of carriers(committed)) {
      const told = readRuntimeEvent(event, committed.height, new Uint8Array(32));
      if (told !== undefined) this.runtimeEvent(committed.height, told);
    }
  }

  private count(name: MetricName, labels?: Readonly<Record<string, string>>): void {
    this.metrics.count(name, labels);
  }

  private runtimeEvent(height: bigint, event: Event): void {
    const runtime = toHex(event.runtimeId);
    this.count("worker_processed_event_count", { runtime });
    if (event.executionDiscrepancyDetected !== undefined) {
      this.count("worker_execution_discrepancy_detected_count", { runtime });
    }
    if (event.finalized === undefined) return;
    this.count("finalized_rounds");
    this.count("worker_processed_block_count", { runtime });
    const header = getRuntimeState(this.backend.stateAt(height), event.runtimeId)?.lastBlock?.header;
    if (header === undefined) return;
    if (header.headerType === HEADER_EPOCH_TRANSITION) this.count("worker_committee_transition_count", { runtime });
    if (header.headerType === HEADER_ROUND_FAILED) this.count("worker_failed_round_count", { runtime });
    const last = this.lastBlock.get(runtime);
    this.lastBlock.set(runtime, header.timestamp);
    // As in the reference, only rounds that ended normally tell how fast the runtime is.
    if (last !== undefined && header.headerType === HEADER_NORMAL) {
      this.metrics.observe("roothash_block_interval", Number(header.timestamp - last), { runtime });
    }
  }
}

function signed(commit: Commit | undefined, address: Uint8Array): boolean {
  return (
    commit?.signatures.some(
      (vote) => vote.blockIdFlag === BlockIdFlag.commit && equalBytes(vote.validatorAddress, address),
    ) ?? false
  );
}
