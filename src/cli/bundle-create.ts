import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import type { Hash } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { digestOfFile, writeBundle } from "#platform/bundle-archive.js";
import { Component, filesOf, ROFL, RONL } from "#runtime/bundle/component.js";
import { checkFileName, checkManifest, componentsOf, Manifest, parseManifest } from "#runtime/bundle/manifest.js";
import { tellBundle } from "./bundle.js";
import { inputFile } from "./input-file.js";
import { hex32, version } from "./runtime/words.js";

export interface CreateBundleOptions {
  readonly id?: string;
  readonly version?: string;
  readonly executable?: string;
  readonly name?: string;
  readonly sgxExecutable?: string;
  readonly sgxSignature?: string;
  /** Words such as `oracle@1.0.0=./oracle.mjs`. */
  readonly rofl?: readonly string[];
  readonly manifest?: string;
}

/** A manifest without digests, and the path of each file by its name in the bundle. */
interface Draft {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, string>;
}

const ROFL_WORD = /^([^@=]+)@([^=]+)=(.+)$/;

function needed(option: string, value: string | undefined, why: string): string {
  if (value === undefined) throw new InvalidInput(option, why);
  return value;
}

/** Files lie beside each other in a bundle, so each needs a name of its own. */
class Files {
  readonly paths = new Map<string, string>();

  /** Takes a file of this machine; returns its name in the bundle. */
  add(option: string, path: string): string {
    const name = basename(inputFile(option, path));
    if (this.paths.has(name)) throw new InvalidInput(option, `two of the files have the name ${name}`);
    this.paths.set(name, path);
    return name;
  }
}

/** The on-chain component that options describe; undefined when there is none. */
function onChain(options: CreateBundleOptions, files: Files): Component | undefined {
  const { executable, sgxExecutable, sgxSignature } = options;
  if (sgxSignature !== undefined) needed("--sgx-signature", sgxExecutable, "needs --sgx-executable");
  if (sgxExecutable !== undefined) needed("--sgx-executable", executable, "needs --executable");
  if (executable === undefined) return undefined;
  const text = needed("--version", options.version, "which version of the program is it?");
  const elf = { executable: files.add("--executable", executable) };
  const enclave = sgxExecutable === undefined ? undefined : files.add("--sgx-executable", sgxExecutable);
  const signature = sgxSignature === undefined ? "" : files.add("--sgx-signature", sgxSignature);
  const sgx = enclave === undefined ? undefined : { executable: enclave, signature };
  return { ...Component.zero(), kind: RONL, version: version("--version", text), elf, sgx };
}

/** Off-chain logic that a word describes. */
function offChain(word: string, files: Files): Component {
  const [, name, text, path] = ROFL_WORD.exec(word) ?? [];
  if (name === undefined || text === undefined || path === undefined) {
    throw new InvalidInput("--rofl", `expected NAME@VERSION=FILE, got "${word}"`);
  }
  const elf = { executable: files.add("--rofl", path) };
  return { ...Component.zero(), kind: ROFL, name, version: version("--rofl", text), elf };
}

function fromOptions(options: CreateBundleOptions): Draft {
  const id = hex32("--id", needed("--id", options.id, "which runtime is it for?"));
  const files = new Files();
  const ronl = onChain(options, files);
  const components = [
    ...(ronl === undefined ? [] : [ronl]),
    ...(options.rofl ?? []).map((word) => offChain(word, files)),
  ];
  if (components.length === 0) throw new InvalidInput("--executable", "give --executable, --rofl or --manifest");
  return { manifest: { ...Manifest.zero(), name: options.name ?? "", id, components }, files: files.paths };
}

/** A manifest that somebody wrote; the files that it names lie beside it, and their digests are made anew. */
function fromManifest(path: string): Draft {
  let manifest: Manifest;
  try {
    manifest = parseManifest(new Uint8Array(readFileSync(inputFile("--manifest", path))));
  } catch (error) {
    throw error instanceof DecodeError ? new InvalidInput("--manifest", `${path}: ${error.message}`) : error;
  }
  checkManifest(manifest);
  const files = new Map<string, string>();
  for (const { name } of componentsOf(manifest).flatMap(filesOf)) {
    // Names are never paths; what is refused here would be outside of the folder.
    checkFileName(name);
    files.set(name, inputFile("--manifest", join(dirname(path), name)));
  }
  if (files.size === 0) throw new InvalidInput("--manifest", `${path} names no files`);
  return { manifest, files };
}

/**
 * `qanat bundle create FILE`: writes a bundle and tells what it holds.
 *
 * @param output path of the archive
 * @throws InvalidInput naming the option that is missing or wrong; BundleRefused when the bundle would not be sound
 */
export async function createBundle(output: string, options: CreateBundleOptions): Promise<void> {
  const { manifest, files } = options.manifest === undefined ? fromOptions(options) : fromManifest(options.manifest);
  const digests = SortedMap.text<Hash>();
  for (const [file, path] of files) digests.set(file, await digestOfFile(path));
  tellBundle(await writeBundle(output, { ...manifest, digests }, files), false);
}
