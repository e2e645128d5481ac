import ts from "typescript";
import { DETERMINISTIC } from "./layers.ts";
import { type Fault, type Source, type Tree, lineOf, walk } from "./tree.ts";

/** Globals whose answer depends on the machine, the moment or the engine. */
const BANNED_GLOBALS: Readonly<Record<string, string>> = {
  Date: "time comes from the context",
  Promise: "state-machine code is never asynchronous",
  Intl: "it depends on the machine's language data",
  JSON: "its numbers and key order are not the wire's",
  WeakRef: "what it answers depends on garbage collection",
  FinalizationRegistry: "when it runs depends on garbage collection",
  parseFloat: "fractions round",
  setTimeout: "time comes from the context",
  performance: "time comes from the context",
};

const BANNED_METHODS: Readonly<Record<string, string>> = {
  toFixed: "fractions round",
  toPrecision: "fractions round",
  localeCompare: "it depends on the machine's language data",
};

const OBJECT_ORDER = new Set(["keys", "values", "entries", "getOwnPropertyNames"]);
const SORTS = new Set(["sort", "toSorted"]);
const MAP_TYPES = new Set(["Map", "Set", "ReadonlyMap", "ReadonlySet", "WeakMap", "WeakSet"]);
const MAP_WALKS = new Set(["forEach", "keys", "values", "entries"]);

/** What would let two nodes disagree is banned where they must agree. */
export function checkDeterminism(tree: Tree): Fault[] {
  return tree.product
    .filter((source) => DETERMINISTIC.some((folder) => source.path.startsWith(folder)))
    .flatMap((source) => [...bannedIn(source), ...moduleState(source), ...mapWalks(source)]);
}

function bannedIn(source: Source): Fault[] {
  const faults: Fault[] = [];
  const add = (node: ts.Node, message: string): void => {
    faults.push({ path: source.path, line: lineOf(source, node), rule: "determinism", message });
  };
  walk(source, (node) => {
    const message = ban(node);
    if (message !== undefined) add(node, message);
  });
  return faults;
}

function ban(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return bannedIdentifier(node);
  if (ts.isForInStatement(node)) return "for..in: the order of keys is not the wire's";
  if (ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword) {
    return "async: state-machine code is never asynchronous";
  }
  if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) return "for await: never asynchronous";
  if (ts.isNumericLiteral(node) && /^[0-9_]*\.[0-9]|^[0-9_.]+e-/i.test(node.getText())) {
    return `${node.getText()}: fractions round`;
  }
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression))
    return bannedCall(node, node.expression);
  return undefined;
}

function bannedIdentifier(node: ts.Identifier): string | undefined {
  if (!isReference(node)) return undefined;
  const why = BANNED_GLOBALS[node.text];
  if (why !== undefined && Object.hasOwn(BANNED_GLOBALS, node.text)) return `${node.text}: ${why}`;
  if (node.text !== "Math") return undefined;
  const access = node.parent;
  const member = ts.isPropertyAccessExpression(access) && access.expression === node ? access.name.text : "";
  return member === "min" || member === "max" ? undefined : `Math.${member}: only min and max are the same everywhere`;
}

function bannedCall(call: ts.CallExpression, callee: ts.PropertyAccessExpression): string | undefined {
  const method = callee.name.text;
  if (SORTS.has(method) && call.arguments.length === 0) return `.${method}() without a comparator sorts by text`;
  if (method.startsWith("toLocale")) return `.${method}(): it depends on the machine's language data`;
  if (Object.hasOwn(BANNED_METHODS, method)) return `.${method}(): ${BANNED_METHODS[method]}`;
  if (callee.expression.getText() === "Object" && OBJECT_ORDER.has(method)) {
    return `Object.${method}: the order of keys is not the wire's`;
  }
  return undefined;
}

/** Whether an identifier names the global itself, and not a member, a property or a declaration of that name. */
function isReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent)) return parent.name !== node;
  if (ts.isQualifiedName(parent)) return parent.right !== node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false;
  const declares = parent as ts.Node & { readonly name?: ts.Node };
  return declares.name !== node;
}

/** State of a module outlives the block that made it, and no root hash covers it. */
function moduleState(source: Source): Fault[] {
  return source.ast.statements.flatMap((statement) => {
    if (!ts.isVariableStatement(statement) || (statement.declarationList.flags & ts.NodeFlags.Const) !== 0) return [];
    const message = "a variable of the module: state lives in the tree";
    return [{ path: source.path, line: lineOf(source, statement), rule: "determinism", message }];
  });
}

/** Maps and sets walk in order of insertion, which differs between a node that ran and one that restarted. */
function mapWalks(source: Source): Fault[] {
  const names = new Set<string>();
  walk(source, (node) => {
    const named = node as ts.Node & {
      readonly name?: ts.Node;
      readonly type?: ts.Node;
      readonly initializer?: ts.Node;
    };
    if (named.name === undefined || !(ts.isIdentifier(named.name) || ts.isPrivateIdentifier(named.name))) return;
    if (isMapType(named.type) || isNewMap(named.initializer)) names.add(named.name.text);
  });
  const isMap = (node: ts.Node): boolean => isNewMap(node) || names.has(lastName(node));
  const faults: Fault[] = [];
  walk(source, (node) => {
    const walked = walkedBy(node);
    if (walked === undefined || !isMap(walked)) return;
    const message = `walks the Map or Set ${walked.getText()} in order of insertion: use SortedMap`;
    faults.push({ path: source.path, line: lineOf(source, node), rule: "determinism", message });
  });
  return faults;
}

function walkedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isForOfStatement(node)) return node.expression;
  if (ts.isSpreadElement(node)) return node.expression;
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined;
  if (node.expression.getText() === "Array.from") return node.arguments[0];
  return MAP_WALKS.has(node.expression.name.text) ? node.expression.expression : undefined;
}

function isMapType(node: ts.Node | undefined): boolean {
  return (
    node !== undefined &&
    ts.isTypeReferenceNode(node) &&
    ts.isIdentifier(node.typeName) &&
    MAP_TYPES.has(node.typeName.text)
  );
}

function isNewMap(node: ts.Node | undefined): boolean {
  return (
    node !== undefined &&
    ts.isNewExpression(node) &&
    ts.isIdentifier(node.expression) &&
    MAP_TYPES.has(node.expression.text)
  );
}

function lastName(node: ts.Node): string {
  if (ts.isIdentifier(node)) return node.text;
  return ts.isPropertyAccessExpression(node) ? node.name.text : "";
}
