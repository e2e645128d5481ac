import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { ownMemoryOf } from "#platform/memory.js";

const TICKS_PER_SECOND = 100;

/** A process that serves something over gRPC and tells where as a line of JSON. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly socket: string,
  ) {}

  /**
   * @param args of node
   * @param socketOf finds the socket in a line of JSON that the process prints; undefined: not yet
   */
  static async start(
    args: readonly string[],
    socketOf: (line: Record<string, unknown>) => string | undefined,
  ): Promise<ServerProcess> {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      const socket = line.startsWith("{") ? socketOf(JSON.parse(line) as Record<string, unknown>) : undefined;
      if (socket === undefined) continue;
      // What it prints from now on is not of interest, but must not block it.
      child.stdout.resume();
      return new ServerProcess(child, socket);
    }
    throw new RangeError(`${args.join(" ")} ended before it served anything`);
  }

  /** Seconds of processor time so far, all threads; undefined where the system does not tell. */
  cpuSeconds(): number | undefined {
    try {
      const fields = readFileSync(`/proc/${this.child.pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    } catch {
      return undefined;
    }
  }

  /** Memory that is no mapped file (RssAnon + RssShmem), in bytes; undefined where the system does not tell. */
  ownMemory(): number | undefined {
    return ownMemoryOf(this.child.pid ?? 0);
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGTERM");
    await ended;
  }
}
