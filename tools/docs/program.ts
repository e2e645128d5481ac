import { join } from "node:path";
import ts from "typescript";

/** The checked sources of the product, for questions about who calls whom. */
export interface Program {
  readonly checker: ts.TypeChecker;
  /** Files of `src`, by path relative to the root. */
  readonly files: ReadonlyMap<string, ts.SourceFile>;
}

/** Where codes of the protocol are thrown; what these files import comes along. */
const ROOTS = /\/src\/(consensus|node)\//;

/**
 * Loads sources with the compiler's own settings, but without the libraries: names are looked up, types are not checked.
 * @param root folder of the checkout
 */
export function loadProgram(root: string): Program {
  const config = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path));
  const parsed = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const names = parsed.fileNames.filter((name) => ROOTS.test(name));
  const program = ts.createProgram(names, {
    ...parsed.options,
    incremental: false,
    noEmit: true,
    noLib: true,
    types: [],
  });
  const files = new Map<string, ts.SourceFile>();
  for (const file of program.getSourceFiles()) {
    if (file.fileName.startsWith(join(root, "src/"))) files.set(file.fileName.slice(root.length + 1), file);
  }
  return { checker: program.getTypeChecker(), files };
}

/** The declaration that a name stands for, through imports; undefined for what is not declared in `src`. */
export function declarationOf({ checker }: Program, name: ts.Node): ts.Declaration | undefined {
  const shorthand =
    ts.isIdentifier(name) && ts.isShorthandPropertyAssignment(name.parent)
      ? checker.getShorthandAssignmentValueSymbol(name.parent)
      : undefined;
  let symbol = shorthand ?? checker.getSymbolAtLocation(name);
  if (symbol === undefined) return undefined;
  if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) symbol = checker.getAliasedSymbol(symbol);
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined || declaration.getSourceFile().isDeclarationFile) return undefined;
  return declaration;
}

/** The initial value of a constant that a name stands for. */
export function initializerOf(program: Program, name: ts.Node): ts.Expression | undefined {
  const declaration = declarationOf(program, name);
  return declaration !== undefined && ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined;
}

/** A call of a function of this name. */
export function isCallOf(node: ts.Node | undefined, name: string): node is ts.CallExpression {
  return (
    node !== undefined && ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === name
  );
}

/** The text of a literal, or of a constant that is one. */
export function textOf(program: Program, node: ts.Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  return ts.isIdentifier(node) ? textOf(program, initializerOf(program, node)) : undefined;
}

/** Calls `see` for a node and everything below it. */
export function walkNode(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => walkNode(child, see));
}

/** Calls `see` for every node of the product. */
export function walkAll({ files }: Program, see: (node: ts.Node) => void): void {
  for (const file of files.values()) walkNode(file, see);
}
