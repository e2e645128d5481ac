/** Generates the reference documents: `docs/generated/` from the tables of the code. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { kitPage } from "./kit.ts";
import { errorOf, Reachability } from "./reach.ts";
import { allEvents, allErrors } from "./tables.ts";
import { productSources, type Recorded, recordedCodes, testedCodes } from "./evidence.ts";
import {
  type ErrorRow,
  errorsPage,
  eventsPage,
  limitsPage,
  metricsPage,
  parametersPage,
  rpcPage,
  transactionsPage,
} from "./pages.ts";
import { loadProgram, type Program, walkAll } from "./program.ts";

export { recordedCodes } from "./evidence.ts";
export { loadProgram } from "./program.ts";

/** Where recordings that contain an error code are kept, because the recordings are not part of the repository. */
export const RECORDED = "tools/docs/recorded.json";
export const FOLDER = "docs/generated";

/** What recordings were found to contain when the documents were last written. */
export function keptRecordings(root: string): Recorded {
  const file = join(root, RECORDED);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Recorded) : { codes: {}, methods: {} };
}

/** The text of the file of recordings. @param vectors folder of vectors */
export function recordingsText(vectors: string): string {
  return `${JSON.stringify(recordedCodes(vectors), undefined, 2)}\n`;
}

/** Codes that any code of the product throws. */
function thrownCodes(program: Program): Set<string> {
  const thrown = new Set<string>();
  walkAll(program, (node) => {
    if (!ts.isPropertyAccessExpression(node)) return;
    const asked = ts.isPropertyAccessExpression(node.parent) && node.parent.name.text === "is";
    const code = asked ? undefined : errorOf(program, node);
    if (code !== undefined) thrown.add(code);
  });
  return thrown;
}

/** The rows of the page of errors. */
export function errorRows(root: string, program: Program): ErrorRow[] {
  const recorded = keptRecordings(root).codes;
  const errors = allErrors();
  const entries = new Map(errors.map(({ entry, code }) => [entry, code]));
  const tested = testedCodes(root, entries);
  const thrown = thrownCodes(program);
  return errors.map(({ code, text }) => ({
    code,
    text,
    thrown: thrown.has(code),
    tests: tested.get(code) ?? [],
    recordings: recorded[code] ?? [],
  }));
}

/** Every generated document: path relative to the root, text. @param root folder of the checkout */
export function generateDocuments(root: string, program: Program = loadProgram(root)): Map<string, string> {
  return new Map([
    [`${FOLDER}/transactions.md`, transactionsPage(new Reachability(program), keptRecordings(root).methods)],
    [`${FOLDER}/events.md`, eventsPage(allEvents())],
    [`${FOLDER}/parameters.md`, parametersPage()],
    [`${FOLDER}/rpc.md`, rpcPage()],
    [`${FOLDER}/metrics.md`, metricsPage()],
    [`${FOLDER}/kit.md`, kitPage(root)],
    [`${FOLDER}/limits.md`, limitsPage(productSources(root))],
    [`${FOLDER}/errors.md`, errorsPage(errorRows(root, program))],
  ]);
}
