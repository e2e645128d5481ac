import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { Fault } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";

/** Longest line of a child's output that is kept whole, in bytes. */
const MAX_LINE_BYTES = 4096;
/** Output of a child that is logged within one second, in bytes; the rest of that second is dropped. */
const MAX_OUTPUT_PER_SECOND = 65_536;
const SECOND_MS = 1000;
/** How long after its end a child's output is waited for, in milliseconds. */
const OUTPUT_AFTER_END_MS = 200;
/** First descriptor after standard input, output and error. */
const FIRST_EXTRA = 3;

/** What to start and how. */
export interface ProcessSpec {
  /** Program, found without a search path. */
  readonly file: string;
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads from descriptors 3 and up, each until its end. */
  readonly inputs?: readonly Uint8Array[];
}

/** A child of this process. */
export interface RunningProcess {
  readonly pid: number;
  /** How it ended, as text, e.g. "exit code 1"; never rejects. */
  readonly ended: Promise<string>;
  /** Resolves when it has ended and its output was read, unless a child of its own holds that open. */
  readonly silent: Promise<void>;
  kill(): void;
}

/** Logs a child's output line by line. A child can say what it likes, but not so much that it costs us. */
function logOutput(stream: NodeJS.ReadableStream, write: (line: string) => void): void {
  let rest = "";
  let windowStart = 0;
  let used = 0;
  stream.on("data", (chunk: Buffer) => {
    const now = Date.now();
    if (now - windowStart >= SECOND_MS) {
      windowStart = now;
      used = 0;
    }
    if (used >= MAX_OUTPUT_PER_SECOND) return;
    used += chunk.length;
    if (used >= MAX_OUTPUT_PER_SECOND) {
      rest = "";
      write("more output than is logged; dropped");
      return;
    }
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = (lines.pop() ?? "").slice(-MAX_LINE_BYTES);
    for (const line of lines) write(line.slice(0, MAX_LINE_BYTES));
  });
  stream.on("error", () => undefined);
}

function feed(child: ChildProcess, inputs: readonly Uint8Array[]): void {
  inputs.forEach((input, i) => {
    const pipe = child.stdio[FIRST_EXTRA + i] as Writable;
    // A child that ends before it has read all of it says so by its end.
    pipe.on("error", () => undefined);
    pipe.end(input);
  });
}

/**
 * Starts a child process whose output goes to a log, line by line: what it says as information, its complaints as
 * warnings.
 *
 * @throws Fault when it cannot be started
 */
export async function startProcess(
  { file, args, env, inputs = [] }: ProcessSpec,
  log: Pick<Log, "info" | "warn">,
): Promise<RunningProcess> {
  const child = spawn(file, args, {
    env,
    cwd: "/",
    // A session of its own: the terminal's signals are for us, and whatever the child starts can be ended with it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", ...inputs.map(() => "pipe" as const)],
  });
  const ended = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const silent = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("exit", () => void setTimeout(resolve, OUTPUT_AFTER_END_MS).unref());
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(new Fault(`cannot start ${file}: ${cause.message}`, { cause })));
  });
  // From here on an error is a signal that could not be sent: the child has ended then.
  child.on("error", () => undefined);
  if (child.stdout !== null) logOutput(child.stdout, (line) => log.info(line));
  if (child.stderr !== null) logOutput(child.stderr, (line) => log.warn(line));
  feed(child, inputs);
  const pid = child.pid as number;
  return { pid, ended, silent, kill: () => killGroup(pid) };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Nothing of it is left.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
