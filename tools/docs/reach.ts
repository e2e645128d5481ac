import ts from "typescript";
import { declarationOf, initializerOf, isCallOf, type Program, textOf, walkAll, walkNode } from "./program.ts";

/** What a piece of code can lead to: found by following every call from it. */
export interface Reach {
  /** `module/code` of coded errors that it can throw. */
  readonly errors: ReadonlySet<string>;
  /** Gas operations that it charges by itself. */
  readonly gas: ReadonlySet<string>;
  /** Events that it can emit: `type/kind` with the type as in `defineEvent`. */
  readonly events: ReadonlySet<string>;
  /** Whether it can run other methods on behalf of an account. */
  readonly subcalls: boolean;
}

interface Found {
  readonly errors: Set<string>;
  readonly gas: Set<string>;
  readonly events: Set<string>;
  subcalls: boolean;
}

interface Local {
  readonly own: Found;
  readonly calls: ts.Node[];
}

function nothing(): Found {
  return { errors: new Set(), gas: new Set(), events: new Set(), subcalls: false };
}

/** `unknown/1`, the error of whatever has no code of its own. */
const PLAIN = "unknown/1";
const PLAIN_FILE = "common/errors/coded-error.ts";

/** An entry of a `defineErrors` table as `module/code`; undefined for other expressions. */
export function errorOf(program: Program, access: ts.PropertyAccessExpression): string | undefined {
  // Asking for less is much faster: the symbol of any other expression means checking its type.
  if (!ts.isIdentifier(access.expression) || !access.expression.text.endsWith("Errors")) return undefined;
  const made = initializerOf(program, access.expression);
  if (!isCallOf(made, "defineErrors")) return undefined;
  const [module, table] = made.arguments;
  if (table === undefined || !ts.isObjectLiteralExpression(table)) return undefined;
  for (const property of table.properties) {
    if (!ts.isPropertyAssignment(property) || property.name.getText() !== access.name.text) continue;
    if (!ts.isArrayLiteralExpression(property.initializer)) return undefined;
    return `${textOf(program, module)}/${property.initializer.elements[0]?.getText()}`;
  }
  return undefined;
}

/**
 * Follows calls through the sources. It takes every branch, so it finds at least what can happen; handlers of published
 * messages count as called, and a method called through an interface only where this file knows its implementations.
 */
export class Reachability {
  /** Handlers of messages, by the declaration of their topic. */
  private readonly handlers = new Map<ts.Declaration, ts.Node[]>();
  /** How services take changes to their parameters, by nobody's name. */
  private readonly changes: ts.Node[] = [];
  /** Definitions of transaction methods, by name. */
  readonly methods = new Map<string, ts.Node>();
  private readonly known = new Map<ts.Node, Local>();

  constructor(private readonly program: Program) {
    walkAll(program, (node) => {
      if (isCallOf(node, "on")) this.subscribe(node);
      if (isCallOf(node, "parameterChangeSubscriptions")) this.changes.push(...node.arguments);
      if (isCallOf(node, "defineTransaction")) this.define(node);
    });
  }

  private subscribe(call: ts.CallExpression): void {
    const [topic, handler] = call.arguments;
    const declared = topic === undefined ? undefined : declarationOf(this.program, topic);
    if (declared === undefined || handler === undefined) return;
    this.handlers.set(declared, [...(this.handlers.get(declared) ?? []), handler]);
  }

  private define(call: ts.CallExpression): void {
    const [definition] = call.arguments;
    if (definition === undefined || !ts.isObjectLiteralExpression(definition)) return;
    for (const property of definition.properties) {
      if (!ts.isPropertyAssignment(property) || property.name.getText() !== "method") continue;
      const name = textOf(this.program, property.initializer);
      if (name !== undefined) this.methods.set(name, definition);
    }
  }

