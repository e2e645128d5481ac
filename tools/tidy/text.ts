import type { Fault, Tree } from "./tree.ts";

/** Folders of one machine mean nothing on another. */
const MACHINE_PATH = /(?<![\w.$}*)-])\/(work|tmp|root|home|Users)\/[\w.@-]+/;

/** Text files may not name folders of the machine that they were written on. */
export function checkMachinePaths(tree: Tree): Fault[] {
  const faults: Fault[] = [];
  for (const [path, text] of tree.files) {
    if (!MACHINE_PATH.test(text)) continue;
    text.split("\n").forEach((line, index) => {
      const found = MACHINE_PATH.exec(line);
      if (found !== null) faults.push({ path, line: index + 1, rule: "machine path", message: found[0] });
    });
  }
  return faults;
}

const VOCABULARY = "docs/vocabulary.md";

/**
 * Every noun of the field has one place. Rows look like "| noun | `path` | words |"; nouns without a place yet are in
 * the list under the heading "Not yet", which has no paths.
 */
export function checkVocabulary(tree: Tree): Fault[] {
  const text = tree.files.get(VOCABULARY);
  if (text === undefined) return [{ path: VOCABULARY, line: 0, rule: "vocabulary", message: "is missing" }];
  const faults: Fault[] = [];
  const places = new Map<string, number>();
  const add = (line: number, message: string): void => {
    faults.push({ path: VOCABULARY, line, rule: "vocabulary", message });
  };
  text.split("\n").forEach((row, index) => {
    const cells = row.split("|").map((cell) => cell.trim());
    if (!row.startsWith("|") || cells.length < 4 || /^(noun|-+|:?-+:?)$/i.test(cells[1] ?? "")) return;
    const [noun = "", place = ""] = cells.slice(1);
    const line = index + 1;
    const before = places.get(noun.toLowerCase());
    if (before !== undefined) add(line, `${noun} has a place on line ${before} already`);
    places.set(noun.toLowerCase(), line);
    if (place === "none") return;
    const paths = [...place.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
    if (paths.length !== 1) add(line, `${noun} must have exactly one path, or the word none`);
    for (const path of paths) {
      if (!tree.hasFile(path) && !tree.hasFolder(path)) add(line, `${noun}: ${path} does not exist`);
    }
  });
  return faults;
}

const LIMITS = "docs/limits.md";

/** Rows of the table of limits look like "| what | limit | `path` | `NAME` |", and the file must contain the name. */
export function checkLimits(tree: Tree): Fault[] {
  const faults: Fault[] = [];
  (tree.files.get(LIMITS) ?? "").split("\n").forEach((row, index) => {
    const found = /\| `([^`]+)` \| `([^`]+)` \|$/.exec(row);
    if (found === null) return;
    const [, path = "", name = ""] = found;
    const text = tree.files.get(path);
    if (text?.includes(name) === true) return;
    const message = text === undefined ? `${path} does not exist` : `${path} does not contain ${name}`;
    faults.push({ path: LIMITS, line: index + 1, rule: "limits", message });
  });
  return faults;
}
