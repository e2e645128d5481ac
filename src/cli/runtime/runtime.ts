import { equalBytes, toBase64, toHex } from "#common/bytes.js";
import { CodedError, InvalidInput } from "#common/errors/index.js";
import { type Json, printJson } from "#common/json.js";
import { isKeyManagerNamespace } from "#common/namespace.js";
import { hasRoles, ROLE_STORAGE } from "#common/node-roles.js";
import { versionToText } from "#common/version.js";
import { registryErrors } from "#consensus/services/registry/errors.js";
import { activeDeployment } from "#consensus/services/registry/types/deployments.js";
import {
  GOVERNANCE_CONSENSUS,
  GOVERNANCE_ENTITY,
  GOVERNANCE_RUNTIME,
  Runtime,
  RUNTIME_COMPUTE,
  type VersionInfo,
} from "#consensus/services/registry/types/runtime.js";
import { readBundle } from "#platform/bundle-archive.js";
import { type NodeConnection, type NodeOptions, signerOf, type SignerOptions, withNode } from "../node-connection.js";
import { describeRuntime, type DescriptorOptions, readDescriptor } from "./descriptor.js";
import { amount, hex32 } from "./words.js";
import { onError, onOutput } from "../colours.js";

export interface RegisterOptions extends DescriptorOptions, NodeOptions, SignerOptions {
  readonly bundle?: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export interface ShowOptions extends NodeOptions {
  readonly json: boolean;
}

/** Registers a runtime, or changes its descriptor. */
async function submit(base: Runtime | undefined, options: RegisterOptions, node: NodeConnection): Promise<void> {
  const signer = signerOf(options);
  const epoch = await node.epoch();
  const bundle = options.bundle === undefined ? undefined : await readBundle(options.bundle);
  const runtime = describeRuntime(options, { base, bundle, signer: signer.publicKey, epoch });
  await noteStorage(runtime, node);
  if (options.dryRun) {
    process.stdout.write(`${printJson(Runtime.toJson(runtime), 2)}\n`);
    return;
  }
  const maxFee = options.maxFee === undefined ? undefined : amount("--max-fee", options.maxFee);
  const sender = await node.sender(signer, maxFee);
  await sender.send("registry.RegisterRuntime", Runtime.encode(runtime));
  await tell(runtime.id, options.json, node);
}

/** What storage committees, which v26.1 does not know, mean for programs that were built for it. */
async function noteStorage(runtime: Runtime, { registry }: NodeConnection): Promise<void> {
  const { enableStorageCommittees } = await registry.ConsensusParameters(0n);
  if (enableStorageCommittees !== true || runtime.kind !== RUNTIME_COMPUTE) return;
  const text =
    runtime.storage.committee === undefined
      ? "this network has storage committees; this runtime does not ask for one, so its results come without receipts. Unmodified Rust runtimes of v26.1 refuse descriptors that do."
      : "this runtime asks for a storage committee: unmodified Rust runtimes of v26.1 refuse its descriptor.";
  process.stderr.write(`${onError.yellow("note:")} ${text}\n`);
  await noteCandidates(runtime, registry);
}

/** A committee that takes every storage node there is misses the first one that fails to register. */
async function noteCandidates({ id, storage }: Runtime, registry: NodeConnection["registry"]): Promise<void> {
  const size = storage.committee?.groupSize;
  if (size === undefined) return;
  const nodes = (await registry.GetNodes(0n)) ?? [];
  const candidates = nodes.filter(
    ({ roles, runtimes }) =>
      hasRoles(roles, ROLE_STORAGE) && runtimes?.some((entry) => entry !== null && equalBytes(entry.id, id)),
  ).length;
  if (candidates > size) return;
  process.stderr.write(
    `${onError.yellow("note:")} ${candidates} storage nodes serve it by now, of which each committee needs ${size}: with a node fewer than that at an election the runtime is suspended until the next. Have more nodes than seats.\n`,
  );
}

async function find(id: Uint8Array, { registry }: NodeConnection): Promise<Runtime | undefined> {
  try {
    return await registry.GetRuntime({ height: 0n, id, includeSuspended: true });
  } catch (error) {
    if (error instanceof CodedError && registryErrors.noSuchRuntime.is(error)) return undefined;
    throw error;
  }
}

/** `qanat runtime register [FILE]` */
export function registerRuntime(file: string | undefined, options: RegisterOptions): Promise<void> {
  return withNode(options, async (node) => {
    const base = file === undefined ? undefined : readDescriptor(file);
    const bundled = options.bundle === undefined ? undefined : (await readBundle(options.bundle)).manifest.id;
    const id = options.id === undefined ? (bundled ?? base?.id) : hex32("--id", options.id);
    const known = id === undefined ? undefined : await find(id, node);
    if (known !== undefined) throw new InvalidInput("--id", `${toHex(known.id)} is registered: use runtime update`);
    await submit(base, options, node);
  });
}

/** `qanat runtime update ID [FILE]`: what neither options nor file tell stays as it is registered. */
export function updateRuntime(id: string, file: string | undefined, options: RegisterOptions): Promise<void> {
  return withNode(options, async (node) => {
    const known = await find(hex32("id", id), node);
    if (known === undefined) throw new InvalidInput("id", `${id} is not registered: use runtime register`);
    await submit(file === undefined ? known : readDescriptor(file), { ...options, id }, node);
  });
}

/** `qanat runtime show ID` */
export function showRuntime(id: string, { json, ...options }: ShowOptions): Promise<void> {
  return withNode(options, (node) => tell(hex32("id", id), json, node));
}

/** `qanat runtime list` */
export function listRuntimes({ json, ...options }: ShowOptions): Promise<void> {
  return withNode(options, async (node) => {
    const epoch = await node.epoch();
    const active = await idsOf(node, false);
    for (const runtime of (await node.registry.GetRuntimes({ height: 0n, includeSuspended: true })) ?? []) {
      const { id, kind, deployments, entityId } = runtime;
      const now = activeDeployment(runtime, epoch);
      const state = active.has(toHex(id)) ? "active" : "suspended";
      const version = now === undefined ? null : versionToText(now.version);
      const name = kind === RUNTIME_COMPUTE ? "compute" : "key-manager";
      if (json) {
        const fields = { id: toHex(id), kind: name, state, version, owner: toBase64(entityId) };
        process.stdout.write(`${JSON.stringify({ event: "runtime", ...fields, deployments: deployments.length })}\n`);
      } else {
        const what = version === null ? "no version in force" : `version ${version}`;
        process.stdout.write(`${toHex(id)}  ${name}  ${state}  ${what}  owner ${toBase64(entityId)}\n`);
      }
    }
  });
}

async function idsOf({ registry }: NodeConnection, includeSuspended: boolean): Promise<ReadonlySet<string>> {
  const runtimes = (await registry.GetRuntimes({ height: 0n, includeSuspended })) ?? [];
  return new Set(runtimes.map(({ id }) => toHex(id)));
}

/** What is known of a runtime at the latest height. */
interface Known {
  readonly runtime: Runtime;
  readonly epoch: bigint;
  readonly state: "active" | "suspended";
  /** Latest round; undefined for key managers, which have none. */
  readonly round: bigint | undefined;
}

async function known(id: Uint8Array, node: NodeConnection): Promise<Known> {
  const runtime = await find(id, node);
  if (runtime === undefined) throw new InvalidInput("id", `${toHex(id)} is not registered`);
  const state = (await idsOf(node, false)).has(toHex(id)) ? "active" : "suspended";
  const block = isKeyManagerNamespace(id)
    ? undefined
    : await node.rootHash.GetLatestBlock({ runtimeId: id, height: 0n });
  return { runtime, epoch: await node.epoch(), state, round: block?.header.round };
}

/** Prints a runtime as the latest height has it. */
async function tell(id: Uint8Array, json: boolean, node: NodeConnection): Promise<void> {
  const found = await known(id, node);
  const lines = json ? [printJson(asJson(found))] : textLines(found);
  process.stdout.write(`${lines.join("\n")}\n`);
}

function asJson({ runtime, epoch, state, round }: Known): Json {
  const active = activeDeployment(runtime, epoch);
  return {
    event: "runtime",
    id: toHex(runtime.id),
    state,
    epoch,
    round: round ?? null,
    version: active === undefined ? null : versionToText(active.version),
    descriptor: Runtime.toJson(runtime),
  };
}

const GOVERNORS: Readonly<Record<number, string>> = {
  [GOVERNANCE_ENTITY]: "its owner",
  [GOVERNANCE_RUNTIME]: "itself",
  [GOVERNANCE_CONSENSUS]: "the consensus layer",
};

function textLines({ runtime, epoch, state, round }: Known): string[] {
  const { id, entityId, kind, governanceModel, executor, deployments } = runtime;
  const active = activeDeployment(runtime, epoch);
  return [
    `runtime     ${onOutput.bold(toHex(id))}  ${state === "active" ? onOutput.green(state) : onOutput.red(state)}`,
    `owner       ${toBase64(entityId)}`,
    `kind        ${kind === RUNTIME_COMPUTE ? "compute" : "key manager"}, governed by ${GOVERNORS[governanceModel] ?? "nobody"}`,
    `committee   ${executor.groupSize} workers, ${executor.groupBackupSize} backup workers, ${executor.allowedStragglers} may be missing`,
    `epoch       ${epoch}${round === undefined ? "" : `, round ${round}`}`,
    ...deployments.flatMap((deployment) => (deployment === null ? [] : [deploymentLine(deployment, active, epoch)])),
  ];
}

function deploymentLine(deployment: VersionInfo, active: VersionInfo | undefined, epoch: bigint): string {
  const { version, validFrom, bundleChecksum } = deployment;
  const when = deployment === active ? "in force" : validFrom > epoch ? `from epoch ${validFrom}` : "over";
  const bundle = bundleChecksum.length === 0 ? "" : `  bundle ${toHex(bundleChecksum)}`;
  return `deployment  ${versionToText(version)}  ${when}${bundle}`;
}
