/** Replays recorded chains and compares the time with that of the bare signature checks and VRF proofs in them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type GenesisDocument, parseGenesis } from "#consensus/genesis/document.js";
import { readUpgrades } from "#consensus/replay/recording.js";
import { Replay } from "#consensus/replay/replay.js";
import { opensslAccepts } from "../../src/platform/openssl-keys.ts";
import { verifyProof } from "../../src/common/crypto/vrf.ts";
import type { Figure } from "../support/bench.ts";
import { cpuSeconds } from "./cpu-time.ts";
import { forgetAnswers } from "./forgetful-map.ts";
import { observeSignatures, type SeenSignature, withExactPoints } from "./observed-kernels.ts";
import { observeProofs, type SeenProof } from "./observed-vrf.ts";

const WANTED_RATIO = 2;

interface Chain {
  readonly name: string;
  readonly document: GenesisDocument;
  readonly upgrades: string | undefined;
  readonly lines: readonly string[];
}

function open(folder: string, name: string): Chain {
  const text = (file: string): string => readFileSync(join(folder, name, file), "utf8");
  const upgrades = existsSync(join(folder, name, "upgrades.json")) ? text("upgrades.json") : undefined;
  const blocks = gunzipSync(readFileSync(join(folder, name, "blocks.jsonl.gz"))).toString("utf8");
  return { name, document: parseGenesis(text("genesis.json")), upgrades, lines: blocks.trim().split("\n") };
}

/** Replays a chain with nothing remembered. @returns seconds and transactions */
function replay({ document, upgrades, lines }: Chain): { seconds: number; transactions: number } {
  forgetAnswers();
  const start = cpuSeconds();
  const told = upgrades === undefined ? [] : readUpgrades(upgrades);
  const run = new Replay(document, { upgrades: told, verifyCommits: true });
  let transactions = 0;
  for (const line of lines) transactions += run.step(line).transactions;
  return { seconds: cpuSeconds() - start, transactions };
}

function secondsOf(work: () => void): number {
  const start = cpuSeconds();
  work();
  return cpuSeconds() - start;
}

/** Seconds of the checks alone: OpenSSL, and @noble for what OpenSSL refuses. */
function bareSignatures(seen: readonly SeenSignature[]): number {
  return secondsOf(() => {
    for (const { publicKey, message, signature } of seen) {
      if (!opensslAccepts(publicKey, message, signature)) {
        ed25519.verify(signature, message, publicKey, { zip215: true });
      }
    }
  });
}

/** Seconds of the proofs alone, on @noble. */
function bareProofs(seen: readonly SeenProof[]): number {
  return withExactPoints(() =>
    secondsOf(() => {
      for (const { publicKey, alpha, proof } of seen) verifyProof(publicKey, alpha, proof);
    }),
  );
}

function bareWork(signatures: readonly SeenSignature[], proofs: readonly SeenProof[]): number {
  forgetAnswers();
  return bareSignatures(signatures) + bareProofs(proofs);
}

function different(proofs: readonly SeenProof[]): SeenProof[] {
  return [...new Map(proofs.map((seen) => [Buffer.from(seen.proof).toString("hex"), seen])).values()];
}

/**
 * Figures of each chain, replayed for the second time in this process.
 * @param folder of the recordings
 */
export function measureReplays(folder: string, names: readonly string[]): Figure[] {
  const figures: Figure[] = [];
  for (const name of names) {
    const chain = open(folder, name);
    const [signaturesSeen, proofsSeen] = [observeSignatures(), observeProofs()];
    replay(chain);
    const signatures = signaturesSeen.stop();
    const proofs = different(proofsSeen.stop());
    // Before and after, so that a machine that becomes busier or idler meanwhile disturbs both alike.
    const before = bareWork(signatures, proofs);
    const { seconds, transactions } = replay(chain);
    const bare = (before + bareWork(signatures, proofs)) / 2;
    const ratio = seconds / bare;
    const to = `its ${signatures.length} signatures on OpenSSL and ${proofs.length} VRF proofs on @noble (wanted: <= ${WANTED_RATIO})`;
    figures.push(
      { name: `replay ${name}`, unit: "s", value: seconds, ratio, to },
      { name: `replay ${name}, bare work`, unit: "s", value: bare },
      { name: `replay ${name}`, unit: "tx/s", value: Math.round(transactions / seconds) },
    );
  }
  return figures;
}
