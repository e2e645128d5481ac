import type { Log, LogFields } from "#common/ports/log.js";

export type LogLevel = "debug" | "info" | "warn" | "error" | "none";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, none: 4 };

export interface LineLogOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  /** Takes one line, its end included; the standard error stream unless told. */
  readonly write?: (line: string) => void;
  /** Time of a line; the wall clock unless told. */
  readonly nowMs?: () => number;
}

/** A value as one word: quoted when it has spaces, quotes or control characters, so that a line stays one line. */
function word(value: string | number | bigint | boolean): string {
  const text = String(value);
  return /^[^\s"=\p{C}]+$/u.test(text) ? text : oneLine(JSON.stringify(text));
}

/** Control characters would let a peer's text forge lines or steer a terminal. */
function oneLine(text: string): string {
  return text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Fields as members of a JSON object, in which large whole numbers are texts. */
export function jsonFields(fields: LogFields): Record<string, string | number | boolean> {
  const out: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) out[name] = typeof value === "bigint" ? value.toString() : value;
  }
  return out;
}

/**
 * A log that writes one JSON object per message, as programs do that a node has started (launching runtimes: logs).
 * @param write takes one line, its end included
 */
export function jsonLog(write: (line: string) => void): Log {
  const line =
    (level: string) =>
    (msg: string, fields: LogFields = {}): void =>
      write(`${JSON.stringify({ msg, level, ...jsonFields(fields) })}\n`);
  const log: Log = {
    debug: line("DEBG"),
    info: line("INFO"),
    warn: line("WARN"),
    error: line("ERRO"),
    child: () => log,
  };
  return log;
}

/** A log that writes one line of text per message: time, level, part of the program, message, fields. */
export function lineLog(options: LineLogOptions): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const nowMs = options.nowMs ?? Date.now;
  const named = (part: string): Log => {
    const line =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void => {
        if (RANK[level] < RANK[options.level]) return;
        let text = `${new Date(nowMs()).toISOString()} ${level.padEnd(5)} ${part === "" ? "" : `${part}: `}${oneLine(message)}`;
        for (const [key, value] of Object.entries(fields)) if (value !== undefined) text += ` ${key}=${word(value)}`;
        write(`${text}\n`);
      };
    return {
      debug: line("debug"),
      info: line("info"),
      warn: line("warn"),
      error: line("error"),
      child: (name) => named(part === "" ? name : `${part}/${name}`),
    };
  };
  return named("");
}
