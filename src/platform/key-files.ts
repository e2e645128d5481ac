/** Files that hold secrets: written once, mode 0600, and refused when anybody else could read them. */
import { chmodSync, closeSync, existsSync, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";

const MODE = 0o600;

/** A key file that must not be used: missing, readable by others, already there, or not what it must hold. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
  readonly path: string;

  constructor(path: string, reason: string, options?: { cause?: unknown }) {
    super(`${path}: ${reason}`, options);
    this.path = path;
  }
}

/**
 * Reads a secret.
 *
 * @throws KeyFileError when the file is missing or has another mode than 0600
 */
export function readSecret(path: string): Uint8Array {
  if (!existsSync(path)) {
    throw new KeyFileError(path, "does not exist");
  }
  const file = openSync(path, "r");
  try {
    // The open file is asked, not the path, so nobody can exchange it in between.
    const mode = fstatSync(file).mode & 0o777;
    if (mode !== MODE) {
      throw new KeyFileError(path, `has mode ${mode.toString(8)}, must be exactly ${MODE.toString(8)}`);
    }
    return new Uint8Array(readFileSync(file));
  } finally {
    closeSync(file);
  }
}

/**
 * Writes a new file with mode 0600.
 *
 * @throws KeyFileError when there is one already or it cannot be written
 */
export function writeSecret(path: string, content: Uint8Array): void {
  try {
    // "wx" creates the file or fails, so an existing key can never be overwritten, not even in a race.
    writeFileSync(path, content, { flag: "wx", mode: MODE });
  } catch (cause) {
    throw new KeyFileError(path, existsSync(path) ? "already exists" : "cannot be written", { cause });
  }
  // A umask may have taken bits away.
  chmodSync(path, MODE);
}
