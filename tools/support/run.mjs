import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository, whatever folder a command is started in. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** The compiler: the native one, which has no JavaScript interface and is therefore run as a program. */
export const TSC = join(ROOT, "node_modules/typescript7/bin/tsc");

/**
 * Runs a program in the repository with our own standard streams and gives its exit code (128 + n for signal n).
 * @param {string} program @param {string[]} args @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function run(program, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: "inherit", ...options });
    child.on("error", fail);
    child.on("exit", (code, signal) => done(exitCode(code, signal)));
  });
}

/** Runs a program and gives its exit code with everything that it printed. */
export function capture(program, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], ...options });
    let text = "";
    child.stdout.on("data", (part) => (text += part));
    child.stderr.on("data", (part) => (text += part));
    child.on("error", fail);
    child.on("close", (code, signal) => done({ code: exitCode(code, signal), text }));
  });
}

/** The shell's convention for a process that a signal ended. */
export function exitCode(code, signal) {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
  return signal === null ? (code ?? 1) : 128 + (numbers[signal] ?? 0);
}
