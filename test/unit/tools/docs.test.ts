import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import {
  errorRows,
  FOLDER,
  generateDocuments,
  keptRecordings,
  loadProgram,
  recordedCodes,
} from "../../../tools/docs/index.ts";
import { vectorsFolder } from "../../vectors/support/folder.ts";

const root = resolve(import.meta.dirname, "../../..");
const program = loadProgram(root);

describe("the generated documents", () => {
  const documents = generateDocuments(root, program);

  test("are what the code says: `npm run docs` writes them anew", () => {
    for (const [path, text] of documents) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(readFileSync(join(root, path), "utf8"), path).toBe(text);
    }
  });

  test("are all there is in their folder, and the README leads to each", () => {
    const paths = [...documents.keys()].sort();
    expect(
      readdirSync(join(root, FOLDER))
        .sort()
        .map((file) => `${FOLDER}/${file}`),
    ).toEqual(paths);
    const readme = readFileSync(join(root, "README.md"), "utf8");
    for (const path of paths) expect(readme, path).toContain(`(${path})`);
  });
});

describe("the list of error codes", () => {
  test("has a test or a recording for each", () => {
    const bare = errorRows(root, program).filter(({ tests, recordings }) => tests.length + recordings.length === 0);
    expect(bare.map(({ code }) => code)).toEqual([]);
  });

  test("names recordings that do contain the codes", () => {
    const vectors = vectorsFolder();
    if (vectors === undefined || !existsSync(join(vectors, "chains"))) return;
    const found = recordedCodes(vectors);
    const kept = keptRecordings(root);
    for (const code of Object.keys(kept.codes)) expect(Object.keys(found.codes)).toContain(code);
    for (const [method, codes] of Object.entries(kept.methods)) {
      expect(found.methods[method], method).toEqual(expect.arrayContaining([...codes]));
    }
  });
});
