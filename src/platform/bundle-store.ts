/** Bundles that a node has unpacked: its folder of runtimes (runtime bundles). */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { equalBytes, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { compareVersions, type Version } from "#common/version.js";
import { filesOf } from "#runtime/bundle/component.js";
import { BundleRefused } from "#runtime/bundle/errors.js";
import {
  checkFiles,
  componentsOf,
  type Manifest,
  MANIFEST_NAME,
  manifestHash,
  onChainComponent,
  parseManifest,
  printManifest,
} from "#runtime/bundle/manifest.js";
import { digestOfFile, readBundle, type ReadBundleOptions } from "./bundle-archive.js";

const BUNDLES = join("runtimes", "bundles");
const TEMPORARY = join("runtimes", "tmp", "bundles");
const ANY_BUNDLE = new Uint8Array(0);
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const PROGRAM_MODE = 0o700;

/** A bundle that lies unpacked in the store. */
export interface InstalledBundle {
  readonly manifest: Manifest;
  readonly hash: Uint8Array;
  readonly folder: string;
}

/** Unpacked bundles, each in a folder that is named by its manifest's hash. */
export class BundleStore {
  private readonly folder: string;
  private readonly temporary: string;

  /** @param data folder of the node's data */
  constructor(data: string) {
    this.folder = join(data, BUNDLES);
    this.temporary = join(data, TEMPORARY);
  }

  /**
   * Unpacks a bundle. It is there as a whole or not at all; one that is there already is checked again and left as it
   * is, or unpacked anew when it was changed.
   *
   * @throws BundleRefused saying what is wrong with it
   */
  async install(archive: string, options: Pick<ReadBundleOptions, "maxBytes"> = {}): Promise<InstalledBundle> {
    for (const folder of [this.folder, this.temporary]) mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    const work = join(this.temporary, toHex(randomBytes(16)));
    mkdirSync(work, { mode: FOLDER_MODE });
    try {
      const sink = (name: string) => createWriteStream("", { fd: openSync(join(work, name), "wx", FILE_MODE) });
      const { manifest, hash } = await readBundle(archive, { ...options, sink });
      const folder = join(this.folder, toHex(hash));
      if (await isIntact(folder, hash)) return { manifest, hash, folder };
      finish(work, manifest);
      rmSync(folder, { recursive: true, force: true });
      renameSync(work, folder);
      return { manifest, hash, folder };
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }

  /** All bundles of the store; folders that hold none are passed over. */
  list(): InstalledBundle[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .sort()
      .flatMap((name) => {
        const folder = join(this.folder, name);
        const manifest = manifestIn(folder);
        return manifest === undefined ? [] : [{ manifest, hash: manifestHash(manifest), folder }];
      });
  }

  /**
   * Path of the on-chain program of a runtime's version; undefined when no bundle brings it.
   *
   * @param bundle hash of the manifest of the only bundle that counts; empty when any does
   */
  executableOf(runtimeId: Uint8Array, version: Version, bundle: Uint8Array = ANY_BUNDLE): string | undefined {
    for (const { manifest, hash, folder } of this.list()) {
      const component = onChainComponent(manifest);
      if (component === undefined || !equalBytes(manifest.id, runtimeId)) continue;
      if (bundle.length > 0 && !equalBytes(bundle, hash)) continue;
      const name = component.elf?.executable ?? component.executable;
      if (name !== "" && compareVersions(component.version, version) === 0) return join(folder, name);
    }
    return undefined;
  }

  /** Removes bundles of a runtime whose on-chain program is older than a version, the one in force. */
  removeOlder(runtimeId: Uint8Array, version: Version): void {
    for (const { manifest, hash } of this.list()) {
      const component = onChainComponent(manifest);
      if (component === undefined || !equalBytes(manifest.id, runtimeId)) continue;
      if (compareVersions(component.version, version) < 0) this.remove(hash);
    }
  }

  /** Removes a bundle; false when it was not there. */
  remove(hash: Uint8Array): boolean {
    const folder = join(this.folder, toHex(hash));
    const there = existsSync(folder);
    rmSync(folder, { recursive: true, force: true });
    return there;
  }
}

/** Adds the manifest and lets programs run. */
function finish(folder: string, manifest: Manifest): void {
  mkdirSync(join(folder, "META-INF"), { mode: FOLDER_MODE });
  writeFileSync(join(folder, MANIFEST_NAME), printManifest(manifest), { mode: FILE_MODE });
  for (const component of componentsOf(manifest)) {
    for (const { what, name } of filesOf(component)) {
      if (what === "ELF executable") chmodSync(join(folder, name), PROGRAM_MODE);
    }
  }
}

function manifestIn(folder: string): Manifest | undefined {
  const path = join(folder, MANIFEST_NAME);
  if (!existsSync(path)) return undefined;
  try {
    return parseManifest(readFileSync(path));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Whether a folder holds exactly a bundle. */
async function isIntact(folder: string, hash: Uint8Array): Promise<boolean> {
  const manifest = manifestIn(folder);
  if (manifest === undefined || !equalBytes(manifestHash(manifest), hash)) return false;
  const digests = new Map<string, Uint8Array>();
  for (const name of readdirSync(folder)) {
    if (name !== "META-INF") digests.set(name, await digestOfFile(join(folder, name)));
  }
  try {
    checkFiles(manifest, digests);
    return true;
  } catch (error) {
    if (error instanceof BundleRefused) return false;
    throw error;
  }
}
