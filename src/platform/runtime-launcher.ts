import { existsSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join, resolve } from "node:path";
import { InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { LaunchFailure, type RunningRuntime, type RuntimeLauncher } from "#runtime/host/launcher.js";
import { HOST_SOCKET } from "./host-socket.js";
import { type ProcessSpec, type RunningProcess, startProcess } from "./processes.js";
import type { Sandbox } from "./sandbox.js";
import { relayedLog } from "./runtime-log.js";
import { isElf } from "./shared-libraries.js";
import { socketDuplex } from "./streams-unix.js";
import { temporaryFolder } from "./temporary-folder.js";
import { listenUnix } from "./unix-socket.js";

/** How long a runtime may take to connect, in milliseconds (runtime layer: lifecycle). */
const CONNECT_DEADLINE_MS = 5000;
const SOCKET = "host.sock";
/** Where a sandboxed runtime finds the host's socket and its own script. */
const SOCKET_INSIDE = "/host.sock";
const SCRIPT_INSIDE = "/runtime.mjs";
/**
 * What V8 reserves for the code of a runtime of the kit, which has two threads with an engine each. From version 13
 * (Node.js 24) the system counts half a gigabyte for each as used.
 */
const RESERVED_FOR_CODE = Number.parseInt(process.versions.v8, 10) >= 13 ? 2 * 512 * 1024 * 1024 : 0;
const PARENT_DEATH = "/usr/bin/setpriv";
/** Lines of a runtime's complaints that are kept for whoever asks why it ended, and how long each may be. */
const LAST_WORDS = 8;
const LAST_WORD_LENGTH = 300;
/** How the end of a process is told that was killed. */
const KILLED = "signal SIGKILL";

/** What is run, and how it is kept from doing harm. */
export interface RuntimeLauncherOptions {
  /** An executable, or a script for Node.js in one file. */
  readonly path: string;
  /** Without one the runtime may do whatever this user may. */
  readonly sandbox?: Sandbox;
  /** Whether it may use the network from within the sandbox: off-chain logic may, a runtime may not. */
  readonly network?: boolean;
  /** Environment of the runtime, beside where its host is. */
  readonly env?: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** Starts a runtime as a process of its own (launching runtimes: provisioners, lifecycle). */
export class ProcessLauncher implements RuntimeLauncher {
  private readonly path: string;
  private readonly script: boolean;
  private starting: RunningProcess | undefined;

  /** @throws InvalidInput when there is no such file */
  constructor(private readonly options: RuntimeLauncherOptions) {
    this.path = resolve(options.path);
    if (!existsSync(this.path)) throw new InvalidInput("runtime", `${options.path} does not exist`);
    this.script = !isElf(this.path);
  }

  async launch(): Promise<RunningRuntime> {
    const { log } = this.options;
    const folder = temporaryFolder("qanat-runtime-");
    const server = createServer();
    try {
      const path = join(folder, SOCKET);
      await listenUnix(server, path);
      const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
      const output = relayedLog(log);
      const lastWords: string[] = [];
      const warn = (line: string): void => {
        lastWords.push(line.slice(0, LAST_WORD_LENGTH));
        if (lastWords.length > LAST_WORDS) lastWords.shift();
        output.warn(line);
      };
      const child = await startProcess(this.command(path), { info: output.info, warn });
      this.starting = child;
      const socket = await connectedInTime(child, connected, lastWords);
      let how: string | undefined;
      let killed = false;
      const kill = (): void => {
        // Of one whose connection is gone the last words are wanted: they say why.
        if (!socket.destroyed && !socket.readableEnded) output.end();
        killed = true;
        child.kill();
      };
      const ended = child.ended.then(async (end) => {
        // The signal that ends it is ours then.
        if (!(killed && end === KILLED)) how = end;
        await child.silent;
      });
      return { stream: socketDuplex(socket), kill, ended, end: () => ({ how, lastWords }) };
    } finally {
      this.starting = undefined;
      // One connection is all there is; nobody finds the socket afterwards.
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  cancel(): void {
    this.starting?.kill();
  }

  private command(socket: string): ProcessSpec {
    const { sandbox, env = {}, network } = this.options;
    const executable = this.script ? process.execPath : this.path;
    if (sandbox === undefined) {
      const command = this.script ? [executable, this.path] : [executable];
      const all = { ...env, [HOST_SOCKET]: socket };
      // A killed node must not leave its runtimes behind.
      if (!existsSync(PARENT_DEATH)) return { file: executable, args: command.slice(1), env: all };
      return { file: PARENT_DEATH, args: ["--pdeathsig", "KILL", "--", ...command], env: all };
    }
    return sandbox.wrap({
      executable,
      args: this.script ? [SCRIPT_INSIDE] : [],
      env: { ...env, [HOST_SOCKET]: SOCKET_INSIDE },
      readWrite: [{ path: socket, inside: SOCKET_INSIDE }],
      readOnly: this.script ? [{ path: this.path, inside: SCRIPT_INSIDE }] : [],
      network,
      reservedBytes: this.script ? RESERVED_FOR_CODE : 0,
    });
  }
}

/** The socket of a child that connects; one that does not is killed. */
async function connectedInTime(
  child: RunningProcess,
  connected: Promise<Socket>,
  lastWords: readonly string[],
): Promise<Socket> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const failure = new LaunchFailure(`the runtime did not connect within ${CONNECT_DEADLINE_MS} ms`, lastWords);
    timer = setTimeout(() => reject(failure), CONNECT_DEADLINE_MS);
  });
  const gone = child.ended.then(async (how): Promise<never> => {
    await child.silent;
    throw new LaunchFailure(`the runtime ended before it connected: ${how}`, lastWords);
  });
  try {
    return await Promise.race([connected, gone, late]);
  } catch (error) {
    child.kill();
    await child.ended;
    throw error;
  } finally {
    clearTimeout(timer);
    gone.catch(() => undefined);
  }
}
