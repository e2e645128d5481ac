import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { readTree, type Source, walk } from "../tidy/tree.ts";

/** Where an error code is asserted: `place` for readers, several for one code. */
export type Evidence = Map<string, string[]>;

const CODE = /^[a-z]+(\/[a-z]+)*\/\d+$/;

/** Where tests run the consensus layer; others only carry its codes about. */
const ABOUT_CHAINS = /^(unit\/(consensus|node)|vectors|interop|e2e\/network)\//;

/** Tests that name an error code, as text ("staking/5"), as module and code, or by its entry in the error table. */
export function testedCodes(root: string, entries: ReadonlyMap<string, string>): Evidence {
  const found: Evidence = new Map();
  const sources = readTree(join(root, "test")).sources.filter(({ path }) => ABOUT_CHAINS.test(path));
  // Unit tests of the consensus layer first, because they say most; else by path, whatever order the disk has.
  const order = ({ path }: Source): string => `${path.startsWith("unit/consensus/") ? 0 : 1} ${path}`;
  sources.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  for (const source of sources) {
    walk(source, (node) => {
      const code = codeOf(node, entries);
      if (code !== undefined) note(found, code, `${titleOf(node)} (\`test/${source.path}\`)`);
    });
  }
  return found;
}

function codeOf(node: ts.Node, entries: ReadonlyMap<string, string>): string | undefined {
  if (ts.isStringLiteral(node)) return CODE.test(node.text) ? node.text : undefined;
  if (ts.isPropertyAccessExpression(node)) return entries.get(node.getText());
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const value = (...names: string[]): ts.Expression | undefined =>
    node.properties.filter(ts.isPropertyAssignment).find((p) => names.includes(p.name.getText()))?.initializer;
  const module = value("oasisModule", "module");
  const code = value("oasisCode", "code");
  if (module === undefined || code === undefined || !ts.isStringLiteral(module) || !ts.isNumericLiteral(code)) return;
  return `${module.text}/${code.text}`;
}

/** Name of the test around a node; helpers and tables of a file stand for the file as a whole. */
function titleOf(node: ts.Node): string {
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
    if (!ts.isCallExpression(at)) continue;
    const [title] = at.arguments;
    if (!/^(test|it)\b/.test(at.expression.getText()) || title === undefined) continue;
    if (ts.isStringLiteralLike(title)) return title.text;
    if (ts.isTemplateExpression(title)) return title.getText().slice(1, -1);
  }
  return "a table of cases";
}

function note(found: Evidence, code: string, place: string): void {
  const places = found.get(code) ?? [];
  if (!places.includes(place)) places.push(place);
  found.set(code, places);
}

interface Summary {
  readonly txs_by_method_result: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
interface ServiceReplay {
  readonly steps: readonly {
    readonly name: string;
    readonly in?: { readonly method?: string };
    readonly result?: { readonly ok: boolean; readonly module?: string; readonly code?: number };
  }[];
}

/** What recordings contain; replays compare every result with them. */
export interface Recorded {
  /** Places of each error code, at most three. */
  readonly codes: Readonly<Record<string, readonly string[]>>;
  /** Error codes that each method ended with. */
  readonly methods: Readonly<Record<string, readonly string[]>>;
}

/** Looks through the recordings of a folder of vectors. */
export function recordedCodes(vectors: string): Recorded {
  const found: Evidence = new Map();
  const ended: Evidence = new Map();
  const chains = join(vectors, "chains");
  for (const chain of readdirSync(chains).sort()) {
    const summary = join(chains, chain, "summary.json");
    if (!existsSync(summary)) continue;
    const { txs_by_method_result: methods } = JSON.parse(readFileSync(summary, "utf8")) as Summary;
    for (const method of Object.keys(methods).sort()) {
      for (const code of Object.keys(methods[method] ?? {})) {
        if (!CODE.test(code)) continue;
        note(ended, method, code);
        note(found, code, `${method || "a transaction without method"} in chain ${chain}`);
      }
    }
  }
  const services = join(vectors, "services");
  for (const file of readdirSync(services).sort()) {
    if (!/_replay.*\.json$/.test(file)) continue;
    for (const { name, result, in: input } of (JSON.parse(readFileSync(join(services, file), "utf8")) as ServiceReplay)
      .steps) {
      if (result !== undefined && !result.ok) {
        const code = `${result.module}/${result.code}`;
        note(found, code, `step "${name}" of ${file.replace(".json", "")}`);
        note(ended, input?.method ?? "", code);
      }
    }
  }
  const sorted = (evidence: Evidence): [string, string[]][] => [...evidence].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    codes: Object.fromEntries(sorted(found).map(([code, places]) => [code, places.slice(0, 3)])),
    methods: Object.fromEntries(sorted(ended).map(([method, codes]) => [method, codes.sort()])),
  };
}

/** Sources of a folder, for pages that read constants. */
export function productSources(root: string): readonly Source[] {
  return readTree(join(root, "src")).sources;
}
