import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { isMainThread } from "node:worker_threads";
import { InvalidInput } from "#common/errors/index.js";

/** Longest path of a unix socket on Linux, in bytes; the system would cut a longer one without a word. */
const MAX_SOCKET_PATH = 107;

/**
 * Lets a server listen on a unix socket that only this user may open. A socket that a dead process left behind is
 * replaced; one that somebody listens on, or another kind of file, is not.
 *
 * @throws InvalidInput naming the path and what is wrong with it
 */
export async function listenUnix(server: Server, path: string): Promise<void> {
  const size = new TextEncoder().encode(path).length;
  if (size > MAX_SOCKET_PATH) {
    throw new InvalidInput("socket", `the path ${path} has ${size} bytes, the limit is ${MAX_SOCKET_PATH}`);
  }
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(new InvalidInput("socket", `cannot listen on ${path}: ${error.message}`));
    server.once("error", failed);
    // The mask closes the gap between creating the socket and changing its mode; only the main thread has one.
    const mask = isMainThread ? process.umask(0o177) : undefined;
    try {
      server.listen(path, () => {
        server.removeListener("error", failed);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      if (mask !== undefined) process.umask(mask);
    }
  });
}

async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new InvalidInput("socket", `${path} exists and is not a socket`);
  if (await somebodyListens(path)) throw new InvalidInput("socket", `another process listens on ${path}`);
  unlinkSync(path);
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    // Anything but a plain refusal (no permission, a full queue) may hide a living server.
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}
