/** Memory of a whole local network, storage nodes included, while it makes round after round with a transaction each. */
import { join } from "node:path";
import { createClient } from "#common/rpc/index.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { ServerProcess } from "./consensus/server-process.ts";
import { RUNTIME_ID, Sender } from "./runtime/calls.ts";
import type { BenchOptions, BenchResult, Figure } from "./support/bench.ts";

const ROUNDS = 10_000;
const SAMPLE_EVERY = 1000;
const LIMIT_MIB = 450;
const MIB = 1_048_576;
/** The reference on this machine: Go nodes with a Rust runtime. */
const REFERENCE = { mib: 1200, to: "the reference: Go nodes, Rust runtime, 13 processes, resident" };

/** Runs all of it. */
export async function run({ root, progress }: BenchOptions): Promise<BenchResult> {
  const args = [join(root, "dist/qanat.mjs"), "net", "--json", "--quiet-load", "--port", "0"];
  const server = await ServerProcess.start(args, ({ event, grpc }) =>
    event === "ready" && typeof grpc === "string" ? grpc : undefined,
  );
  const channel = connectGrpc(server.socket);
  try {
    const client = createClient(runtimeClientMethods, channel);
    const sender = new Sender();
    const samples: number[] = [];
    while (samples.length < ROUNDS / SAMPLE_EVERY) {
      // One after the other: each transaction is a round of its own.
      for (let i = 0; i < SAMPLE_EVERY; i++) await client.SubmitTx({ runtimeId: RUNTIME_ID, data: sender.next() });
      const mib = (server.ownMemory() ?? Number.NaN) / MIB;
      samples.push(mib);
      progress(`${samples.length * SAMPLE_EVERY} rounds: ${mib.toFixed(1)} MiB`);
    }
    return { figures: figuresOf(samples) };
  } finally {
    channel.close();
    await server.stop();
  }
}

function figuresOf(samples: readonly number[]): Figure[] {
  const figures = samples.map((value, i): Figure => {
    return { name: `memory after ${(i + 1) * SAMPLE_EVERY} rounds`, unit: "MiB", value, limit: LIMIT_MIB };
  });
  const [middle, last] = [samples[(samples.length >> 1) - 1] ?? 0, samples.at(-1) ?? 0];
  const compared = { ratio: last / REFERENCE.mib, to: REFERENCE.to };
  return [
    ...figures.slice(0, -1),
    { name: `memory after ${ROUNDS} rounds`, unit: "MiB", value: last, limit: LIMIT_MIB, ...compared },
    { name: "memory, growth in the second half", unit: "MiB", value: last - middle },
  ];
}
