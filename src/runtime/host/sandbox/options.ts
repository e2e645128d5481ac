/** How bubblewrap is told to shut a runtime in (launching runtimes: bubblewrap and SECCOMP). */
import { concatBytes, utf8 } from "#common/bytes.js";

/** Where the executable appears inside. */
const ENTRYPOINT = "/entrypoint";
/** Descriptors that bubblewrap reads its options and the filter from. */
const OPTIONS_FD = 3;
const SECCOMP_FD = 4;
const HOSTNAME = "oasis-core";
/** Where dynamic loaders look for libraries without a cache. */
export const LIBRARIES = "/usr/lib";

/** A file of this machine that the runtime sees. */
export interface Mount {
  readonly path: string;
  /** Absolute path inside. */
  readonly inside: string;
}

export interface SandboxSpec {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly readWrite: readonly Mount[];
  readonly readOnly: readonly Mount[];
  /** What the executable is linked with, and the loader that links it. */
  readonly libraries: readonly Mount[];
  /** Network of the machine and where it looks names up: for ROFL components only. */
  readonly allowNetwork: boolean;
  /** Size of each place where a runtime may make files, in bytes; they are kept in memory. */
  readonly scratchBytes: number;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** Options beyond those of the reference: what can be written to is small, the rest is read-only. */
function closing({ scratchBytes }: SandboxSpec): string[] {
  return ["--size", `${scratchBytes}`, "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/"];
}

/** All options but the command itself, in the order in which they are carried out. */
export function sandboxOptions(spec: SandboxSpec): string[] {
  const { executable, env, readWrite, readOnly, libraries, allowNetwork, scratchBytes } = spec;
  const options = ["--unshare-all", "--cap-drop", "ALL", "--hostname", HOSTNAME];
  options.push("--size", `${scratchBytes}`, "--tmpfs", "/tmp", "--dev", "/dev");
  options.push("--die-with-parent", "--new-session", "--chdir", "/", "--ro-bind", executable, ENTRYPOINT);
  if (allowNetwork) options.push("--share-net", "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf");
  for (const [name, value] of Object.entries(env)) options.push("--setenv", name, value);
  const mount = (kind: string, { path, inside }: Mount): void => {
    options.push("--dir", folderOf(inside), kind, path, inside);
  };
  for (const bound of readWrite) mount("--bind", bound);
  for (const bound of readOnly) mount("--ro-bind", bound);
  for (const { path, inside } of libraries) options.push("--ro-bind", path, inside);
  options.push("--symlink", LIBRARIES, "/usr/lib64", ...closing(spec), "--seccomp", `${SECCOMP_FD}`);
  return options;
}

/** The options as bubblewrap reads them from a descriptor: each ends with a zero byte. */
export function encodeOptions(options: readonly string[]): Uint8Array {
  return concatBytes(...options.flatMap((option) => [utf8(option), Uint8Array.of(0)]));
}

/** What stands on the command line of bubblewrap. */
export function sandboxArguments(args: readonly string[]): string[] {
  return ["--args", `${OPTIONS_FD}`, "--", ENTRYPOINT, ...args];
}
