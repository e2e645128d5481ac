import { afterAll, describe, expect, test } from "vitest";
import { exportGenesis } from "#consensus/genesis/export.js";
import { printGenesis } from "#consensus/genesis/document.js";
import { readHeight } from "#consensus/replay/recording.js";
import { compareSummary } from "#consensus/replay/summary.js";
import { vectorText } from "../support/vectors.ts";
import { hasFile, nightly, openRecording, recordingNames, runThrough, startReplay } from "./support/recordings.ts";

/** Recordings that take longer than a few seconds: replayed every night. */
const LONG = [
  "all-methods-mock",
  "all-methods-vrf",
  "keymanager-churp",
  "runtime-dynamic",
  "runtime-governance",
  "txsource-short",
];

const outcomes = new Map<string, string>();

function replayWhole(name: string): string {
  const recording = openRecording(name);
  const replay = startReplay(recording, { verifyCommits: true });
  runThrough(replay, recording);
  const { app, tally } = replay;
  compareSummary(vectorText(`chains/${name}/summary.json`), tally.summary(app.initialHeight, app.appHash), app.height);
  if (!hasFile(name, "final_genesis.json")) return "agrees";
  const last = readHeight(recording.lines.at(-1) ?? "").block.header;
  const state = replay.app.stateAt(0n);
  const exported = exportGenesis(state, { height: last.height, time: last.time, origin: recording.document });
  // The recorded dumps lack the final newline of the canonical form.
  expect(printGenesis(exported)).toBe(`${vectorText(`chains/${name}/final_genesis.json`)}\n`);
  return "agrees, exported genesis too";
}

describe("recorded chains", () => {
  for (const name of recordingNames) {
    test.skipIf(!nightly && LONG.includes(name))(
      `agrees with every result, event, hash and signature of ${name}`,
      { timeout: 600_000 },
      () => {
        outcomes.set(name, "DIFFERS, see its failure");
        outcomes.set(name, replayWhole(name));
      },
    );
  }

  afterAll(() => {
    if (outcomes.size < 2) return;
    const rows = recordingNames.map((name) => `  ${name.padEnd(36)} ${outcomes.get(name) ?? "left out: nightly only"}`);
    process.stdout.write(`\nreplays of recorded chains\n${rows.join("\n")}\n\n`);
  });
});
