/**
 * Rounds of the local network with the key-value runtime: how long a transaction takes, how many fit in a second from
 * inside the process and through the gRPC socket, and what nodes that die or lie cost.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createClient } from "#common/rpc/index.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { RUNTIME_ID, Sender, throughput } from "./runtime/calls.ts";
import { catchUp } from "./runtime/catch-up.ts";
import { troubles } from "./runtime/incidents.ts";
import { type Bench, benchNetwork } from "./runtime/network.ts";
import { type BenchOptions, type BenchResult, type Figure, spread } from "./support/bench.ts";

const SECONDS = 5;
/** A network that runs for minutes is measured, not the compiler at work: seconds of the same load before. */
const WARM_UP_SECONDS = 3;
const LATENCIES = 100;
const TIMES = 9;
/** The reference on this machine: Go nodes with a Rust runtime, blocks of one second, 50 senders. */
const REFERENCE = { submitMs: 1022, perSecond: 76, to: "the reference: Go nodes, Rust runtime, 13 processes" };
const PROPOSE_TIMEOUT_MS = 1000;

async function latency(bench: Bench): Promise<Figure> {
  const sender = new Sender();
  const { client } = bench.client;
  for (let i = 0; i < 10; i++) await client.submitTx(sender.next());
  const all: number[] = [];
  for (let i = 0; i < LATENCIES; i++) {
    const started = performance.now();
    await client.submitTx(sender.next());
    all.push(performance.now() - started);
  }
  const found = spread(all);
  const ratio = found.value / REFERENCE.submitMs;
  return { name: "SubmitTx until included", unit: "ms", ...found, ratio, to: REFERENCE.to, limit: 60 };
}

function perSecond(name: string, value: number, goal: number): Figure {
  const ratio = value / REFERENCE.perSecond;
  return { name, unit: "1/s", value, ratio, to: REFERENCE.to, wanted: goal / REFERENCE.perSecond };
}

async function inProcess({ progress }: BenchOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "qanat-bench-"));
  const bench = benchNetwork(folder);
  const { client } = bench.client;
  try {
    await bench.network.start();
    progress("latency");
    const figures = [await latency(bench)];
    progress("throughput in the process");
    await throughput(200, WARM_UP_SECONDS, (tx) => client.submitTx(tx));
    const rate = await throughput(200, SECONDS, (tx) => client.submitTx(tx));
    figures.push(perSecond("transactions, 200 senders in the process", rate, 4000));
    progress("schedulers that die");
    const sender = new Sender();
    const dead = await troubles(bench, sender, { rank: 0, way: "straggler", times: TIMES });
    const late = spread(dead.map(({ ms }) => ms));
    const compared = { ratio: late.value / PROPOSE_TIMEOUT_MS, to: "propose_batch_timeout" };
    figures.push({ name: "scheduler dies, until the next round", unit: "ms", ...late, ...compared });
    progress("executors that lie");
    const lies = await troubles(bench, sender, { rank: 1, way: "wrong-results", times: TIMES });
    const punished = lies.map(({ punishedAfter }) => punishedAfter).filter((blocks) => blocks !== undefined);
    const blocks = spread(punished);
    figures.push({ name: "lie, until resolved and slashed", unit: "blocks", ...blocks, limit: 3 });
    figures.push({ name: `lies of ${TIMES} that were in time to count`, unit: "", value: punished.length });
    return figures;
  } finally {
    await bench.network.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts `qanat net` in a process of its own. Resolves with its socket. */
async function startNetwork(root: string): Promise<{ socket: string; stop: () => Promise<void> }> {
  const args = [join(root, "dist/qanat.mjs"), "net", "--json", "--quiet-load", "--port", "0"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((done) => child.on("exit", () => done()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event: string; grpc?: string };
    if (event.event !== "ready" || event.grpc === undefined) continue;
    child.stdout.resume();
    return { socket: event.grpc, stop };
  }
  throw new RangeError("qanat net ended before it was ready");
}

async function throughSocket({ root, progress }: BenchOptions): Promise<Figure[]> {
  const { socket, stop } = await startNetwork(root);
  const channel = connectGrpc(socket);
  const client = createClient(runtimeClientMethods, channel);
  const submit = (data: Uint8Array): Promise<unknown> => client.SubmitTx({ runtimeId: RUNTIME_ID, data });
  try {
    await throughput(50, WARM_UP_SECONDS, submit);
    const figures: Figure[] = [];
    for (const senders of [50, 200]) {
      progress(`throughput through the socket, ${senders} senders`);
      const rate = await throughput(senders, SECONDS, submit);
      figures.push(perSecond(`transactions, ${senders} senders through the gRPC socket`, rate, 1500));
    }
    return figures;
  } finally {
    channel.close();
    await stop();
  }
}

async function freshNode({ keys = 1_000_000, progress }: BenchOptions): Promise<Figure[]> {
  const { seconds, cpuSeconds } = await catchUp(keys, progress);
  const name = `fresh storage node, ${keys} keys: checkpoint and 100 rounds`;
  return [
    { name, unit: "s", value: seconds, limit: 20 },
    { name: "the same, processor time with that of its peers", unit: "s", value: cpuSeconds },
  ];
}

/** Runs all of it. */
export async function run(options: BenchOptions): Promise<BenchResult> {
  return { figures: [...(await throughSocket(options)), ...(await inProcess(options)), ...(await freshNode(options))] };
}
