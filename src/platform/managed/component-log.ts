/** What components write, in files (node workers: logs). */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log, LogFields } from "#common/ports/log.js";
import type { ComponentLogs } from "#worker/component/management.js";
import { jsonFields } from "../log.js";

const FILE = "log";
/** Largest file of one component, in bytes; then it begins anew. */
const MAX_BYTES = 1 << 20;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const MS_PER_SECOND = 1000n;

/** Lines of one component: JSON objects with the time, the level and the message. */
class LogFile {
  private bytes = 0;

  /** What an earlier run has written goes. */
  constructor(readonly path: string) {
    rmSync(path, { force: true });
  }

  write(level: string, message: string, fields: LogFields): void {
    const entry = { ts: new Date().toISOString(), level, msg: message, ...jsonFields(fields) };
    const line = `${JSON.stringify(entry)}\n`;
    const bytes = Buffer.byteLength(line);
    if (bytes > MAX_BYTES) return;
    try {
      this.append(line, bytes);
    } catch (error) {
      // A full disk, or a folder that was removed with the component: its log must not bring the node down.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  private append(line: string, bytes: number): void {
    if (this.bytes + bytes >= MAX_BYTES) {
      rmSync(this.path, { force: true });
      this.bytes = 0;
    }
    appendFileSync(this.path, line, { mode: FILE_MODE });
    this.bytes += bytes;
  }
}

/** Files of the components of one runtime on one node. */
export class LogStore implements ComponentLogs {
  /** @param folder of the runtime */
  constructor(private readonly folder: string) {}

  private pathOf(componentId: string): string {
    return join(this.folder, componentId, FILE);
  }

  /** A log whose lines are kept for whoever may look at the component, and go where they went before. */
  keep(componentId: string, log: Log): Log {
    mkdirSync(join(this.folder, componentId), { recursive: true, mode: FOLDER_MODE });
    const file = new LogFile(this.pathOf(componentId));
    const kept = (inner: Log): Log => {
      const both =
        (level: "debug" | "info" | "warn" | "error") =>
        (message: string, fields: LogFields = {}): void => {
          file.write(level, message, fields);
          inner[level](message, fields);
        };
      return {
        debug: both("debug"),
        info: both("info"),
        warn: both("warn"),
        error: both("error"),
        child: (name) => kept(inner.child(name)),
      };
    };
    return kept(log);
  }

  /** Lines of a component that are newer than a moment in seconds since the Unix epoch, oldest first. */
  read(componentId: string, since: bigint): string[] {
    const path = this.pathOf(componentId);
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    return lines.filter((line) => BigInt(Date.parse((JSON.parse(line) as { ts: string }).ts)) > since * MS_PER_SECOND);
  }

  /** Deletes what a component has written; what it writes from now on is not kept. */
  remove(componentId: string): void {
    rmSync(join(this.folder, componentId), { recursive: true, force: true });
  }
}