  /** What a node can lead to. */
  of(root: ts.Node): Reach {
    const found = nothing();
    const seen = new Set<ts.Node>();
    const queue = [root];
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      const { own, calls } = this.local(node);
      for (const error of own.errors) found.errors.add(error);
      for (const operation of own.gas) found.gas.add(operation);
      for (const event of own.events) found.events.add(event);
      found.subcalls ||= own.subcalls;
      queue.push(...calls);
    }
    return found;
  }

  /** What a piece of code says by itself, and what it calls. */
  private local(node: ts.Node): Local {
    const cached = this.known.get(node);
    if (cached !== undefined) return cached;
    const local: Local = { own: nothing(), calls: [] };
    walkNode(node, (part) => local.calls.push(...this.look(part, local.own)));
    this.known.set(node, local);
    return local;
  }

  /** Notes what one node says and returns what it calls. */
  private look(node: ts.Node, found: Found): ts.Node[] {
    if (ts.isPropertyAccessExpression(node)) {
      const error = this.asked(node) ? undefined : errorOf(this.program, node);
      if (error !== undefined) found.errors.add(error);
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { name, expression } = node.expression;
      if (name.text === "use" && /\bgas$/.test(expression.getText())) {
        found.errors.add(PLAIN);
        const operation = textOf(this.program, node.arguments[1]);
        if (operation !== undefined) found.gas.add(operation);
      }
      if (name.text === "emit") this.emitted(node, found);
      if (name.text === "publish") return this.published(node, found);
    }
    return ts.isIdentifier(node) && mayLead(node) ? this.called(node, found) : [];
  }

  /** `errors.x.is(error)` asks for an error and throws none. */
  private asked({ parent }: ts.Node): boolean {
    return ts.isPropertyAccessExpression(parent) && ["is", "module", "code"].includes(parent.name.text);
  }

  private emitted(call: ts.CallExpression, found: Found): void {
    const [kind] = call.arguments;
    const made = kind === undefined ? undefined : initializerOf(this.program, kind);
    if (!isCallOf(made, "defineEvent")) return;
    found.events.add(`${textOf(this.program, made.arguments[0])}/${textOf(this.program, made.arguments[1])}`);
  }

  private published(call: ts.CallExpression, found: Found): ts.Node[] {
    const [topic] = call.arguments;
    const declared = topic === undefined ? undefined : declarationOf(this.program, topic);
    if (declared === undefined || !ts.isVariableDeclaration(declared)) return [];
    // Nobody may listen, which is a plain error.
    found.errors.add(PLAIN);
    const name = declared.name.getText();
    if (name === "executeSubcall") {
      found.subcalls = true;
      return [];
    }
    const changes = name.endsWith("ParameterChanges") ? this.changes : [];
    return [...(this.handlers.get(declared) ?? []), ...changes];
  }

  private called(name: ts.Identifier, found: Found): ts.Node[] {
    const declared = declarationOf(this.program, name);
    if (declared === undefined) return [];
    const file = declared.getSourceFile().fileName;
    if (!file.includes("/src/")) return [];
    if (file.endsWith(PLAIN_FILE)) {
      if (name.text === "unknown") found.errors.add(PLAIN);
      return [];
    }
    if (ts.isVariableDeclaration(declared)) return followed(declared.initializer);
    const code = ts.isFunctionDeclaration(declared) || ts.isMethodDeclaration(declared) || ts.isGetAccessor(declared);
    return code && !file.endsWith("/consensus/app/context.ts") ? [declared] : [];
  }
}

/** Whether a name can be that of code: a property only where it is called, and not one of a context. */
function mayLead(name: ts.Identifier): boolean {
  const { parent } = name;
  if (ts.isPropertyAssignment(parent) && parent.name === name) return false;
  if (!ts.isPropertyAccessExpression(parent) || parent.name !== name) return true;
  if (!ts.isCallExpression(parent.parent) || parent.parent.expression !== parent) return false;
  return !ts.isIdentifier(parent.expression) || !/^(ctx|child|call|w|r)$/.test(parent.expression.text);
}

/** Which constants lead on: functions and objects of functions; no tables, no schemas. */
function followed(value: ts.Expression | undefined): ts.Node[] {
  if (value === undefined) return [];
  const made = ts.isCallExpression(value) && ts.isIdentifier(value.expression) ? value.expression.text : "";
  if (/^(define\w+|struct|table|cell|rawCell|keySet)$/.test(made)) return [];
  return [value];
}
