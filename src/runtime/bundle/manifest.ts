/** What a runtime bundle says about itself (runtime bundles). */
import { equalBytes, fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { Hash, hash } from "#common/hash.js";
import { parseJson, printJson } from "#common/json.js";
import { Namespace } from "#common/namespace.js";
import { list, map, nullable, omitEmpty, optional, struct, text } from "#common/schema/index.js";
import { Version, versionToU64 } from "#common/version.js";
import { checkComponent, Component, componentIdOf, filesOf, MAX_FILE_NAME, RONL, SgxMetadata } from "./component.js";
import { demandBundle } from "./errors.js";

/** Where the manifest lies in the archive: its first entry, and the only one in a folder. */
export const MANIFEST_NAME = "META-INF/MANIFEST.MF";
/** Largest manifest, in bytes. */
export const MAX_MANIFEST_BYTES = 1 << 20;
/** Most components of one bundle. */
const MAX_COMPONENTS = 256;
/** Most files of one bundle. */
export const MAX_FILES = 1024;

export class Manifest extends struct("Manifest", {
  name: omitEmpty(text({ max: 1024 })),
  id: Namespace,
  /** Old place of the on-chain component's version. */
  version: omitEmpty(Version),
  /** Old places of the on-chain component's files. */
  executable: omitEmpty(text({ max: MAX_FILE_NAME })),
  sgx: optional(SgxMetadata),
  components: omitEmpty(list(Component, { max: MAX_COMPONENTS })),
  /** Hash of each file but the manifest. */
  digests: nullable(map(text({ max: MAX_FILE_NAME }), Hash, { max: MAX_FILES })),
}) {}

const NO_VERSION: Version = Version.zero();

/** Whether it names the on-chain component's files at its top, as bundles did once. */
function isLegacy({ executable, sgx }: Manifest): boolean {
  return executable !== "" || sgx !== undefined;
}

/**
 * Reads a manifest from JSON. A version at its top is that of the on-chain component.
 *
 * @throws DecodeError
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new DecodeError(`manifest of ${bytes.length} bytes, limit ${MAX_MANIFEST_BYTES}`);
  }
  const manifest = Manifest.fromJson(parseJson(fromUtf8(bytes)));
  if (versionToU64(manifest.version) === 0n) return manifest;
  const { version } = manifest;
  const components = manifest.components.map((c) => (componentIdOf(c) === RONL ? { ...c, version } : c));
  return { ...manifest, components };
}

/** The manifest as JSON. */
export function printManifest(manifest: Manifest): Uint8Array {
  return utf8(printJson(Manifest.toJson(manifest)));
}

/** The name of a bundle: the hash of its manifest, as runtime descriptors carry it. */
export function manifestHash(manifest: Manifest): Uint8Array {
  if (versionToU64(manifest.version) === 0n) return hash(Manifest.encode(manifest));
  // What reading copied down is not part of the name.
  const components = manifest.components.map((c) => (componentIdOf(c) === RONL ? { ...c, version: NO_VERSION } : c));
  return hash(Manifest.encode({ ...manifest, components }));
}

/** All components, the one that old manifests describe at their top included. */
export function componentsOf(manifest: Manifest): readonly Component[] {
  const { components, executable, sgx, version } = manifest;
  if (!isLegacy(manifest) || components.some((c) => componentIdOf(c) === RONL)) return components;
  return [...components, { ...Component.zero(), kind: RONL, version, elf: { executable }, sgx }];
}

/** The on-chain component; undefined for a bundle of off-chain logic only. */
export function onChainComponent(manifest: Manifest): Component | undefined {
  return componentsOf(manifest).find((component) => componentIdOf(component) === RONL);
}

/** @throws BundleRefused when the manifest is not well formed */
export function checkManifest(manifest: Manifest): void {
  const seen = new Set<string>();
  for (const component of manifest.components) {
    const id = componentIdOf(component);
    demandBundle(!seen.has(id), `more than one component ${id}`);
    seen.add(id);
    checkComponent(component);
  }
  demandBundle(!(seen.has(RONL) && isLegacy(manifest)), "the RONL component is described twice");
  demandBundle(manifest.sgx === undefined || manifest.sgx.executable !== "", "sgx: executable must be set");
  for (const name of manifest.digests?.keys() ?? []) if (name !== MANIFEST_NAME) checkFileName(name);
}

/**
 * Files of a bundle lie beside each other: a name is never a path.
 *
 * @throws BundleRefused
 */
export function checkFileName(name: string): void {
  const flat = name !== "" && name !== "." && name !== ".." && !/[/\\\0]/.test(name);
  demandBundle(flat, `${JSON.stringify(name)} is not the name of a file`);
  demandBundle(utf8(name).length <= MAX_FILE_NAME, `the name of a file is longer than ${MAX_FILE_NAME} bytes`);
}

/**
 * Compares the files of a bundle with its manifest.
 *
 * @param digests hash of each file but the manifest, by name
 * @throws BundleRefused when a file is missing, is too many, or is not what the manifest says
 */
export function checkFiles(manifest: Manifest, digests: ReadonlyMap<string, Uint8Array>): void {
  for (const component of componentsOf(manifest)) {
    for (const { what, name } of filesOf(component)) {
      demandBundle(digests.has(name), `${componentIdOf(component)}: missing ${what} "${name}"`);
    }
  }
  for (const [name, digest] of digests) {
    const said = manifest.digests?.get(name);
    demandBundle(said !== undefined, `missing digest of "${name}"`);
    demandBundle(equalBytes(said, digest), `digest of "${name}" is ${toHex(digest)}, the manifest says ${toHex(said)}`);
  }
}
