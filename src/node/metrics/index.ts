import { toHex } from "#common/bytes.js";
import type { Clock } from "#common/ports/clock.js";
import type { Metrics } from "#common/ports/metrics.js";
import type { CallObserver } from "#common/rpc/index.js";
import type { Backend } from "#consensus/backends/backend.js";
import type { Node } from "../node.js";
import { ChainMetrics } from "./chain-metrics.js";
import { StateMetrics } from "./state-metrics.js";

/** What is measured, and with what. */
export interface NodeMetricsOptions {
  readonly backend: Backend;
  readonly nodes: readonly Node[];
  readonly metrics: Metrics;
}

/**
 * Measures the nodes of a process (node: metrics). Counters follow blocks; everything that can be read at any time is
 * read when it is asked for.
 */
export class NodeMetrics {
  private readonly chain: ChainMetrics;
  private readonly state: StateMetrics;
  private ends: (() => void)[] = [];

  constructor(private readonly options: NodeMetricsOptions) {
    const { backend, metrics, nodes } = options;
    const signatories = nodes.map(({ name, identity }) => ({ name, publicKey: identity.consensus.publicKey }));
    this.chain = new ChainMetrics(backend, metrics, signatories);
    this.state = new StateMetrics(metrics);
  }

  start(): void {
    this.ends.push(this.options.backend.onBlock((block) => this.chain.block(block)));
    const followed = new Set<string>();
    for (const [id, worker] of this.options.nodes.flatMap((node) => Array.from(node.entries()))) {
      const runtime = toHex(id);
      // Every node sees the same rounds.
      if (followed.has(runtime)) continue;
      followed.add(runtime);
      const rounds = worker.watchRounds();
      this.ends.push(() => rounds.close());
      void this.batches(runtime, rounds);
    }
  }

  private async batches(runtime: string, rounds: AsyncIterable<{ readonly transactions: number }>): Promise<void> {
    for await (const { transactions } of rounds)
      this.options.metrics.observe("worker_batch_size", transactions, { runtime });
  }

  stop(): void {
    for (const end of this.ends.splice(0)) end();
  }

  /** Sets all gauges. */
  refresh(): void {
    const { backend, nodes } = this.options;
    if (backend.latestHeight > 0n) this.state.refresh(backend.stateAt(0n), nodes);
  }
}

/** Counts and times the calls of a client API. */
export function meteredCalls(metrics: Metrics, clock: Clock): CallObserver {
  return {
    began(path) {
      const labels = { call: path };
      const begun = clock.nowMs();
      metrics.count("grpc_server_calls", labels);
      return () => metrics.observe("grpc_server_latency", (clock.nowMs() - begun) / 1000, labels);
    },
    streamed: (path) => metrics.count("grpc_server_stream_writes", { call: path }),
  };
}
