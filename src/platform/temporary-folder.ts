import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidInput, reasonOf } from "#common/errors/index.js";

/** What is left of a path of a unix socket (107 bytes on Linux) after the names below the system's folder. */
const LONGEST = 64;
const SHORT = "/tmp";

/**
 * Makes a folder that only this user may open, for files and sockets that do not outlive the process. Where the
 * system's folder for such has a path too long for sockets below it, the folder is made in /tmp.
 *
 * @param prefix beginning of its name, at most 16 bytes
 * @throws InvalidInput naming the system's folder and what is wrong with it
 */
export function temporaryFolder(prefix: string): string {
  const system = tmpdir();
  const base = new TextEncoder().encode(system).length > LONGEST ? SHORT : system;
  try {
    return mkdtempSync(join(base, prefix));
  } catch (error) {
    throw new InvalidInput("TMPDIR", `cannot make a folder in ${base}: ${reasonOf(error)}`);
  }
}
