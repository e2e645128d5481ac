import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** Something that tidy objects to. */
export interface Fault {
  readonly path: string;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** `path:line: rule: message`, which terminals and editors turn into a link. */
export function format(fault: Fault): string {
  return `${fault.path}${fault.line > 0 ? `:${fault.line}` : ""}: ${fault.rule}: ${fault.message}`;
}

/** One parsed TypeScript file. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly ast: ts.SourceFile;
}

/** The files that tidy looks at: text by path relative to the root, with `/`. Tests build small ones by hand. */
export class Tree {
  readonly files: ReadonlyMap<string, string>;
  readonly #folders = new Set<string>();
  readonly #sources: Source[] = [];

  constructor(files: ReadonlyMap<string, string>) {
    this.files = files;
    for (const [path, text] of files) {
      for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1)) {
        this.#folders.add(path.slice(0, cut));
      }
      if (!path.endsWith(".ts")) continue;
      const ast = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS);
      this.#sources.push({ path, text, ast });
    }
  }

  /** Every TypeScript file. */
  get sources(): readonly Source[] {
    return this.#sources;
  }

  /** Every TypeScript file of the product itself. */
  get product(): readonly Source[] {
    return this.#sources.filter((source) => source.path.startsWith("src/"));
  }

  hasFile(path: string): boolean {
    return this.files.has(path);
  }

  hasFolder(path: string): boolean {
    return this.#folders.has(path.replace(/\/$/, ""));
  }

  json<T>(path: string): T | undefined {
    const text = this.files.get(path);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }
}

const LEFT_OUT = new Set(["node_modules", "dist", ".git", ".cache"]);
const MAX_TEXT_BYTES = 2_000_000;

/** Reads every text file of a checkout, whether it is committed yet or not. */
export function readTree(root: string): Tree {
  const files = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (LEFT_OUT.has(entry.name) || entry.name.endsWith(".tsbuildinfo")) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) readText(root, path, files);
    }
  };
  if (existsSync(root)) visit("");
  return new Tree(files);
}

function readText(root: string, path: string, files: Map<string, string>): void {
  if (statSync(join(root, path)).size > MAX_TEXT_BYTES) return;
  const text = readFileSync(join(root, path), "utf8");
  if (!text.includes("\0")) files.set(path, text);
}

/** The line of a node, from 1. */
export function lineOf(source: Source, node: ts.Node): number {
  return lineAt(source, node.getStart(source.ast));
}

/** The line of a position in the text, from 1. */
export function lineAt(source: Source, position: number): number {
  return source.ast.getLineAndCharacterOfPosition(position).line + 1;
}

/** Calls `see` for every node of a file, parents first. */
export function walk(source: Source, see: (node: ts.Node) => void): void {
  const visit = (node: ts.Node): void => {
    see(node);
    ts.forEachChild(node, visit);
  };
  visit(source.ast);
}
