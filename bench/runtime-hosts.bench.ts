/** Runtimes in processes of their own: how soon they are ready, and what replicas cost beside one another. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { EMPTY_HASH } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { u32 } from "#common/schema/index.js";
import { systemClock } from "#platform/clock.js";
import { lineLog } from "#platform/log.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { Sandbox } from "#platform/sandbox.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { ProcessHost } from "#runtime/host/process.js";
import { wellFormedBlock } from "#runtime/testing/light-block.js";
import { RUNTIME_ID } from "./runtime/calls.ts";
import { type BenchOptions, type BenchResult, type Figure, spread } from "./support/bench.ts";
import { emptyNodeMs } from "./support/network.ts";

const STARTS = 10;
const TIMES = 5;
/** Work of one query: some hundred milliseconds. */
const HASHES = 300_000;
const LONG_MS = 600_000;

function hostOf(path: string, sandbox: Sandbox | undefined): ProcessHost {
  const log = lineLog({ level: "warn" });
  return new ProcessHost({
    runtimeId: RUNTIME_ID,
    chainContext: "00",
    environment: {
      nodeId: new Uint8Array(32),
      localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID),
    },
    launcher: new ProcessLauncher({ path, sandbox, log }),
    clock: systemClock,
    log,
  });
}

async function starts(path: string, sandbox: Sandbox | undefined): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const host = hostOf(path, sandbox);
    const started = performance.now();
    await host.start();
    all.push(performance.now() - started);
    await host.stop();
  }
  return all;
}

function work(host: ProcessHost): Promise<unknown> {
  const header = {
    version: 0,
    namespace: RUNTIME_ID,
    round: 0n,
    timestamp: 0n,
    headerType: 1,
    previousHash: EMPTY_HASH,
    ioRoot: EMPTY_HASH,
    stateRoot: EMPTY_HASH,
    messagesHash: EMPTY_HASH,
    inMessagesHash: EMPTY_HASH,
  };
  const consensusBlock = wellFormedBlock(1n);
  const query = { consensusBlock, header, epoch: 0n, maxMessages: 0, method: "work", args: u32.encode(HASHES) };
  return host.call("RuntimeQueryRequest", query, LONG_MS);
}

/** Wall time of three replicas at once against one alone, the least of several times. */
async function replicas(path: string): Promise<number> {
  const hosts = [hostOf(path, undefined), hostOf(path, undefined), hostOf(path, undefined)];
  await Promise.all(hosts.map((host) => host.start()));
  const timed = async (some: readonly ProcessHost[]): Promise<number> => {
    const started = performance.now();
    await Promise.all(some.map(work));
    return performance.now() - started;
  };
  await timed(hosts);
  const ratios: number[] = [];
  for (let i = 0; i < TIMES; i++) ratios.push((await timed(hosts)) / (await timed(hosts.slice(0, 1))));
  await Promise.all(hosts.map((host) => host.stop()));
  return spread(ratios).value;
}

/** Runs all of it. */
export async function run({ root, progress }: BenchOptions): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "qanat-bench-"));
  try {
    const busy = join(folder, "busy.mjs");
    await build({
      absWorkingDir: root,
      entryPoints: ["bench/runtime/busy.ts"],
      outfile: busy,
      bundle: true,
      platform: "node",
      format: "esm",
      conditions: ["source", "node"],
    });
    const program = join(root, "dist/runtimes/kv.mjs");
    const empty: number[] = [];
    for (let i = 0; i < STARTS; i++) empty.push(await emptyNodeMs());
    const node = spread(empty);
    const figure = (name: string, values: readonly number[]): Figure => {
      const found = spread(values);
      return { name, unit: "ms", ...found, ratio: found.value / node.value, to: "an empty node -e 0", limit: 250 };
    };
    progress("starts");
    const figures: Figure[] = [{ name: "node -e 0", unit: "ms", ...node }];
    figures.push(figure("runtime in a process: start until ready", await starts(program, undefined)));
    if (existsSync("/usr/bin/bwrap")) {
      figures.push(figure("runtime in the sandbox: start until ready", await starts(program, Sandbox.open())));
    } else progress("SKIPPED: the sandbox needs /usr/bin/bwrap");
    progress("replicas");
    const value = await replicas(busy);
    figures.push({ name: "three replicas, a process each, against one", unit: "times", value, limit: 2.3 });
    return { figures };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
