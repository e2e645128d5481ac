import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** What authors of runtimes import. */
const INDEX = "src/runtime/kit/index.ts";
/** What else there is for them: where it is imported from, and what it is for. */
const MORE = [
  {
    name: "qanat/runtime/component",
    index: "src/runtime/component/index.ts",
    folder: "src/runtime/component/",
    what: "Off-chain logic beside a runtime.",
  },
  {
    name: "qanat/runtime/testing",
    index: "src/runtime/testing/index.ts",
    folder: "src/runtime/testing/",
    what: "A runtime without a network, for its author's own tests.",
  },
] as const;

/** A name that the kit exports and where it is declared. */
interface Export {
  readonly name: string;
  readonly file: string;
  readonly declaration: ts.Declaration;
}

class Sources {
  private readonly files = new Map<string, ts.SourceFile>();

  constructor(private readonly root: string) {}

  open(path: string): ts.SourceFile {
    const known = this.files.get(path);
    if (known !== undefined) return known;
    const text = readFileSync(join(this.root, path), "utf8");
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    this.files.set(path, source);
    return source;
  }
}

function resolve(from: string, specifier: string): string {
  const path = specifier.replace(/\.js$/, ".ts");
  return path.startsWith("#") ? `src/${path.slice(1)}` : join(from, "..", path);
}

function isNamed(statement: ts.Statement, name: string): statement is ts.DeclarationStatement {
  return "name" in statement && (statement as ts.DeclarationStatement).name?.getText() === name;
}

/** The last declaration of a name in a file, or where the file takes it from: of a type and its value that is the value. */
function find(sources: Sources, file: string, name: string): Export | undefined {
  let found: Export | undefined;
  for (const statement of sources.open(file).statements) {
    if (ts.isVariableStatement(statement)) {
      const declaration = statement.declarationList.declarations.find((d) => d.name.getText() === name);
      if (declaration !== undefined) found ??= { name, file, declaration };
    } else if (ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined) {
      const next = resolve(file, (statement.moduleSpecifier as ts.StringLiteral).text);
      const { exportClause } = statement;
      const takes =
        exportClause === undefined ||
        (ts.isNamedExports(exportClause) && exportClause.elements.some((element) => element.name.text === name));
      if (takes) found ??= find(sources, next, name);
    } else if (isNamed(statement, name)) found ??= { name, file, declaration: statement };
  }
  return found;
}

/** Everything that an index exports, in its order. */
function exportsOf(sources: Sources, index: string): Export[] {
  const out: Export[] = [];
  for (const statement of sources.open(index).statements) {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) continue;
    const file = resolve(index, (statement.moduleSpecifier as ts.StringLiteral).text);
    const clause = statement.exportClause;
    if (clause === undefined || !ts.isNamedExports(clause)) continue;
    for (const { name } of clause.elements) {
      const found = find(sources, file, name.text);
      if (found !== undefined) out.push(found);
    }
  }
  return out;
}

function docOf(node: ts.Node): string {
  const owner = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const docs = ts.getJSDocCommentsAndTags(owner).filter(ts.isJSDoc);
  const doc = docs.at(-1);
  if (doc === undefined) return ts.isParameter(node) ? plain(ts.getJSDocParameterTags(node)[0]?.comment) : "";
  const tags = (doc.tags ?? []).flatMap((tag) => {
    const text = plain(tag.comment);
    if (ts.isJSDocParameterTag(tag)) return [`\`${tag.name.getText()}\`: ${text}`];
    return tag.tagName.text === "throws"
      ? [`Throws ${text}`]
      : tag.tagName.text === "returns"
        ? [`Returns ${text}`]
        : [];
  });
  return [plain(doc.comment), ...tags].filter((part) => part !== "").join(" · ");
}

function plain(comment: ts.JSDoc["comment"]): string {
  const text = ts.getTextOfJSDocComment(comment) ?? "";
  return text.replace(/\s+/g, " ").trim();
}

