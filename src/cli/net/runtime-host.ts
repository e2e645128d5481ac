import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { keyValue } from "@qanat/example-kv";
import { InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import type { Version } from "#common/version.js";
import type { LocalNetworkOptions } from "#network/local-network.js";
import { systemEntropy } from "#platform/entropy.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { Sandbox } from "#platform/sandbox.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { ProcessHost } from "#runtime/host/process.js";
import type { RuntimeHostKind } from "./options.js";

/** The key-value runtime as a program, beside the command line's own file. */
const PROGRAM = "runtimes/kv.mjs";

function programPath(): string {
  const path = join(dirname(fileURLToPath(import.meta.url)), PROGRAM);
  if (!existsSync(path)) throw new InvalidInput("--runtime-host", `${path} is missing: run npm run build`);
  return path;
}

/** @throws InvalidInput when this machine has none, with the way to do without */
export function openSandbox(): Sandbox {
  try {
    return Sandbox.open();
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    throw new InvalidInput("--runtime-host", `${error.message}; --runtime-host process runs it without a sandbox`);
  }
}

/** Chooses how the runtime of each member is hosted. */
export type Provisioner = (kind: RuntimeHostKind, log: Log) => LocalNetworkOptions["provision"];

/**
 * Makes the hosts of the network's own runtime.
 *
 * @throws InvalidInput when this machine cannot host it so
 */
export const provisionerOf: Provisioner = (kind, log) => {
  if (kind === "in-process") return (_, site) => new InProcessHost({ ...site, program: keyValue });
  return processHosts({ path: programPath() }, kind, log);
};

/** Makes the hosts of a runtime that the user brings. @param version of its bundle, if it came in one */
export function provisionerOfProgram(program: ProgramFile): Provisioner {
  return (kind, log) => {
    if (kind === "in-process") {
      throw new InvalidInput(
        "--runtime-host",
        "a program from a file runs in a process of its own: process or sandbox",
      );
    }
    return processHosts(program, kind, log);
  };
}

/** A program, and the version that it must say it has. */
interface ProgramFile {
  readonly path: string;
  readonly bundledVersion?: Version | undefined;
}

function processHosts(
  { path, bundledVersion }: ProgramFile,
  kind: RuntimeHostKind,
  log: Log,
): LocalNetworkOptions["provision"] {
  const sandbox = kind === "sandbox" ? openSandbox() : undefined;
  return ({ name }, site) => {
    const launcher = new ProcessLauncher({ path, sandbox, log: log.child(`${name}/runtime`) });
    return new ProcessHost({ ...site, launcher, version: bundledVersion, entropy: systemEntropy });
  };
}
