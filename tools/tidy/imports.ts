import { builtinModules } from "node:module";
import { posix } from "node:path";
import ts from "typescript";
import { type Source, type Tree, lineOf, walk } from "./tree.ts";

/** One import, export-from, `import()` or `new URL("…", import.meta.url)` of a file. */
export interface Import {
  readonly from: Source;
  readonly line: number;
  readonly specifier: string;
  /** Imported names; `undefined` when all of them may be used (namespace, star, side effect, dynamic). */
  readonly names: readonly string[] | undefined;
  readonly target: Target;
}

export type Target =
  | { readonly kind: "files"; readonly paths: readonly string[] }
  | { readonly kind: "package"; readonly name: string }
  | { readonly kind: "builtin" }
  | { readonly kind: "unresolved"; readonly reason: string };

type Conditional = string | { readonly [condition: string]: Conditional };

interface Manifest {
  readonly name?: string;
  readonly imports?: Readonly<Record<string, Conditional>>;
  readonly exports?: Readonly<Record<string, Conditional>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const BUILTINS = new Set(builtinModules);

/** Every import of every file, resolved to the sources. */
export function allImports(tree: Tree): Import[] {
  const resolver = new Resolver(tree);
  return tree.sources.flatMap((source) => importsOf(source, resolver));
}

/** The files that package.json itself points at: its exports and its imports without a pattern. */
export function manifestEntries(tree: Tree): string[] {
  const manifest = tree.json<Manifest>("package.json") ?? {};
  const plain = Object.entries(manifest.imports ?? {}).filter(([key]) => !key.includes("*"));
  const targets = [...Object.values(manifest.exports ?? {}), ...plain.map(([, value]) => value)];
  return targets.flatMap(sourceTargets).map(asPath);
}

function importsOf(source: Source, resolver: Resolver): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: string, names?: readonly string[]): void => {
    found.push({
      from: source,
      line: lineOf(source, node),
      specifier,
      names,
      target: resolver.resolve(source, specifier),
    });
  };
  walk(source, (node) => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node, node.moduleSpecifier.text, importedNames(node.importClause));
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      const names =
        node.exportClause !== undefined && ts.isNamedExports(node.exportClause) ? node.exportClause : undefined;
      add(
        node,
        (node.moduleSpecifier as ts.StringLiteral).text,
        names?.elements.map((e) => (e.propertyName ?? e.name).text),
      );
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) add(node, node.argument.literal.text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument !== undefined && ts.isStringLiteralLike(argument)) add(node, argument.text);
      else if (source.path.startsWith("src/")) found.push(unknownImport(source, node));
    } else if (ts.isNewExpression(node)) {
      const worker = urlOfModule(node);
      if (worker !== undefined) add(node, worker);
    }
  });
  return found;
}

function unknownImport(source: Source, node: ts.Node): Import {
  const reason = "the path of an import() must be a literal";
  return {
    from: source,
    line: lineOf(source, node),
    specifier: "import()",
    names: undefined,
    target: { kind: "unresolved", reason },
  };
}

function importedNames(clause: ts.ImportClause | undefined): readonly string[] | undefined {
  const bindings = clause?.namedBindings;
  if (clause === undefined || (bindings !== undefined && ts.isNamespaceImport(bindings))) return undefined;
  const named = bindings === undefined ? [] : bindings.elements.map((e) => (e.propertyName ?? e.name).text);
  return clause.name === undefined ? named : [...named, "default"];
}

/** Worker threads and child processes name their file by URL; a script is meant, so only code counts. */
function urlOfModule(node: ts.NewExpression): string | undefined {
  const [path, base] = node.arguments ?? [];
  if (!ts.isIdentifier(node.expression) || node.expression.text !== "URL" || path === undefined) return undefined;
  if (base?.getText() !== "import.meta.url" || !ts.isStringLiteral(path)) return undefined;
  return /^\.\.?\/.*\.(js|ts)$/.test(path.text) ? path.text : undefined;
}

class Resolver {
  readonly #tree: Tree;
  readonly #manifest: Manifest;
  readonly #packages: ReadonlySet<string>;
  readonly #developmentPackages: ReadonlySet<string>;

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#manifest = tree.json<Manifest>("package.json") ?? {};
    const members = [...tree.files.keys()].filter((path) => /^(examples\/[^/]+|explorer)\/package\.json$/.test(path));
    const names = members.map((path) => tree.json<Manifest>(path)?.name ?? "");
    const { dependencies, optionalDependencies, devDependencies } = this.#manifest;
    this.#packages = new Set([...Object.keys({ ...dependencies, ...optionalDependencies }), ...names]);
    this.#developmentPackages = new Set(Object.keys(devDependencies ?? {}));
  }

  resolve(source: Source, specifier: string): Target {
    if (specifier.startsWith(".")) return this.#files(specifier, [posix.join(posix.dirname(source.path), specifier)]);
    if (specifier.startsWith("node:")) return { kind: "builtin" };
    if (specifier.startsWith("#")) return this.#byMap(specifier, this.#manifest.imports ?? {}, specifier);
    const own = this.#manifest.name;
    if (own !== undefined && (specifier === own || specifier.startsWith(`${own}/`))) {
      return this.#byMap(specifier, this.#manifest.exports ?? {}, `.${specifier.slice(own.length)}`);
    }
    if (BUILTINS.has(specifier)) return unresolved(`write node:${specifier}`);
    return this.#package(source, specifier);
  }

  #package(source: Source, specifier: string): Target {
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    if (this.#packages.has(name)) return { kind: "package", name };
    if (!this.#developmentPackages.has(name)) return unresolved(`${name} is not in package.json`);
    if (!source.path.startsWith("src/")) return { kind: "package", name };
    return unresolved(`${name} is a development dependency only`);
  }

  #byMap(specifier: string, map: Readonly<Record<string, Conditional>>, key: string): Target {
    for (const [pattern, value] of Object.entries(map)) {
      const star = pattern.indexOf("*");
      if (star < 0) {
        if (pattern === key) return this.#files(specifier, sourceTargets(value).map(asPath));
        continue;
      }
      const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
      if (!key.startsWith(head) || !key.endsWith(tail) || key.length < head.length + tail.length) continue;
      const middle = key.slice(head.length, key.length - tail.length);
      return this.#files(
        specifier,
        sourceTargets(value).map((target) => asPath(target.replace("*", middle))),
      );
    }
    return unresolved("package.json has no line for it");
  }

  #files(specifier: string, wanted: readonly string[]): Target {
    const paths: string[] = [];
    for (const path of wanted) {
      const candidates = [path, path.replace(/\.js$/, ".ts"), path.replace(/\.js$/, ".d.ts")];
      const found = candidates.find((candidate) => this.#tree.hasFile(candidate));
      if (found === undefined) return unresolved(`${path.replace(/\.js$/, ".ts")} does not exist`);
      paths.push(found);
    }
    return paths.length === 0 ? unresolved(`${specifier} leads to no source`) : { kind: "files", paths };
  }
}

function unresolved(reason: string): Target {
  return { kind: "unresolved", reason };
}

/** What the `source` condition leads to: one file, or one per environment. */
function sourceTargets(value: Conditional): string[] {
  if (typeof value === "string") return [value];
  const under = value["source"];
  if (under !== undefined) return leaves(under);
  return leaves(value);
}

function leaves(value: Conditional): string[] {
  return typeof value === "string" ? [value] : Object.values(value).flatMap(leaves);
}

function asPath(target: string): string {
  return posix.normalize(target);
}
