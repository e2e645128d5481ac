import type { Log } from "#common/ports/log.js";
import type { RpcHandler } from "#common/rpc/index.js";
import type { LocalNetwork, LocalNetworkOptions } from "#network/local-network.js";
import { METRIC_PREFIX, METRICS } from "#node/metrics/catalogue.js";
import { meteredCalls, NodeMetrics } from "#node/metrics/index.js";
import { meteredHost } from "#node/metrics/metered-host.js";
import { systemClock } from "#platform/clock.js";
import type { DataFolder } from "#platform/data-folder.js";
import { PrometheusMetrics } from "#platform/metrics.js";
import { listenMetrics } from "#platform/metrics-server.js";
import { processMetrics } from "#platform/process-metrics.js";

/** Name of the disk of the consensus layer in the data folder. */
const CONSENSUS_DISK = "consensus";

/** Measures a network; nothing is measured unless one of these is made. */
export class NetMetrics {
  private readonly metrics = new PrometheusMetrics(METRICS, METRIC_PREFIX);

  /** Hosts whose calls are counted. */
  provision(provision: LocalNetworkOptions["provision"]): LocalNetworkOptions["provision"] {
    return (member, site) => {
      const host = provision(member, site);
      return host && meteredHost(host, this.metrics, systemClock);
    };
  }

  /**
   * Begins to measure and to answer Prometheus.
   * @returns how to end that
   * @throws InvalidInput when the port cannot be used
   */
  async start(
    port: number,
    network: LocalNetwork,
    handler: RpcHandler,
    folder: DataFolder,
    log: Log,
  ): Promise<() => Promise<void>> {
    const { metrics } = this;
    const nodes = new NodeMetrics({ backend: network.backend, nodes: network.nodes, metrics });
    const refresh = (): void => {
      nodes.refresh();
      processMetrics(metrics, folder.path, folder.file(CONSENSUS_DISK));
    };
    const server = await listenMetrics(port, metrics, refresh, log);
    nodes.start();
    handler.observe(meteredCalls(metrics, systemClock));
    return async () => {
      nodes.stop();
      await server.close();
    };
  }
}