/** The declaration without its body and its comments. */
function signatureOf(node: ts.Node): string {
  const body = (node as { readonly body?: ts.Node }).body;
  const end = body === undefined ? node.getEnd() : body.getFullStart();
  const text = node.getSourceFile().text.slice(node.getStart(), end);
  return text
    .replace(/\/\*\*[\s\S]*?\*\//g, "")
    .replace(/\b(export|declare|readonly|abstract|public|override) /g, "")
    .replace(/\s+/g, " ")
    .replace(/[;{]\s*$/, "")
    .trim();
}

function isVisible(member: ts.Node): boolean {
  const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
  const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword];
  return !modifiers.some(({ kind }) => hidden.includes(kind)) && !ts.isConstructorDeclaration(member);
}

/** Whether a parameter of a constructor is a member that everybody sees. */
function isMember(parameter: ts.ParameterDeclaration): boolean {
  return (
    (ts.getModifiers(parameter) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword) &&
    isVisible(parameter)
  );
}

/** Members with their explanations; those of the base class in the same file come first. */
function membersOf(declaration: ts.Node): ts.Node[] {
  if (ts.isInterfaceDeclaration(declaration)) return [...declaration.members];
  if (ts.isVariableDeclaration(declaration)) {
    let value = declaration.initializer;
    if (value !== undefined && ts.isAsExpression(value)) value = value.expression;
    return value !== undefined && ts.isObjectLiteralExpression(value) ? [...value.properties] : [];
  }
  if (!ts.isClassDeclaration(declaration)) return [];
  const base = declaration.heritageClauses?.[0]?.types[0]?.expression.getText();
  const above = declaration.getSourceFile().statements.find((s) => base !== undefined && isNamed(s, base));
  const inherited = above === undefined ? [] : membersOf(above);
  const own = declaration.members.flatMap((member): (ts.ClassElement | ts.ParameterDeclaration)[] =>
    ts.isConstructorDeclaration(member) ? member.parameters.filter(isMember) : isVisible(member) ? [member] : [],
  );
  const names = new Set(own.map((member) => member.name?.getText()));
  return [...inherited.filter((member) => !names.has((member as ts.ClassElement).name?.getText())), ...own];
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

function memberRow(member: ts.Node): string {
  const assigned = ts.isPropertyAssignment(member) ? `${member.name.getText()}${arrowOf(member)}` : signatureOf(member);
  // What follows an equals sign is a value, unless there is a parameter after it.
  const shown = assigned
    .replace(/ = [^),]*(?=[),])/, "")
    .replace(/ = .*$/, "")
    .replace(/^get (\w+)\(\)/, "$1");
  return `| \`${cell(shown)}\` | ${cell(docOf(member))} |`;
}

/** Parameters and result of a function in an object. */
function arrowOf({ initializer }: ts.PropertyAssignment): string {
  if (!ts.isArrowFunction(initializer)) return "";
  const parameters = initializer.parameters.map((parameter) => parameter.getText()).join(", ");
  return `(${parameters})${initializer.type === undefined ? "" : `: ${initializer.type.getText()}`}`;
}

function entry({ name, declaration }: Export): string[] {
  const out = [`### ${name}`, ""];
  const doc = docOf(declaration);
  if (doc !== "") out.push(doc, "");
  if (ts.isFunctionDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration)) {
    out.push("```ts", signatureOf(declaration), "```", "");
  }
  const rows = membersOf(declaration).map(memberRow);
  if (rows.length > 0) out.push("| member | |", "| --- | --- |", ...rows, "");
  return out;
}

/** The reference of the runtime kit, from the sources of what it exports. @param root folder of the checkout */
export function kitPage(root: string): string {
  const sources = new Sources(root);
  const all = exportsOf(sources, INDEX);
  const own = all.filter(({ file }) => file.startsWith("src/runtime/kit/"));
  const borrowed = all.filter(({ file }) => !file.startsWith("src/runtime/kit/"));
  return [
    "# The runtime kit",
    "",
    'What `import { … } from "qanat/runtime"` gives. How a runtime is written with it is told in',
    "[docs/writing-runtimes.md](../writing-runtimes.md).",
    "A runtime that is a program of its own is started with `startRuntime`, off-chain logic with `startComponent`, both from",
    "`qanat/runtime/process`.",
    "",
    ...own.flatMap(entry),
    ...MORE.flatMap(({ name, index, folder, what }) => [
      `## ${name}`,
      "",
      what,
      "",
      ...exportsOf(sources, index)
        .filter(({ file }) => file.startsWith(folder))
        .flatMap(entry),
    ]),
    "## From elsewhere in the house",
    "",
    "| name | |",
    "| --- | --- |",
    ...borrowed.map(({ name, declaration }) => `| \`${name}\` | ${cell(docOf(declaration))} |`),
    "",
  ].join("\n");
}
