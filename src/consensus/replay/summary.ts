import { DecodeError } from "#common/errors/index.js";
import { expectObject, type Json, parseJson, printJson } from "#common/json.js";
import { ReplayDifference } from "./difference.js";

type Fields = { readonly [field: string]: Json };

function isFields(json: Json | undefined): json is Fields {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** Whole numbers are one kind, however they were read. */
function kindOf(json: Json | undefined): string {
  return typeof json === "bigint" ? "number" : typeof json;
}

/** A value on one line. */
function printed(json: Json | undefined): string {
  return json === undefined ? "nothing" : typeof json === "object" ? printJson(json) : `${json}`;
}

/** The first place below a field at which two values differ; undefined when they agree. */
function difference(path: string, recorded: Json | undefined, ours: Json | undefined): readonly string[] | undefined {
  if (!isFields(recorded) || !isFields(ours)) {
    const [theirs, found] = [printed(recorded), printed(ours)];
    return theirs === found && kindOf(recorded) === kindOf(ours) ? undefined : [path, theirs, found];
  }
  for (const name of new Set([...Object.keys(recorded), ...Object.keys(ours)])) {
    const found = difference(`${path}[${JSON.stringify(name)}]`, recorded[name], ours[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Compares a whole replay with the `summary.json` of its recording, which tells when heights are missing at the end.
 * What the summary does not say is not compared; it may say nothing that was not counted.
 *
 * @param totals what was counted, by the names of the summary, the most telling first
 * @throws ReplayDifference that names the first field that differs
 */
export function compareSummary(json: string, totals: Fields, lastHeight: bigint): void {
  const summary = read(json, lastHeight);
  for (const field of new Set([...Object.keys(totals), ...Object.keys(summary)])) {
    const recorded = summary[field];
    const found = recorded === undefined ? undefined : difference(field, recorded, totals[field]);
    if (found === undefined) continue;
    const [path = field, theirs = "", ours = ""] = found;
    throw new ReplayDifference(lastHeight, `${path} of summary.json`, theirs, ours);
  }
}

function read(json: string, height: bigint): { readonly [field: string]: Json } {
  try {
    return expectObject(parseJson(json));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ReplayDifference(height, "summary.json", error.message, "a readable summary");
  }
}
