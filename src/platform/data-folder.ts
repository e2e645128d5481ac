import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join, resolve } from "node:path";
import { InvalidInput, reasonOf } from "#common/errors/index.js";
import { temporaryFolder } from "./temporary-folder.js";
import { listenUnix } from "./unix-socket.js";

const LOCK = "lock";

/**
 * A folder that one process owns. The lock is a listening socket, which the system frees however the process ends, so
 * a killed process never leaves a folder locked.
 */
export class DataFolder {
  private constructor(
    readonly path: string,
    private readonly temporary: boolean,
    private readonly lock: Server,
  ) {
    // However the process comes to exit, nobody wants to clean up after it.
    if (temporary) process.once("exit", this.remove);
  }

  private readonly remove = (): void => rmSync(this.path, { recursive: true, force: true });

  /**
   * Opens a folder for this process, or makes a temporary one that `close` removes.
   * @param path folder, created when missing; undefined for a temporary one
   * @throws InvalidInput when another process uses it, or it cannot be made, read or written
   */
  static async open(path: string | undefined): Promise<DataFolder> {
    if (path?.trim() === "") throw new InvalidInput("data", "the name of the folder is empty");
    const folder = path === undefined ? temporaryFolder("qanat-") : resolve(path);
    try {
      makeFolder(folder);
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new InvalidInput("data", `cannot use the folder ${folder}: ${reasonOf(error)}`);
    }
    const lock = createServer((socket) => socket.destroy());
    try {
      await listenUnix(lock, join(folder, LOCK));
    } catch (error) {
      if (error instanceof InvalidInput && error.message.includes("another process")) {
        throw new InvalidInput("data", `${folder} is in use by another process`);
      }
      throw error;
    }
    lock.unref();
    return new DataFolder(folder, path === undefined, lock);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Content of a file, or undefined when there is none. */
  read(name: string): Uint8Array | undefined {
    const path = this.file(name);
    return existsSync(path) ? readFileSync(path) : undefined;
  }

  /** Writes a file whole or not at all. @param mode permission bits */
  write(name: string, content: Uint8Array | string, mode = 0o600): void {
    const path = this.file(name);
    writeFileSync(`${path}.new`, content, { mode });
    chmodSync(`${path}.new`, mode);
    renameSync(`${path}.new`, path);
  }

  /** Frees the folder; a temporary one is removed. */
  close(): void {
    this.lock.close();
    if (!this.temporary) return;
    process.removeListener("exit", this.remove);
    this.remove();
  }
}

/** Makes a folder and those above it, one by one: all at once would never end where none can be made, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
