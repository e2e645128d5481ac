import { type GenesisDocument, parseGenesis } from "#consensus/genesis/document.js";
import { readUpgrades } from "#consensus/replay/recording.js";
import { Replay, type ReplayOptions } from "#consensus/replay/replay.js";
import type { UpgradeDescriptor } from "#consensus/services/governance/types.js";
import { listVectors, vectorText } from "../../support/vectors.ts";

/** A recorded chain, unpacked. */
export interface Recording {
  readonly name: string;
  readonly document: GenesisDocument;
  /** One line per height. */
  readonly lines: readonly string[];
  readonly upgrades: readonly UpgradeDescriptor[];
}

const files = new Set(listVectors("chains"));

/** Names of all recordings in the folder of vectors. */
export const recordingNames: readonly string[] = [...files]
  .map((file) => /^chains\/([^/]+)\/blocks\.jsonl\.gz$/.exec(file)?.[1])
  .filter((name) => name !== undefined)
  .sort();

/** Whether the long replays are wanted. */
export const nightly = (process.env["QANAT_NIGHTLY"] ?? "") !== "";

export function hasFile(name: string, file: string): boolean {
  return files.has(`chains/${name}/${file}`);
}

export function openRecording(name: string): Recording {
  const document = parseGenesis(vectorText(`chains/${name}/genesis.json`));
  const upgrades = hasFile(name, "upgrades.json") ? readUpgrades(vectorText(`chains/${name}/upgrades.json`)) : [];
  const lines = vectorText(`chains/${name}/blocks.jsonl.gz`).split("\n");
  return { name, document, lines: lines.filter((line) => line !== ""), upgrades };
}

/** A replay of a recording from its beginning, with the upgrades that its nodes were told about. */
export function startReplay({ document, upgrades }: Recording, options: ReplayOptions = {}): Replay {
  return new Replay(document, { upgrades, ...options });
}

/** Replays all heights, or those up to an index of the lines. */
export function runThrough(replay: Replay, { lines }: Recording, end = lines.length): void {
  for (const line of lines.slice(0, end)) replay.step(line);
}
