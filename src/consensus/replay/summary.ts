import { toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { expectObject, type Json, parseJson, printJson } from "#common/json.js";
import { ReplayDifference } from "./difference.js";

/** What a replay of a whole recording came to. */
export interface ReplayTotals {
  readonly initialHeight: bigint;
  readonly lastHeight: bigint;
  /** Heights, those included that an earlier run had replayed. */
  readonly heights: number;
  /** Undefined when an earlier run had replayed some of them. */
  readonly transactions: number | undefined;
  readonly appHash: Uint8Array;
}

const FIELDS: Readonly<Record<string, (totals: ReplayTotals) => string | undefined>> = {
  initial_height: ({ initialHeight }) => `${initialHeight}`,
  heights: ({ heights }) => `${heights}`,
  last_height: ({ lastHeight }) => `${lastHeight}`,
  txs: ({ transactions }) => (transactions === undefined ? undefined : `${transactions}`),
  final_app_hash: ({ appHash }) => toHex(appHash),
};

/**
 * Compares a whole replay with the `summary.json` of its recording, which tells when heights are missing at the end.
 * What the summary does not say is not compared.
 *
 * @throws ReplayDifference that names the first field that differs
 */
export function compareSummary(json: string, totals: ReplayTotals): void {
  const summary = read(json, totals.lastHeight);
  for (const [field, ours] of Object.entries(FIELDS)) {
    const recorded = summary[field];
    const found = ours(totals);
    if (recorded === undefined || found === undefined) continue;
    const text = typeof recorded === "object" ? printJson(recorded) : `${recorded}`;
    if (text !== found) throw new ReplayDifference(totals.lastHeight, `${field} of summary.json`, text, found);
  }
}

function read(json: string, height: bigint): { readonly [field: string]: Json | undefined } {
  try {
    return expectObject(parseJson(json));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ReplayDifference(height, "summary.json", error.message, "a readable summary");
  }
}
