import { resolve } from "node:path";
import { toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { versionToText } from "#common/version.js";
import { type Bundle, DEFAULT_UNPACKED_BYTES, readBundle } from "#platform/bundle-archive.js";
import { BundleStore } from "#platform/bundle-store.js";
import { DataFolder } from "#platform/data-folder.js";
import { type Component, componentIdOf } from "#runtime/bundle/component.js";
import { componentsOf } from "#runtime/bundle/manifest.js";
import { withNode } from "./node-connection.js";
import { onOutput } from "./colours.js";

const MIB = 1024 * 1024;

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
