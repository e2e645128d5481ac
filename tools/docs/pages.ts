import ts from "typescript";
import type { EventKind } from "../../src/consensus/app/events.ts";
import type { Methods, MethodTable } from "../../src/common/rpc/index.ts";
import type { Schema } from "../../src/common/schema/index.ts";
import { consensusMethods } from "../../src/consensus/rpc.ts";
import { ConsensusParameters } from "../../src/consensus/app/parameters.ts";
import { beaconMethods } from "../../src/consensus/services/beacon/rpc.ts";
import { BeaconParameters } from "../../src/consensus/services/beacon/types.ts";
import { GovernanceParameterChanges, GovernanceParameters } from "../../src/consensus/services/governance/params.ts";
import { governanceMethods } from "../../src/consensus/services/governance/rpc.ts";
import { EXECUTION_ORDER } from "../../src/consensus/services/index.ts";
import { ChurpParameters, KeyManagerParameters } from "../../src/consensus/services/keymanager/params.ts";
import {
  churpMethods,
  keyManagerMethods,
  keyManagerSecretsMethods,
} from "../../src/consensus/services/keymanager/rpc.ts";
import { RegistryParameterChanges, RegistryParameters } from "../../src/consensus/services/registry/params.ts";
import { registryMethods } from "../../src/consensus/services/registry/rpc.ts";
import { RootHashParameterChanges, RootHashParameters } from "../../src/consensus/services/roothash/params.ts";
import { rootHashMethods } from "../../src/consensus/services/roothash/rpc.ts";
import { SchedulerParameterChanges, SchedulerParameters } from "../../src/consensus/services/scheduler/params.ts";
import { schedulerMethods } from "../../src/consensus/services/scheduler/rpc.ts";
import { StakingParameterChanges, StakingParameters } from "../../src/consensus/services/staking/params.ts";
import { stakingMethods } from "../../src/consensus/services/staking/rpc.ts";
import { VaultParameterChanges, VaultParameters } from "../../src/consensus/services/vault/params.ts";
import { vaultMethods } from "../../src/consensus/services/vault/rpc.ts";
import type { MetricDefinition } from "../../src/common/ports/metrics.ts";
import { METRIC_PREFIX, METRICS } from "../../src/node/metrics/catalogue.ts";
import { debugControllerMethods, nodeControllerMethods } from "../../src/node/rpc/control-methods.ts";
import { runtimeClientMethods } from "../../src/worker/client/rpc.ts";
import { type Source, walk } from "../tidy/tree.ts";
import { fieldsOf, typeText, unwrapped } from "./types.ts";
import type { Reach, Reachability } from "./reach.ts";

const code = (text: string): string => `\`${text}\``;
const list = (items: Iterable<string>): string => [...items].sort(byCode).map(code).join(", ") || "none";

/** "staking/10" after "staking/9". */
export function byCode(a: string, b: string): number {
  const [module, other] = [a.slice(0, a.lastIndexOf("/")), b.slice(0, b.lastIndexOf("/"))];
  if (module !== other) return module < other ? -1 : 1;
  return Number(a.slice(module.length + 1)) - Number(b.slice(other.length + 1)) || (a < b ? -1 : 1);
}

const POOL = { accept: "accepted once the body decodes", run: "runs in full" };
const SIMULATION = { stop: "ends after gas", run: "runs in full" };
/** What every transaction can fail with before its method runs. */
const COMMON = ["consensus/1", "consensus/2", "consensus/transaction/1", "consensus/transaction/3", "staking/10"];

function fieldTable(schema: Schema<unknown>): string[] {
  const rows = fieldsOf(schema).map(({ name, type, omitted }) => `| ${code(name)} | ${type} | ${omitted} |`);
  return rows.length === 0 ? [] : ["| field | type | when it holds nothing |", "| --- | --- | --- |", ...rows, ""];
}

/**
 * Every transaction method: body, gas, errors, events.
 * @param recorded error codes that recordings have each method end with
 */
export function transactionsPage(reach: Reachability, recorded: Readonly<Record<string, readonly string[]>>): string {
  const out = [
    "# Transactions",
    "",
    "Errors, gas and events are what the code of a method can lead to, found by following every call; not all of it can",
    "happen on every chain. Before its method, any transaction can fail with",
    `${list(COMMON)} and \`unknown/1\`, the answer for all errors without a code.`,
    "Errors in bold are in recordings of the reference, for that very method.",
    "",
  ];
  for (const service of EXECUTION_ORDER) {
    if (service.transactions.length > 0) out.push(`## ${service.name}`, "");
    for (const method of service.transactions) {
      const definition = reach.methods.get(method.method);
      if (definition === undefined)
        throw new TypeError(`${method.method} is defined where the generator cannot see it`);
      const { errors, gas, events, subcalls }: Reach = reach.of(definition);
      const operations = new Set([...(method.gasOp === null ? [] : [method.gasOp]), ...gas]);
      out.push(`### ${method.method}`, "", `Body: ${typeText(method.body)}`, "", ...fieldTable(method.body));
      out.push(`- gas: ${list(operations)}`, `- errors: ${withEvidence(errors, recorded[method.method] ?? [])}`);
      if (subcalls) out.push("- it can run other methods, which fail with errors of their own");
      out.push(`- events: ${list([...events].map((event) => event.replace(/^\d+_/, "")))}`);
      out.push(`- check of the pool: ${POOL[method.inCheckTx]}; simulation: ${SIMULATION[method.inSimulation]}`);
      out.push(`- priority in the pool: ${service.priority(method.method)}`, "");
    }
  }
  return page(out);
}

