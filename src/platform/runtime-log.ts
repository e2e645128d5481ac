import type { Log, LogFields } from "#common/ports/log.js";

type Level = "debug" | "info" | "warn" | "error";

/** Levels as runtimes of the reference write them: each of their lines is a JSON object. */
const LEVELS: Readonly<Record<string, Level>> = {
  TRCE: "debug",
  DEBG: "debug",
  INFO: "info",
  WARN: "warn",
  ERRO: "error",
  CRIT: "error",
};
/** Members that become part of the line itself; our lines have a time of their own. */
const TAKEN: ReadonlySet<string> = new Set(["msg", "level", "ts"]);
/** What a runtime says is shown, but not at any length. */
const MAX_FIELDS = 16;

/** Takes the lines of a runtime. */
export interface RelayedLog extends Pick<Log, "info" | "warn"> {
  /** Lines from now on are dropped: a runtime that is ended complains about it. */
  end(): void;
}

/**
 * Passes on what a runtime writes. Lines that are JSON objects with a message and a level are logged at that level with
 * their other members as fields; of one that was cut off only the level is read. All others keep the level that they
 * came with (launching runtimes: logs).
 */
export function relayedLog(log: Log): RelayedLog {
  let ended = false;
  const relay = (usual: Level) => (line: string) => {
    if (ended) return;
    const { level, message, fields } = parsed(line) ?? { level: levelIn(line) ?? usual, message: line, fields: {} };
    log[level](message, fields);
  };
  return {
    info: relay("info"),
    warn: relay("warn"),
    end() {
      ended = true;
    },
  };
}

function levelIn(line: string): Level | undefined {
  if (!line.startsWith("{")) return undefined;
  return LEVELS[/"level":"([A-Z]{4})"/.exec(line)?.[1] ?? ""];
}

function parsed(line: string): { level: Level; message: string; fields: LogFields } | undefined {
  if (!line.startsWith("{")) return undefined;
  let object: Record<string, unknown>;
  try {
    object = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { msg, level } = object;
  const known = typeof level === "string" ? LEVELS[level] : undefined;
  if (typeof msg !== "string" || known === undefined) return undefined;
  const fields: Record<string, string | number | boolean> = {};
  const others = Object.entries(object).filter(([name]) => !TAKEN.has(name) && /^\w{1,64}$/.test(name));
  for (const [name, value] of others.slice(0, MAX_FIELDS)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") fields[name] = value;
  }
  return { level: known, message: msg, fields };
}
