import { performance } from "node:perf_hooks";
import { equalBytes } from "#common/bytes.js";
import { timestampToText } from "#common/schema/index.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { getCommittees } from "#consensus/services/scheduler/queries.js";
import { COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import { IncidentReader } from "#network/incidents.js";
import type { LocalNetwork } from "#network/local-network.js";
import { ReceiptReader, type RoundReceipts } from "#network/receipts.js";
import type { RuntimeWorker } from "#worker/runtime-worker.js";
import type { IncidentCounts, IncidentReport, Reporter, Status } from "./reporter.js";

/** Counts what happened and tells it to the reporter. */
export class Observer {
  private blocks = 0;
  private rounds = 0;
  private transactions = 0;
  private firstBlockMs: number | undefined;
  private firstRoundMs: number | undefined;
  private round: bigint | undefined;
  private readonly incidents: IncidentCounts = { discrepancies: 0, resolved: 0, slashed: 0n };
  private readonly incidentReader: IncidentReader | undefined;
  private readonly receiptReader: ReceiptReader | undefined;
  private receipts = 0;

  constructor(
    private readonly network: LocalNetwork,
    /** The runtime that is told about; undefined on a network of validators only. */
    private readonly runtimeId: Uint8Array | undefined,
    private readonly reporter: Reporter,
    private readonly onRounds: (rounds: number) => void,
  ) {
    this.incidentReader = runtimeId && new IncidentReader(network.backend, runtimeId);
    this.receiptReader = runtimeId && new ReceiptReader(network.backend, runtimeId);
  }

  /** Milliseconds since the process began. */
  static now(): number {
    return Math.round(performance.now());
  }

  block = (committed: CommittedBlock): void => {
    const { height, block, outcome } = committed;
    this.blocks++;
    this.firstBlockMs ??= Observer.now();
    // The proposer's closing transaction is no user's.
    const transactions = Math.max(0, block.data.txs.length - 1);
    const time = timestampToText(block.header.time);
    this.reporter.block({ height, appHash: outcome.appHash, time, transactions }, () => this.status());
    for (const incident of this.incidentReader?.read(committed) ?? []) this.note({ ...incident, height });
    for (const receipts of this.receiptReader?.read(committed) ?? []) this.noteReceipts(receipts);
  };

  private noteReceipts({ round, signers }: RoundReceipts): void {
    this.receipts = signers.length;
    const { nodes } = this.network;
    const names = nodes.filter(({ identity }) => signers.some((signer) => equalBytes(signer, identity.node.publicKey)));
    this.reporter.receipts({ round, signers: names.map(({ name }) => name) });
  }

  private note(incident: IncidentReport): void {
    const { incidents } = this;
    if (incident.type === "discrepancy") incidents.discrepancies++;
    else if (incident.type === "resolved") incidents.resolved++;
    else if (incident.type === "slashed") incidents.slashed += incident.amount;
    this.reporter.incident(incident);
  }

  /** Follows the rounds of the runtime as the client node sees them. */
  async follow(worker: RuntimeWorker): Promise<void> {
    for await (const { round, transactions, finalizedBy } of worker.watchRounds()) {
      this.round = round;
      this.transactions += transactions;
      if (transactions > 0) {
        this.rounds++;
        this.firstRoundMs ??= Observer.now();
      }
      this.reporter.round({ round, transactions, finalizedBy }, () => this.status());
      if (transactions > 0) this.onRounds(this.rounds);
    }
  }

  /** Follows what a node leaves out of its batches. */
  async followCuts(node: string, worker: RuntimeWorker): Promise<void> {
    for await (const cut of worker.watchCuts()) this.reporter.cut({ node, ...cut });
  }

  private status(): Status {
    const { backend } = this.network;
    const state = backend.stateAt(0n);
    const { runtimeId } = this;
    const [executors, storage] = runtimeId === undefined ? [] : getCommittees(state, runtimeId);
    const members = executors?.members ?? [];
    const primary = members.filter((member) => member.role === COMMITTEE_WORKER).length;
    const { blocks, rounds, transactions, round, incidents } = this;
    const committee = members.length === 0 ? "none" : `${primary}+${members.length - primary}`;
    const height = backend.latestHeight;
    const receipts = storage && `${this.receipts}/${storage.members?.length ?? 0}`;
    return { height, epoch: getEpoch(state), round, committee, receipts, blocks, rounds, transactions, incidents };
  }

  summary(memoryMb: number): void {
    const { blocks, rounds, transactions, firstBlockMs, firstRoundMs } = this;
    const appHash = this.network.backend.app.appHash;
    this.reporter.summary({ firstBlockMs, firstRoundMs, blocks, rounds, transactions, memoryMb, appHash });
  }
}
