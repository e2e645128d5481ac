import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesBelow, isVectorFile, vectorsFolder } from "./folder.ts";

/**
 * Prints, after a whole run, which files of the folder of vectors no test has used. A run of a few files would call
 * nearly everything uncovered, so the table appears only when the test command asks for it.
 */
export default function setup(): (() => void) | undefined {
  // Each project of the test configuration calls this; the first one keeps the ledger for all.
  if (process.env["QANAT_VECTORS_LEDGER"] !== undefined) return undefined;
  const scratch = mkdtempSync(join(tmpdir(), "qanat-vectors-"));
  const ledger = join(scratch, "ledger.txt");
  process.env["QANAT_VECTORS_LEDGER"] = ledger;
  const folder = vectorsFolder();
  if (folder === undefined) {
    process.stderr.write(
      "\nSKIPPED test/vectors: no folder of vectors. Set QANAT_VECTORS, or put it at ../shared/vectors.\n\n",
    );
  }
  return () => {
    const lines = existsSync(ledger) ? readFileSync(ledger, "utf8").split("\n") : [];
    rmSync(scratch, { recursive: true, force: true });
    if (folder !== undefined && process.env["QANAT_VECTORS_TABLE"] === "1") process.stdout.write(table(folder, lines));
  };
}

function table(folder: string, ledger: string[]): string {
  const named = (what: string): string[] =>
    ledger.filter((line) => line.startsWith(`${what} `)).map((line) => line.slice(what.length + 1));
  const used = new Set(named("used"));
  // A recording is a folder: a test that opens the folder or anything in it covers all of its files.
  const recordings = new Set([...used].map((file) => /^chains\/[^/]+/.exec(file)?.[0] ?? ""));
  const covered = (file: string): boolean =>
    used.has(file) || recordings.has(/^chains\/[^/]+/.exec(file)?.[0] ?? "-") || underUsedFolder(file, used);
  const files = filesBelow(folder).filter(isVectorFile);
  const groups = new Map<string, { done: number; open: Set<string> }>();
  for (const file of files) {
    const group = file.includes("/") ? file.slice(0, file.indexOf("/")) : ".";
    const row = groups.get(group) ?? { done: 0, open: new Set<string>() };
    groups.set(group, row);
    if (covered(file)) row.done += 1;
    else row.open.add(shortName(file));
  }
  const rows = [...groups].map(
    ([group, row]) => `  ${group.padEnd(10)} ${String(row.done).padStart(4)} covered  ${wrap([...row.open])}`,
  );
  const skipped = [...new Set(named("skipped"))].sort();
  const tail = skipped.length === 0 ? "" : `  known to a test, not in the folder: ${skipped.join(", ")}\n`;
  return `\nvectors not yet covered (after each folder's count of covered files)\n${rows.join("\n")}\n${tail}\n`;
}

function underUsedFolder(file: string, used: Set<string>): boolean {
  for (let cut = file.lastIndexOf("/"); cut > 0; cut = file.lastIndexOf("/", cut - 1)) {
    if (used.has(file.slice(0, cut))) return true;
  }
  return false;
}

/** `chains/debond/blocks.jsonl.gz` is listed as `debond`: a recording is covered as a whole or not at all. */
function shortName(file: string): string {
  const recording = /^chains\/([^/]+)\//.exec(file);
  return recording?.[1] ?? file.slice(file.indexOf("/") + 1);
}

function wrap(names: string[]): string {
  if (names.length === 0) return "(all)";
  const lines = [""];
  for (const name of names) {
    const last = lines.length - 1;
    const line = lines[last] ?? "";
    if (line.length + name.length > 90) lines.push(name);
    else lines[last] = line === "" ? name : `${line}, ${name}`;
  }
  return lines.join(`,\n${" ".repeat(27)}`);
}
