import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import type { Hash } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { versionFromText, versionToText } from "#common/version.js";
import {
  type Bundle,
  DEFAULT_UNPACKED_BYTES,
  digestOfFile,
  readBundle,
  writeBundle,
} from "#platform/bundle-archive.js";
import { BundleStore } from "#platform/bundle-store.js";
import { DataFolder } from "#platform/data-folder.js";
import { Component, componentIdOf, RONL } from "#runtime/bundle/component.js";
import { componentsOf, Manifest } from "#runtime/bundle/manifest.js";
import { withNode } from "./node-connection.js";
import { onOutput } from "./colours.js";

const MIB = 1024 * 1024;

export interface CreateBundleOptions {
  readonly id: string;
  readonly version: string;
  readonly executable: string;
  readonly name?: string;
  readonly sgxExecutable?: string;
  readonly sgxSignature?: string;
}

export interface InspectOptions {
  readonly json: boolean;
}

export interface VerifyOptions {
  readonly hash?: string;
  readonly signer?: string;
  readonly maxSize?: number;
}

export interface InstallOptions {
  readonly data?: string;
  readonly node?: string;
  readonly maxSize?: number;
}

function runtimeId(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new InvalidInput("--id", "expected 64 hexadecimal digits");
  return fromHex(text);
}

function version(text: string): Component["version"] {
  try {
    return versionFromText(text);
  } catch (error) {
    if (error instanceof DecodeError) throw new InvalidInput("--version", error.message);
    throw error;
  }
}

function existing(option: string, path: string): string {
  if (!existsSync(path)) throw new InvalidInput(option, `${path} does not exist`);
  if (!statSync(path).isFile()) throw new InvalidInput(option, `${path} is not a file`);
  return path;
}

/** `qanat bundle create FILE` */
export async function createBundle(output: string, options: CreateBundleOptions): Promise<void> {
  const { executable, name = "", sgxExecutable, sgxSignature } = options;
  const sources = [existing("--executable", executable)];
  if (sgxExecutable !== undefined) sources.push(existing("--sgx-executable", sgxExecutable));
  if (sgxSignature !== undefined) {
    if (sgxExecutable === undefined) throw new InvalidInput("--sgx-signature", "needs --sgx-executable");
    sources.push(existing("--sgx-signature", sgxSignature));
  }
  const files = new Map(sources.map((path) => [basename(path), path]));
  if (files.size < sources.length) throw new InvalidInput("--executable", "two of the files have the same name");
  const digests = SortedMap.text<Hash>();
  for (const [file, path] of files) digests.set(file, await digestOfFile(path));
  const component: Component = {
    ...Component.zero(),
    kind: RONL,
    version: version(options.version),
    elf: { executable: basename(executable) },
    sgx:
      sgxExecutable === undefined
        ? undefined
        : { executable: basename(sgxExecutable), signature: basename(sgxSignature ?? "") },
  };
  const manifest: Manifest = {
    ...Manifest.zero(),
    name,
    id: runtimeId(options.id),
    components: [component],
    digests,
  };
  tellBundle(await writeBundle(output, manifest, files), false);
}

function componentFields(component: Component): object {
  const { version: v, sgx, tdx } = component;
  const tee = sgx !== undefined ? "sgx" : tdx !== undefined ? "tdx" : "none";
  return { id: componentIdOf(component), version: versionToText(v), tee };
}

const hexOrNone = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? bytes : toHex(bytes));

/** Prints what a bundle holds. */
export function tellBundle({ manifest, hash, files, enclaves }: Bundle, json: boolean): void {
  const components = componentsOf(manifest).map(componentFields);
  if (json) {
    const listed = files.map(({ name, size, digest }) => ({ name, size, digest: toHex(digest) }));
    const measured = enclaves.map(({ component, mrEnclave, mrSigner }) => ({
      component,
      mrEnclave: toHex(mrEnclave),
      mrSigner: hexOrNone(mrSigner),
    }));
    const base = { hash: toHex(hash), name: manifest.name, id: toHex(manifest.id) };
    const fields = { ...base, components, enclaves: measured, files: listed };
    process.stdout.write(`${JSON.stringify({ event: "bundle", ...fields })}\n`);
    return;
  }
  const lines = [
    `bundle      ${onOutput.bold(toHex(hash))}`,
    `runtime     ${toHex(manifest.id)}${manifest.name === "" ? "" : `  ${JSON.stringify(manifest.name)}`}`,
    ...componentsOf(manifest).map(
      (component) => `component   ${componentIdOf(component)} ${versionToText(component.version)}`,
    ),
    ...enclaves.map(
      ({ component, mrEnclave, mrSigner }) =>
        `enclave     ${component} ${toHex(mrEnclave)} signed by ${hexOrNone(mrSigner) ?? "nobody"}`,
    ),
    ...files.map(({ name, size, digest }) => `file        ${toHex(digest)}  ${size} bytes  ${JSON.stringify(name)}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

const bytesOf = (mebibytes: number | undefined): number =>
  mebibytes === undefined ? DEFAULT_UNPACKED_BYTES : mebibytes * MIB;

/** `qanat bundle inspect FILE`: what a bundle says, after everything in it has been checked. */
export async function inspectBundle(file: string, { json }: InspectOptions): Promise<void> {
  tellBundle(await readBundle(file), json);
}

/** Every enclave, and there must be one, has this signer. */
function checkSigner({ enclaves }: Bundle, signer: string): void {
  if (enclaves.length === 0) throw new InvalidInput("bundle", "it has no enclave that somebody could have signed");
  for (const { component, mrSigner } of enclaves) {
    const found = hexOrNone(mrSigner) ?? "nobody";
    if (found !== signer.toLowerCase()) throw new InvalidInput("bundle", `${component} is signed by ${found}`);
  }
}

/** `qanat bundle verify FILE`: exit code 0 only for a sound bundle; with --hash or --signer only for that one. */
export async function verifyBundle(file: string, { hash, signer, maxSize }: VerifyOptions): Promise<void> {
  const bundle = await readBundle(file, { maxBytes: bytesOf(maxSize) });
  const found = toHex(bundle.hash);
  if (hash !== undefined && hash.toLowerCase() !== found) {
    throw new InvalidInput("bundle", `its manifest hash is ${found}`);
  }
  if (signer !== undefined) checkSigner(bundle, signer);
  process.stdout.write(`${onOutput.green("sound")}: ${found}\n`);
}

/** `qanat bundle install FILE`: unpacks a bundle into a node's data folder; a running node does so itself. */
export async function installBundle(file: string, { data, node, maxSize }: InstallOptions): Promise<void> {
  if ((data === undefined) === (node === undefined)) throw new InvalidInput("--data", "give either --data or --node");
  if (node !== undefined) {
    const { hash } = await readBundle(file, { maxBytes: bytesOf(maxSize) });
    await withNode({ node }, ({ addBundle }) => addBundle(resolve(file)));
    process.stdout.write(`${onOutput.green("installed")}: ${toHex(hash)}\n`);
    return;
  }
  const folder = await DataFolder.open(data);
  try {
    const installed = await new BundleStore(folder.path).install(file, { maxBytes: bytesOf(maxSize) });
    process.stdout.write(`${onOutput.green("installed")}: ${installed.folder}\n`);
  } finally {
    folder.close();
  }
}
