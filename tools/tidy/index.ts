import { checkDeadExports, checkSizes, checkSuppressions, checkThrows } from "./code.ts";
import { checkDeterminism } from "./determinism.ts";
import { allImports, manifestEntries } from "./imports.ts";
import { checkCycles, checkDeadFiles, checkLayers, checkResolved, checkServices } from "./structure.ts";
import { checkLimits, checkMachinePaths, checkVocabulary } from "./text.ts";
import { type Fault, readTree, Tree } from "./tree.ts";

export { type Fault, format } from "./tree.ts";

/** Every fault of a checkout, by path and line. There is no way to switch a rule off for a file. */
export function tidyRepository(root: string): Fault[] {
  const tree = readTree(root);
  if (tree.product.length === 0) return [{ path: root, line: 0, rule: "tidy", message: "found no source at all" }];
  return tidy(tree);
}

/** The same over files given by hand: text by path. */
export function tidyFiles(files: Readonly<Record<string, string>>): Fault[] {
  return tidy(new Tree(new Map(Object.entries(files))));
}

function tidy(tree: Tree): Fault[] {
  const imports = allImports(tree);
  const entries = manifestEntries(tree);
  const faults = [
    ...checkResolved(imports),
    ...checkLayers(tree, imports),
    ...checkServices(tree, imports),
    ...checkCycles(imports),
    ...checkDeadFiles(tree, imports, entries),
    ...checkDeadExports(tree, imports, entries),
    ...checkDeterminism(tree),
    ...checkSizes(tree),
    ...checkSuppressions(tree),
    ...checkThrows(tree),
    ...checkMachinePaths(tree),
    ...checkVocabulary(tree),
    ...checkLimits(tree),
  ];
  return faults.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line));
}