function withEvidence(errors: Iterable<string>, recorded: readonly string[]): string {
  const texts = [...errors]
    .sort(byCode)
    .map((error) => (recorded.includes(error) ? `**${code(error)}**` : code(error)));
  return texts.join(", ") || "none";
}

/** Every kind of event. @param kinds from the `events` slots */
export function eventsPage(kinds: readonly EventKind<unknown>[]): string {
  const out = [
    "# Events",
    "",
    "Attributes of block results: the key is the kind, the value the base64 text of CBOR.",
    "",
  ];
  for (const type of new Set(kinds.map((kind) => kind.type))) {
    out.push(`## ${type}`, "", "| kind | value | in the events root |", "| --- | --- | --- |");
    for (const { kind, schema, provable } of kinds.filter((k) => k.type === type)) {
      const fields = fieldsOf(schema).map(({ name, type: text }) => `${code(name)}: ${text}`);
      const value = fields.length === 0 ? typeText(schema) : `${schema.typeName} { ${fields.join(", ")} }`;
      out.push(`| ${code(kind)} | ${value} | ${provable ? "yes" : "no"} |`);
    }
    out.push("");
  }
  return page(out);
}

const PARAMETERS: readonly (readonly [string, Schema<unknown>, Schema<unknown>?])[] = (
  [
    ["consensus", ConsensusParameters],
    ["beacon", BeaconParameters],
    ["staking", StakingParameters, StakingParameterChanges],
    ["scheduler", SchedulerParameters, SchedulerParameterChanges],
    ["registry", RegistryParameters, RegistryParameterChanges],
    ["governance", GovernanceParameters, GovernanceParameterChanges],
    ["vault", VaultParameters, VaultParameterChanges],
    ["keymanager", KeyManagerParameters],
    ["keymanager/churp", ChurpParameters],
    ["roothash", RootHashParameters, RootHashParameterChanges],
  ] as readonly (readonly [string, unknown, unknown?])[]
).map(([name, all, changes]) => [name, all as Schema<unknown>, changes as Schema<unknown> | undefined]);

/** Consensus parameters of every service, and which of them governance may change. */
export function parametersPage(): string {
  const out = [
    "# Consensus parameters",
    "",
    "They stand in the genesis document; a proposal may change those marked.",
    "",
  ];
  for (const [module, all, changes] of PARAMETERS) {
    const changed = new Set(changes === undefined ? [] : fieldsOf(changes).map(({ name }) => name));
    out.push(`## ${module}`, "", "| parameter | type | by governance |", "| --- | --- | --- |");
    for (const { name, type } of fieldsOf(all)) {
      out.push(`| ${code(name)} | ${type} | ${changed.delete(name) ? "yes" : "no"} |`);
    }
    for (const name of changed) out.push(`| ${code(name)} | part of another | yes |`);
    out.push("");
  }
  return page(out);
}

const TABLES: readonly MethodTable<Methods>[] = [
  consensusMethods,
  beaconMethods,
  stakingMethods,
  registryMethods,
  schedulerMethods,
  rootHashMethods,
  governanceMethods,
  vaultMethods,
  keyManagerMethods,
  keyManagerSecretsMethods,
  churpMethods,
  runtimeClientMethods,
  nodeControllerMethods,
  debugControllerMethods,
] as unknown as readonly MethodTable<Methods>[];

/** Every method of the client API. */
export function rpcPage(): string {
  const out = [
    "# Client API",
    "",
    "gRPC on the unix socket and gRPC-web, messages in CBOR. Path of a method: `/oasis-core.<service>/<method>`.",
    "",
  ];
  for (const { service, methods } of TABLES) {
    const shown = new Map<string, Schema<unknown>>();
    out.push(`## ${service}`, "", "| method | request | answer |", "| --- | --- | --- |");
    for (const [name, { kind, request, response }] of Object.entries(methods)) {
      for (const schema of [request, response]) {
        const inner = unwrapped(schema);
        if (inner.description.kind === "struct") shown.set(inner.typeName, inner);
      }
      const answer = `${kind === "stream" ? "stream of " : ""}${typeText(response)}`;
      out.push(`| ${code(name)} | ${typeText(request)} | ${answer} |`);
    }
    out.push("");
    for (const name of [...shown.keys()].sort()) {
      const fields = fieldsOf(shown.get(name) as Schema<unknown>).map((f) => `${code(f.name)}: ${f.type}`);
      out.push(`- **${name}** { ${fields.join(", ")} }`);
    }
    out.push("");
  }
  return page(out);
}

