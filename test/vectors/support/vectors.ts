import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, TestRunner, test } from "vitest";
import { filesBelow, isVectorFile, vectorsFolder, vectorsFolderIsSelection } from "./folder.ts";

const folder = vectorsFolder();

/** Whether any folder of vectors is at hand. */
export const hasVectors = folder !== undefined;

/** The absolute path of the folder of vectors. Throws when there is none: ask `hasVectors` first. */
export function vectorsRoot(): string {
  if (folder === undefined) throw new TypeError("no folder of vectors: set QANAT_VECTORS or use describeVectors");
  return folder;
}

/** The absolute path of one vector file (or folder of a recording); counts it as covered. */
export function vectorPath(file: string): string {
  return locate(file);
}

/** The parsed JSON of a vector file, `.json` or `.json.gz`. Integers beyond 2^53 lose digits: see `vectorText`. */
export function vectors<T>(file: string): T {
  return JSON.parse(vectorText(file)) as T;
}

/** The text of a vector file, unpacked when its name ends in `.gz`. */
export function vectorText(file: string): string {
  return new TextDecoder().decode(vectorBytes(file));
}

/** The bytes of a vector file, unpacked when its name ends in `.gz`. */
export function vectorBytes(file: string): Uint8Array {
  const bytes = readFileSync(locate(file));
  return new Uint8Array(file.endsWith(".gz") ? gunzipSync(bytes) : bytes);
}

/** The parsed lines of a `.jsonl` or `.jsonl.gz` file. */
export function vectorLines<T>(file: string): T[] {
  const lines = vectorText(file).split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as T);
}

/** The vector files below a folder, e.g. `listVectors("mkvs")` gives `["mkvs/case-1.json", …]`; [] without vectors. */
export function listVectors(below: string): string[] {
  if (folder === undefined || !existsSync(join(folder, below))) return [];
  return filesBelow(folder, below).filter(isVectorFile);
}

/**
 * A describe block over one vector file. Without any folder of vectors it is skipped with a visible line; a file that
 * is missing from the folder fails, or is skipped with a visible line when the folder was named by QANAT_VECTORS
 * (which may be a selection).
 */
export function describeVectors<T>(file: string, body: (data: T) => void): void {
  const absent = whyAbsent(file);
  if (absent === undefined) {
    describe(`vectors ${file}`, () => body(vectors<T>(file)));
    return;
  }
  if (absent.skip) {
    note("skipped", file);
    process.stderr.write(`SKIPPED vectors ${file}: ${absent.reason}\n`);
    describe.skip(`vectors ${file}`, () => test("is skipped: " + absent.reason, () => undefined));
    return;
  }
  describe(`vectors ${file}`, () => {
    test("is in the folder of vectors", () => {
      throw new TypeError(absent.reason);
    });
  });
}

function locate(file: string): string {
  const absent = whyAbsent(file);
  if (absent === undefined) {
    note("used", file);
    return join(vectorsRoot(), file);
  }
  const current = TestRunner.getCurrentTest();
  if (absent.skip && current !== undefined) {
    note("skipped", file);
    process.stderr.write(`SKIPPED ${current.name}: ${file}: ${absent.reason}\n`);
    current.context.skip(absent.reason);
  }
  throw new TypeError(`${file}: ${absent.reason}`);
}

function whyAbsent(file: string): { reason: string; skip: boolean } | undefined {
  if (folder === undefined) return { reason: "no folder of vectors here", skip: true };
  if (existsSync(join(folder, file))) return undefined;
  return { reason: "missing from the folder of vectors", skip: vectorsFolderIsSelection() };
}

/** Workers share no memory with the reporter, so each use is one appended line of a file that the reporter reads. */
function note(what: "used" | "skipped", file: string): void {
  const ledger = process.env["QANAT_VECTORS_LEDGER"];
  if (ledger !== undefined) appendFileSync(ledger, `${what} ${file}\n`);
}
