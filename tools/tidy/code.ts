import { posix } from "node:path";
import ts from "typescript";
import type { Import } from "./imports.ts";
import { MAX_FILE_LINES, MAX_FUNCTION_LINES } from "./layers.ts";
import { type Fault, type Source, type Tree, lineAt, lineOf, walk } from "./tree.ts";

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.data|\.d)?\.ts$/;
const DATA = /\.data\.ts$/;

/** Lengths of files and functions, and names of files. Generated tables are exempt, as data: they may hold no code. */
export function checkSizes(tree: Tree): Fault[] {
  return tree.product.flatMap((source) => {
    const faults: Fault[] = [];
    const add = (line: number, rule: string, message: string): void => {
      faults.push({ path: source.path, line, rule, message });
    };
    if (!KEBAB.test(posix.basename(source.path))) add(0, "file name", "names of files are kebab-case");
    const lines = source.text.replace(/\n$/, "").split("\n").length;
    const data = DATA.test(source.path);
    if (!data && lines > MAX_FILE_LINES) add(0, "file length", `${lines} lines, limit ${MAX_FILE_LINES}`);
    walk(source, (node) => {
      if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
      if (data) add(lineOf(source, node), "data file", "a .data.ts file holds data, no functions");
      const long = lineAt(source, node.getEnd()) - lineOf(source, node) + 1;
      if (long > MAX_FUNCTION_LINES) {
        add(
          lineOf(source, node),
          "function length",
          `${functionName(node)} has ${long} lines, limit ${MAX_FUNCTION_LINES}`,
        );
      }
    });
    return faults;
  });
}

function functionName(node: ts.Node & { readonly name?: ts.Node }): string {
  if (node.name !== undefined) return node.name.getText();
  const holder = node.parent as ts.Node & { readonly name?: ts.Node };
  return holder.name === undefined ? "a function" : holder.name.getText();
}

/** A checker that can be told to look away is not one: no suppressions, no `any`, no postponed work. */
export function checkSuppressions(tree: Tree): Fault[] {
  const words = /@ts-(ignore|expect-error|nocheck)|biome-ignore|(oxlint|eslint)-disable|\b(TODO|FIXME|XXX)\b/;
  return tree.sources.flatMap((source) => {
    const faults: Fault[] = [];
    for (const comment of commentsOf(source)) {
      const word = words.exec(comment.text)?.[0];
      if (word !== undefined)
        faults.push({ path: source.path, line: comment.line, rule: "suppression", message: word });
    }
    walk(source, (node) => {
      if (node.kind !== ts.SyntaxKind.AnyKeyword) return;
      faults.push({
        path: source.path,
        line: lineOf(source, node),
        rule: "suppression",
        message: "any: name the type, or use unknown",
      });
    });
    return faults;
  });
}

function commentsOf(source: Source): { line: number; text: string }[] {
  const seen = new Map<number, { line: number; text: string }>();
  const note = (ranges: readonly ts.CommentRange[] | undefined): void => {
    for (const { pos, end } of ranges ?? [])
      seen.set(pos, { line: lineAt(source, pos), text: source.text.slice(pos, end) });
  };
  walk(source, (node) => {
    note(ts.getLeadingCommentRanges(source.text, node.getFullStart()));
    note(ts.getTrailingCommentRanges(source.text, node.getEnd()));
  });
  return [...seen.values()];
}

/** Errors carry a type that says who must act: see the errors of common. */
export function checkThrows(tree: Tree): Fault[] {
  return tree.product.flatMap((source) => {
    const faults: Fault[] = [];
    walk(source, (node) => {
      if (!ts.isThrowStatement(node) || !ts.isNewExpression(node.expression)) return;
      if (node.expression.expression.getText() !== "Error") return;
      const message = "throw a CodedError, a Fault or another typed error";
      faults.push({ path: source.path, line: lineOf(source, node), rule: "untyped error", message });
    });
    return faults;
  });
}

/** Exported functions, constants and classes that nobody names again, in any file. */
export function checkDeadExports(tree: Tree, imports: readonly Import[], entries: readonly string[]): Fault[] {
  const used = new Set<string>();
  const whole = new Set<string>(entries);
  for (const i of imports) {
    if (i.target.kind !== "files") continue;
    for (const path of i.target.paths) {
      if (i.names === undefined) whole.add(path);
      else for (const name of i.names) used.add(`${path} ${name}`);
    }
  }
  return tree.product.flatMap((source) => {
    if (whole.has(source.path) || source.path.endsWith(".d.ts")) return [];
    const mentions = identifierCounts(source);
    return exportedValues(source)
      .filter(({ text }) => !used.has(`${source.path} ${text}`) && (mentions.get(text) ?? 0) < 2)
      .map((name) => {
        const message = `${name.text} is used nowhere`;
        return { path: source.path, line: lineOf(source, name), rule: "dead export", message };
      });
  });
}

function exportedValues(source: Source): ts.Identifier[] {
  return source.ast.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    const has = (kind: ts.SyntaxKind): boolean => modifiers?.some((modifier) => modifier.kind === kind) === true;
    // What is only declared has its body elsewhere: the kernels, chosen by a condition of the package.
    if (!has(ts.SyntaxKind.ExportKeyword) || has(ts.SyntaxKind.DeclareKeyword)) return [];
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map((d) => d.name).filter(ts.isIdentifier);
    }
    const named =
      ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement);
    return named && statement.name !== undefined ? [statement.name] : [];
  });
}

function identifierCounts(source: Source): Map<string, number> {
  const counts = new Map<string, number>();
  walk(source, (node) => {
    if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
  });
  return counts;
}
