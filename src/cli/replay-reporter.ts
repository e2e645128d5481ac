import { toBase64, toHex } from "#common/bytes.js";
import type { ReplayDifference, StateChange } from "#consensus/replay/difference.js";
import { onOutput } from "./colours.js";

/** How far a replay is. */
export interface ReplayProgress {
  readonly height: bigint;
  readonly transactions: number;
  /** Part of the recording that has been read, from 0 to 1. */
  readonly done: number;
  readonly blocksPerSecond: number;
}

export interface ReplaySummary {
  readonly blocks: number;
  readonly skipped: number;
  readonly transactions: number;
  readonly seconds: number;
  readonly appHash: Uint8Array;
}

/** Tells a person or a program how a replay goes. */
export interface ReplayReporter {
  block(progress: ReplayProgress): void;
  difference(difference: ReplayDifference, blocks: number): void;
  summary(summary: ReplaySummary): void;
}

/** State keys and values that are printed at most; the JSON form has all of them. */
const SHOWN_CHANGES = 40;
const SHOWN_BYTES = 48;
const BAR_WIDTH = 30;

function changeFields({ key, service, before, after }: StateChange): object {
  const value = (bytes: Uint8Array | undefined): string | null => (bytes === undefined ? null : toBase64(bytes));
  return { service, key: toHex(key), before: value(before), after: value(after) };
}

/** One JSON object per line. */
export function jsonReplayReporter(write: (text: string) => void): ReplayReporter {
  const line = (event: string, fields: object): void => write(`${JSON.stringify({ event, ...fields })}\n`);
  return {
    block: ({ height, transactions }) => line("block", { height: Number(height), transactions }),
    difference({ height, what, expected, found, place, changes }, blocks) {
      const { transaction = null, method = null, service = null, event = null } = place;
      const where = { transaction, method, service, abci_event: event };
      const at = { height: Number(height), after_blocks: blocks, what };
      line("difference", { ...at, recorded: expected, ours: found, ...where, changes: changes.map(changeFields) });
    },
    summary: ({ blocks, skipped, transactions, seconds, appHash }) =>
      line("summary", {
        blocks,
        skipped,
        transactions,
        seconds,
        blocks_per_second: rate(blocks, seconds),
        app_hash: toHex(appHash),
      }),
  };
}

function rate(blocks: number, seconds: number): number {
  return seconds > 0 ? Math.round(blocks / seconds) : 0;
}

function bar(done: number): string {
  const full = Math.round(Math.min(1, done) * BAR_WIDTH);
  return `${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)}`;
}

function short(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "absent";
  const digits = toHex(bytes.subarray(0, SHOWN_BYTES));
  return bytes.length > SHOWN_BYTES ? `${digits}… (${bytes.length} bytes)` : digits === "" ? "empty" : digits;
}

function changeLines(changes: readonly StateChange[]): string[] {
  const lines = changes
    .slice(0, SHOWN_CHANGES)
    .flatMap(({ key, service, before, after }) => [
      `  ${onOutput.bold(service)} ${toHex(key)}`,
      `    ${onOutput.red(`- ${short(before)}`)}`,
      `    ${onOutput.green(`+ ${short(after)}`)}`,
    ]);
  if (changes.length > SHOWN_CHANGES) lines.push(`  and ${changes.length - SHOWN_CHANGES} more (--json lists all)`);
  return lines.length === 0 ? [] : ["state keys that our execution of the block changed:", ...lines];
}

/** Text for a person; with a bar on a terminal. */
export function textReplayReporter(write: (text: string) => void, live: boolean): ReplayReporter {
  const clear = live ? "\r\u001b[2K" : "";
  return {
    block({ height, done, blocksPerSecond }) {
      const percent = `${Math.floor(done * 100)}`.padStart(3);
      if (live)
        write(`${clear}${bar(done)} ${percent} %  height ${onOutput.bold(`${height}`)}  ${blocksPerSecond} blocks/s`);
    },
    difference({ height, what, expected, found, place, changes }, blocks) {
      const { service, event } = place;
      const lines = [
        `${clear}${onOutput.red("differs")} at height ${onOutput.bold(`${height}`)}, after ${blocks} blocks that agree: ${what}`,
        ...(service === undefined ? [] : [`service   ${service}`]),
        ...(event === undefined ? [] : [`event     ${event}`]),
        `recorded  ${expected}`,
        `ours      ${found}`,
        ...changeLines(changes),
      ];
      write(`${lines.join("\n")}\n`);
    },
    summary({ blocks, skipped, transactions, seconds, appHash }) {
      const before = skipped === 0 ? "" : ` (${skipped} more were there already)`;
      const figures = `${blocks} blocks${before}, ${transactions} transactions, ${rate(blocks, seconds)} blocks/s`;
      write(`${clear}${onOutput.green("agrees")}: ${figures}, app hash ${toHex(appHash)}\n`);
    },
  };
}
