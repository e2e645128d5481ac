import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { isKeyManagerNamespace } from "#common/namespace.js";
import type { Version } from "#common/version.js";
import type { RuntimeDeployment } from "#network/fixture.js";
import { BundleStore } from "#platform/bundle-store.js";
import type { DataFolder } from "#platform/data-folder.js";
import { onChainComponent } from "#runtime/bundle/manifest.js";
import { inputFile } from "../input-file.js";
import { OWN_RUNTIME } from "./setup.js";

const OPTION = "--runtime";
const ZIP_MAGIC = "504b0304";

/** The network's runtime, and the program that runs it. */
export interface HostedProgram extends RuntimeDeployment {
  /** An executable, or a script for Node.js in one file. */
  readonly path: string;
  /** Version that the program has to have because its bundle says so. */
  readonly bundledVersion?: Version;
}

/**
 * Finds the program of a runtime: the file itself, or what a bundle holds, which is unpacked into the network's folder.
 * A program without a bundle runs under the network's usual identifier and as version 0.0.0.
 *
 * @throws InvalidInput when there is no such file, or its bundle holds no runtime
 * @throws BundleRefused when the bundle is not sound
 */
export async function openProgram(file: string, folder: DataFolder): Promise<HostedProgram> {
  inputFile(OPTION, file);
  if (!isArchive(file)) return { ...OWN_RUNTIME, path: file };
  return fromBundle(file, folder);
}

async function fromBundle(file: string, data: DataFolder): Promise<HostedProgram> {
  const { manifest, hash, folder } = await new BundleStore(data.path).install(file);
  const { id } = manifest;
  const component = onChainComponent(manifest);
  if (component === undefined) throw new InvalidInput(OPTION, `${file} holds no runtime, only components beside one`);
  if (isKeyManagerNamespace(id)) throw new InvalidInput(OPTION, `${file} holds a key manager (${toHex(id)})`);
  const name = component.elf?.executable ?? component.executable;
  const { version } = component;
  return { path: join(folder, name), id, version, bundledVersion: version, bundleHash: hash };
}

function isArchive(file: string): boolean {
  if (file.endsWith(".orc")) return true;
  const fd = openSync(file, "r");
  try {
    const head = new Uint8Array(4);
    return readSync(fd, head) === head.length && toHex(head) === ZIP_MAGIC;
  } finally {
    closeSync(fd);
  }
}
