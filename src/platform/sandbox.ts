import { accessSync, constants, existsSync } from "node:fs";
import { arch } from "node:process";
import { InvalidInput } from "#common/errors/index.js";
import { encodeOptions, type Mount, sandboxArguments, sandboxOptions } from "#runtime/host/sandbox/options.js";
import { type SeccompPolicy, seccompProgram, STRICT_POLICY } from "#runtime/host/sandbox/seccomp.js";
import type { Machine } from "#runtime/host/sandbox/syscalls.js";
import type { ProcessSpec } from "./processes.js";
import { librariesOf } from "./shared-libraries.js";

const BUBBLEWRAP = "/usr/bin/bwrap";
const PRLIMIT = "/usr/bin/prlimit";
const MACHINES: Readonly<Record<string, Machine>> = { x64: "x86-64", arm64: "aarch64" };
const MIB = 1024 * 1024;

/** What one sandboxed runtime may use. */
export interface SandboxLimits {
  /** Memory of its own, in bytes. */
  readonly memoryBytes: number;
  /** Files and sockets that it may have open. */
  readonly openFiles: number;
  /** Processes and threads of the user; without effect for the superuser, who can make threads only anyway. */
  readonly tasks: number;
  /** Each place where it may make files, in bytes. */
  readonly scratchBytes: number;
}

export const DEFAULT_LIMITS: SandboxLimits = {
  memoryBytes: 1024 * MIB,
  openFiles: 1024,
  tasks: 4096,
  scratchBytes: 64 * MIB,
};

/** What runs in the sandbox. */
export interface SandboxedCommand {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly readWrite: readonly Mount[];
  readonly readOnly: readonly Mount[];
  /** Whether it may use the machine's network, as off-chain logic may. */
  readonly network?: boolean;
  /** Memory that it reserves and leaves empty, in bytes: allowed beside the limit, which the system counts it to. */
  readonly reservedBytes?: number;
}

export interface SandboxOptions {
  /** Path of bubblewrap. */
  readonly bubblewrap?: string;
  readonly limits?: SandboxLimits;
  readonly policy?: SeccompPolicy;
}

/** Starts commands so that they can do no harm (launching runtimes: bubblewrap and SECCOMP). */
export class Sandbox {
  private readonly filter: Uint8Array;
  /** For commands that may use the network. */
  private readonly openFilter: Uint8Array;
  /** Libraries by executable: reading them takes longer than starting one. */
  private readonly libraries = new Map<string, Mount[]>();

  private constructor(
    private readonly bubblewrap: string,
    private readonly limits: SandboxLimits,
    machine: Machine,
    policy: SeccompPolicy,
  ) {
    this.filter = seccompProgram(machine, policy);
    this.openFilter = seccompProgram(machine, { ...policy, unixSocketsOnly: false });
  }

  /**
   * Finds out whether this machine can shut runtimes in.
   *
   * @throws InvalidInput saying what is missing
   */
  static open({
    bubblewrap = BUBBLEWRAP,
    limits = DEFAULT_LIMITS,
    policy = STRICT_POLICY,
  }: SandboxOptions = {}): Sandbox {
    const machine = MACHINES[arch];
    if (process.platform !== "linux" || machine === undefined) {
      throw new InvalidInput(
        "sandbox",
        `runtimes are sandboxed on Linux, x86-64 and aarch64 only; this is ${process.platform} ${arch}`,
      );
    }
    for (const [tool, name] of [
      [bubblewrap, "bubblewrap"],
      [PRLIMIT, "util-linux"],
    ] as const) {
      if (!isExecutable(tool)) throw new InvalidInput("sandbox", `${tool} is missing: install ${name}`);
    }
    return new Sandbox(bubblewrap, limits, machine, policy);
  }

  /** How to start a command within the sandbox. */
  wrap(command: SandboxedCommand): ProcessSpec {
    const { executable, args, env, readWrite, readOnly, network = false, reservedBytes = 0 } = command;
    const { memoryBytes, openFiles, tasks, scratchBytes } = this.limits;
    const libraries = this.librariesOf(executable);
    const options = sandboxOptions({
      executable,
      args,
      env,
      readWrite,
      readOnly,
      libraries,
      allowNetwork: network,
      scratchBytes,
    });
    const limits = [
      `--data=${memoryBytes + reservedBytes}`,
      `--nofile=${openFiles}`,
      `--nproc=${tasks}`,
      `--fsize=${scratchBytes}`,
      "--core=0",
      "--memlock=0",
      "--msgqueue=0",
    ];
    return {
      file: PRLIMIT,
      args: [...limits, "--", this.bubblewrap, ...sandboxArguments(args)],
      env: {},
      inputs: [encodeOptions(options), network ? this.openFilter : this.filter],
    };
  }

  private librariesOf(executable: string): Mount[] {
    let found = this.libraries.get(executable);
    if (found === undefined) {
      found = librariesOf(executable);
      this.libraries.set(executable, found);
    }
    return found;
  }
}

function isExecutable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
