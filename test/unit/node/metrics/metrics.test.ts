import { setImmediate as immediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cancellation } from "#common/cancellation.js";
import { toHex } from "#common/bytes.js";
import { METRIC_PREFIX, METRICS } from "#node/metrics/catalogue.js";
import { meteredCalls, NodeMetrics } from "#node/metrics/index.js";
import { systemClock } from "#platform/clock.js";
import { PrometheusMetrics } from "#platform/metrics.js";
import { listenMetrics, type MetricsServer } from "#platform/metrics-server.js";
import { processMetrics } from "#platform/process-metrics.js";
import { buildNetwork, type BuiltNetwork, RUNTIME_ID } from "../../../interop/support/network.ts";

let built: BuiltNetwork;
let server: MetricsServer;
const metrics = new PrometheusMetrics(METRICS, METRIC_PREFIX);

beforeAll(async () => {
  built = buildNetwork();
  const { network, handler, log } = built;
  const nodes = new NodeMetrics({ backend: network.backend, nodes: network.nodes, metrics });
  server = await listenMetrics(0, metrics, () => refresh(nodes), log);
  nodes.start();
  handler.observe(meteredCalls(metrics, systemClock));
  await network.start();
});
afterAll(async () => {
  await server.close();
  await built.network.stop();
});

function refresh(nodes: NodeMetrics): void {
  nodes.refresh();
  processMetrics(metrics, import.meta.dirname, import.meta.dirname);
}

/** The value of one line of the text form. */
async function valueOf(line: string): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  const found = text.split("\n").find((candidate) => candidate.startsWith(`oasis_${line} `));
  return found === undefined ? undefined : Number(found.split(" ").at(-1));
}

const runtime = toHex(RUNTIME_ID);

describe("metrics of a network", () => {
  test("count blocks by who proposed and who signed them", async () => {
    const { backend } = built.network;
    const height = Number(backend.latestHeight);
    const named = (metric: string) => (i: number) =>
      valueOf(`${metric}{backend="cometbft",node="validator-${i}"}`).then((value) => value ?? 0);
    const proposed = await Promise.all([0, 1, 2, 3].map(named("consensus_proposed_blocks")));
    expect(proposed.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(height);
    expect(await named("consensus_signed_blocks")(0)).toBeGreaterThanOrEqual(height);
  });

  test("tell what the state says, by the names of the reference", async () => {
    expect(await valueOf("up")).toBe(1);
    expect(await valueOf("registry_entities")).toBe(10);
    expect(await valueOf("registry_nodes")).toBe(9);
    expect(await valueOf("registry_runtimes")).toBe(1);
    expect(await valueOf('worker_node_registered{node="compute-0"}')).toBe(1);
    expect(await valueOf('worker_node_status_frozen{node="compute-0"}')).toBe(0);
    const workers = await Promise.all(
      [0, 1, 2, 3, 4].map((i) => valueOf(`worker_executor_is_worker{runtime="${runtime}",node="compute-${i}"}`)),
    );
    expect(workers.filter((value) => value === 1)).toHaveLength(3);
    expect(await valueOf(`worker_committee_transition_count{runtime="${runtime}"}`)).toBeGreaterThanOrEqual(1);
    expect(await valueOf("finalized_rounds")).toBeGreaterThanOrEqual(1);
  });

  test("tell how the process stands", async () => {
    for (const name of ["node_cpu_utime_seconds", "node_mem_rss_anon_bytes", "node_mem_vm_size_bytes"]) {
      expect(await valueOf(name), name).toBeGreaterThan(0);
    }
    expect(await valueOf("node_disk_usage_bytes")).toBeGreaterThan(0);
  });

  test("count and time calls and the items of streams", async () => {
    const { handler, network } = built;
    const cancellation = new Cancellation();
    const call = { cancellation: cancellation.token };
    const path = "/oasis-core.Consensus/GetLatestHeight";
    for (let i = 0; i < 3; i++) {
      const answer = handler.handle(path, new Uint8Array(0), call);
      if (answer.kind === "unary") await answer.result;
    }
    await immediate();
    expect(await valueOf(`grpc_server_calls{call="${path}"}`)).toBe(3);
    expect(await valueOf(`grpc_server_latency_count{call="${path}"}`)).toBe(3);
    const stream = handler.handle("/oasis-core.Consensus/WatchBlocks", new Uint8Array(0), call);
    if (stream.kind !== "stream") throw new TypeError("WatchBlocks is a stream");
    for await (const item of stream.items) {
      expect(item.length).toBeGreaterThan(0);
      break;
    }
    expect(await valueOf('grpc_server_stream_writes{call="/oasis-core.Consensus/WatchBlocks"}')).toBe(1);
    expect(network.backend.latestHeight).toBeGreaterThan(0n);
    // What nobody serves is nobody's metric: clients cannot make up labels.
    const unknown = handler.handle("/oasis-core.Nothing/Here", new Uint8Array(0), call);
    if (unknown.kind === "unary") await expect(unknown.result).rejects.toThrow("unknown method");
    expect(await valueOf('grpc_server_calls{call="/oasis-core.Nothing/Here"}')).toBeUndefined();
  });

  test("are told to GET /metrics only, by this machine only", async () => {
    const base = `http://127.0.0.1:${server.port}`;
    expect((await fetch(`${base}/metrics`)).headers.get("content-type")).toContain("text/plain");
    expect((await fetch(`${base}/metrics`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${base}/`)).status).toBe(404);
    await expect(listenMetrics(server.port, metrics, () => undefined, built.log)).rejects.toThrow("already in use");
  });
});