/** What a constant is worth, as far as it is made of numbers. */
function valueOf(node: ts.Expression): bigint | undefined {
  if (ts.isNumericLiteral(node)) return BigInt(node.text);
  if (ts.isBigIntLiteral(node)) return BigInt(node.text.slice(0, -1));
  if (ts.isParenthesizedExpression(node)) return valueOf(node.expression);
  if (!ts.isBinaryExpression(node)) return undefined;
  const [a, b] = [valueOf(node.left), valueOf(node.right)];
  if (a === undefined || b === undefined) return undefined;
  if (node.operatorToken.kind === ts.SyntaxKind.AsteriskToken) return a * b;
  if (node.operatorToken.kind === ts.SyntaxKind.LessThanLessThanToken) return a << b;
  if (node.operatorToken.kind === ts.SyntaxKind.MinusToken) return a - b;
  return node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken ? a ** b : undefined;
}

const LIMIT = /(^|_)(MAX|MIN|LIMIT|CAPACITY)(_|$)|_(BYTES|MS|SIZE)$/;

/** Constants of the sources that bound something. */
export function limitsPage(sources: readonly Source[]): string {
  const rows: string[] = [];
  for (const source of sources) {
    walk(source, (node) => {
      if (!ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name) || node.initializer === undefined) return;
      if (node.parent.parent.parent !== source.ast || !LIMIT.test(node.name.text)) return;
      const value = valueOf(node.initializer);
      if (value === undefined) return;
      const [comment] = ts.getJSDocCommentsAndTags(node);
      const said = typeof comment?.comment === "string" ? comment.comment.replace(/\s+/g, " ") : "";
      const grouped = value.toString().replace(/\B(?=(\d{3})+$)/g, ",");
      rows.push(`| ${code(node.name.text)} | ${grouped} | ${said} | \`src/${source.path}\` |`);
    });
  }
  const head = [
    "# Limits in the code",
    "",
    "Constants that bound something; [limits](../limits.md) tells what they mean to users.",
    "",
  ];
  return page([...head, "| name | value | what | file |", "| --- | --- | --- | --- |", ...rows, ""]);
}

/** Every metric. */
export function metricsPage(): string {
  const out = ["# Metrics", "", "`qanat net --metrics PORT` answers Prometheus at 127.0.0.1:PORT/metrics.", ""];
  out.push("| name | kind | labels | what |", "| --- | --- | --- | --- |");
  for (const [name, { kind, labels, help }] of Object.entries<MetricDefinition>(METRICS)) {
    out.push(`| ${code(METRIC_PREFIX + name)} | ${kind} | ${labels.map(code).join(", ")} | ${help} |`);
  }
  return page([...out, ""]);
}

/** One row of the page of errors. */
export interface ErrorRow {
  readonly code: string;
  readonly text: string;
  /** Whether any code throws it. */
  readonly thrown: boolean;
  readonly tests: readonly string[];
  readonly recordings: readonly string[];
}

/** Every error code, with the tests and recordings that assert it. */
export function errorsPage(rows: readonly ErrorRow[]): string {
  const out = [
    "# Error codes",
    "",
    "The code of a failed transaction is hashed into the next header. Each one here is asserted by a test, or occurs in a",
    "recording of the reference, with which replays compare every result. Some are on the wire's list only: nothing in",
    "this program returns them, because the reference does not either or has them for parts that are built otherwise.",
    "At most two places are named for each.",
    "",
    "| code | text | returned | tests | recordings |",
    "| --- | --- | --- | --- | --- |",
  ];
  const cell = (places: readonly string[]): string => places.slice(0, 2).join("<br>").replaceAll("|", "\\|");
  for (const row of [...rows].sort((a, b) => byCode(a.code, b.code))) {
    const returned = row.thrown ? "yes" : "no";
    out.push(`| ${code(row.code)} | ${row.text} | ${returned} | ${cell(row.tests)} | ${cell(row.recordings)} |`);
  }
  return page([...out, ""]);
}

/** Joins the lines of a page under the mark of generated files. */
export function page(lines: readonly string[]): string {
  const [title = "", ...rest] = lines;
  const body = [title, "", "Generated by `npm run docs` from the code; do not edit.", ...rest].join("\n");
  return `${body.replace(/\n{3,}/g, "\n\n").trimEnd()}\n`;
}
