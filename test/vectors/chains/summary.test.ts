import { describe, expect, test } from "vitest";
import { DecodeError } from "#common/errors/index.js";
import { printJson, parseJson } from "#common/json.js";
import { ReplayDifference } from "#consensus/replay/difference.js";
import { readUpgrades } from "#consensus/replay/recording.js";
import { compareSummary } from "#consensus/replay/summary.js";
import { vectorText } from "../support/vectors.ts";
import { hasFile, openRecording, recordingNames, runThrough, startReplay } from "./support/recordings.ts";

const UPGRADED = "node-upgrade-consensus240";
const present = recordingNames.includes(UPGRADED) && hasFile(UPGRADED, "upgrades.json");

/** The same text with one bit of a character flipped. */
function* flips(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) {
    for (const bit of [1, 2, 4, 16, 32]) {
      yield `${text.slice(0, at)}${String.fromCharCode(text.charCodeAt(at) ^ bit)}${text.slice(at + 1)}`;
    }
  }
}

/** Whether two texts are the same JSON, which white space does not change. */
function sameJson(a: string, b: string): boolean {
  try {
    return printJson(parseJson(a)) === printJson(parseJson(b));
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

describe.skipIf(!present)("what a recording says beside its blocks", () => {
  test("no bit of a summary can change unnoticed", () => {
    const recording = openRecording(UPGRADED);
    const replay = startReplay(recording);
    runThrough(replay, recording);
    const { app, tally } = replay;
    const totals = tally.summary(app.initialHeight, app.appHash);
    const summary = vectorText(`chains/${UPGRADED}/summary.json`);
    compareSummary(summary, totals, app.height);
    for (const changed of flips(summary)) {
      if (sameJson(changed, summary)) continue;
      expect(() => compareSummary(changed, totals, app.height), changed).toThrow(ReplayDifference);
    }
  });

  test("no bit of an upgrade can change unnoticed; its note is prose", () => {
    const text = vectorText(`chains/${UPGRADED}/upgrades.json`);
    const [original] = readUpgrades(text);
    const note = parseJson(text) as { readonly note: string };
    for (const changed of flips(text)) {
      let read: ReturnType<typeof readUpgrades>;
      try {
        read = readUpgrades(changed);
      } catch (error) {
        expect(error, changed).toBeInstanceOf(DecodeError);
        continue;
      }
      if (sameJson(changed.replace(/"note": "(\\.|[^"\\])*"/, '"note": ""'), JSON.stringify({ ...note, note: "" })))
        continue;
      expect(read, changed).not.toEqual([original]);
    }
  });
});
