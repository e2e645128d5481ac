import { spawnSync } from "node:child_process";

const PROGRAM = "/usr/bin/bwrap";
const NAMESPACES = ["--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp"];

/** Whether this machine can run a program in bubblewrap: containers often forbid the namespaces that it needs. */
function tryBubblewrap(): boolean {
  const { status, error, stderr } = spawnSync(PROGRAM, [...NAMESPACES, "/bin/true"], { encoding: "utf8" });
  if (status === 0) return true;
  const reason = error === undefined ? stderr.trim() : `${error.message} (Debian's package is called bubblewrap)`;
  process.stderr.write(`\nSKIPPED tests with a sandbox: ${PROGRAM} does not work here: ${reason}\n\n`);
  return false;
}

export const hasBubblewrap = tryBubblewrap();
