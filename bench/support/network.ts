import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";

/** The last line of `qanat net --json`. */
export interface Summary {
  readonly event: "summary";
  readonly first_block_ms: number;
  readonly first_round_ms: number;
  readonly blocks: number;
  readonly rounds: number;
  readonly transactions: number;
  readonly memory_mb: number;
  readonly app_hash: string;
}

/**
 * Runs the local network in a process of its own, on a free port and a fresh data folder, until it stops by itself.
 * @param timeoutMs after this many milliseconds the network is killed and the run is a failure
 */
export async function runNetwork(root: string, args: readonly string[], timeoutMs: number): Promise<Summary> {
  const port = String(await freePort());
  const program = join(root, "dist/qanat.mjs");
  const child = spawn(process.execPath, [program, "net", "--json", "--port", port, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  let rest = "";
  let said = "";
  let summary: Summary | undefined;
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    const lines = (rest + part).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) summary = asSummary(line) ?? summary;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    said = (said + part).slice(-2000);
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.on("error", fail);
    child.on("close", (exit) => done(exit));
  });
  clearTimeout(timer);
  if (code !== 0) throw new RangeError(`qanat net ended with ${code ?? "a signal"}: ${said.trim()}`);
  if (summary === undefined) throw new RangeError("qanat net printed no summary");
  return summary;
}

function asSummary(line: string): Summary | undefined {
  if (!line.startsWith("{")) return undefined;
  const parsed = JSON.parse(line) as { event?: string };
  return parsed.event === "summary" ? (parsed as Summary) : undefined;
}

/** How many milliseconds an empty Node.js process takes from start to end. */
export async function emptyNodeMs(): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, ["-e", "0"], { stdio: "ignore" });
  await new Promise<void>((done, fail) => {
    child.on("error", fail);
    child.on("close", () => done());
  });
  return performance.now() - started;
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(address !== null && typeof address === "object" ? address.port : 0));
    });
  });
}
