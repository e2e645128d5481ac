/** Bundles that components have added to their node (runtime host protocol: local endpoints). */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { equalBytes, fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { tupleHash256 } from "#common/crypto/tuple-hash.js";
import { DecodeError, unknown } from "#common/errors/index.js";
import { parseJson, printJson } from "#common/json.js";
import { struct } from "#common/schema/index.js";
import { componentIdOf, ROFL } from "#runtime/bundle/component.js";
import { BundleRefused } from "#runtime/bundle/errors.js";
import { checkFileName, componentsOf, type Manifest } from "#runtime/bundle/manifest.js";
import { type BundleInfo, Labels } from "#runtime/component/api.js";
import type { ComponentFleet, ComponentOffer } from "#worker/component/component.js";
import { type AddedBundle, hasLabels, LABEL_ORIGIN, type ManagedBundles } from "#worker/component/management.js";
import { BundleStore, type InstalledBundle } from "../bundle-store.js";

/** Sets instances of the same bundle apart. */
const LABEL_INSTANCE = "net.oasis.instance_id";
const NAME_CONTEXT = "oasis-core/bundle: dynamic component ID";
/** Most bytes that may be written of one bundle before it is added. */
const MAX_WRITTEN = 1 << 30;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** What belongs to a bundle beside its files. */
class BundleNotes extends struct("BundleNotes", { labels: Labels, volumes: Labels }) {}

/** A component of a bundle that was added, under the name that it has on this node. */
export interface ManagedComponent {
  readonly name: string;
  /** Its executable. */
  readonly path: string;
  readonly labels: Labels;
}

export interface ManagedBundlesOptions {
  /** Folder that is this node's alone. */
  readonly folder: string;
  readonly runtimeId: Uint8Array;
  /** Makes what the node runs of a component. */
  readonly offer: (component: ManagedComponent) => ComponentOffer | undefined;
  /** Told when a component is gone for good. */
  readonly removed: (componentId: string) => void;
}

/** Bundles in a store of their own, each with the labels that it was added with. */
export class ManagedBundleStore implements ManagedBundles {
  private readonly store: BundleStore;
  /** Starts and ends components of the node; known once the node has its worker. */
  fleet: ComponentFleet | undefined;

  constructor(private readonly options: ManagedBundlesOptions) {
    this.store = new BundleStore(options.folder);
  }

  private temporary(folder: string, name: string): string {
    refused(() => checkFileName(name));
    return join(this.options.folder, "written", folder, name);
  }

  private notesPath(hash: Uint8Array): string {
    return join(this.options.folder, "notes", `${toHex(hash)}.json`);
  }

  write(folder: string, name: string, data: Uint8Array, create: boolean): void {
    const path = this.temporary(folder, name);
    mkdirSync(join(path, ".."), { recursive: true, mode: FOLDER_MODE });
    const before = create || !existsSync(path) ? 0 : statSync(path).size;
    if (before + data.length > MAX_WRITTEN) throw unknown(`bundle of more than ${MAX_WRITTEN} bytes`);
    if (create) writeFileSync(path, data, { mode: FILE_MODE });
    else appendFileSync(path, data, { mode: FILE_MODE });
  }

  async add(folder: string, name: string, { manifestHash, labels, volumes }: AddedBundle): Promise<void> {
    const path = this.temporary(folder, name);
    if (!existsSync(path)) throw unknown(`nothing was written as "${name}"`);
    const installed = await this.install(path);
    const known = this.notesOf(installed.hash);
    try {
      demand(equalBytes(installed.hash, manifestHash), `manifest hash is ${toHex(installed.hash)}`);
      demand(equalBytes(installed.manifest.id, this.options.runtimeId), "bundle is of another runtime");
      demand(known === undefined || known.labels.get(LABEL_ORIGIN) === labels.get(LABEL_ORIGIN), "bundle exists");
      checkManaged(installed.manifest);
    } catch (error) {
      if (known === undefined) this.store.remove(installed.hash);
      throw error;
    }
    if (known !== undefined) await this.end(installed, known.labels);
    const notes = printJson(BundleNotes.toJson({ labels, volumes }));
    mkdirSync(join(this.options.folder, "notes"), { recursive: true, mode: FOLDER_MODE });
    writeFileSync(this.notesPath(installed.hash), notes, { mode: FILE_MODE });
    rmSync(path, { force: true });
    for (const offer of this.offersOf(installed, labels)) this.fleet?.add(offer);
  }

  private async install(path: string): Promise<InstalledBundle> {
    try {
      return await this.store.install(path);
    } catch (error) {
      if (error instanceof BundleRefused) throw unknown(error.message);
      throw error;
    }
  }

  async remove(filter: Labels): Promise<void> {
    for (const { bundle, labels } of this.withLabels(filter)) {
      await this.end(bundle, labels);
      this.store.remove(bundle.hash);
      rmSync(this.notesPath(bundle.hash), { force: true });
      for (const { name } of managedComponents(bundle, labels)) {
        this.options.removed(componentIdOf({ kind: ROFL, name }));
      }
    }
  }

  list(filter: Labels): BundleInfo[] {
    return this.withLabels(filter).map(({ bundle, labels }) => ({
      manifestHash: bundle.hash,
      components: managedComponents(bundle, labels).map(({ name }) => ({ name })),
      labels,
    }));
  }

  /** All components of bundles that are there, to be run when the node starts. */
  get offers(): ComponentOffer[] {
    return this.withLabels().flatMap(({ bundle, labels }) => this.offersOf(bundle, labels));
  }

  private offersOf(bundle: InstalledBundle, labels: Labels): ComponentOffer[] {
    return managedComponents(bundle, labels).flatMap((component) => this.options.offer(component) ?? []);
  }

  private async end(bundle: InstalledBundle, labels: Labels): Promise<void> {
    for (const { name } of managedComponents(bundle, labels)) await this.fleet?.remove(name);
  }

  private withLabels(filter?: Labels): { readonly bundle: InstalledBundle; readonly labels: Labels }[] {
    return this.store.list().flatMap((bundle) => {
      const labels = this.notesOf(bundle.hash)?.labels;
      return labels === undefined || (filter !== undefined && !hasLabels(labels, filter)) ? [] : [{ bundle, labels }];
    });
  }

  private notesOf(hash: Uint8Array): BundleNotes | undefined {
    const path = this.notesPath(hash);
    return existsSync(path) ? BundleNotes.fromJson(parseJson(fromUtf8(readFileSync(path)))) : undefined;
  }
}

/** Components under names that nobody else has: origin, instance and the name in the bundle make them. */
function managedComponents({ manifest, folder }: InstalledBundle, labels: Labels): ManagedComponent[] {
  const origin = utf8(labels.get(LABEL_ORIGIN) ?? "");
  const instance = utf8(labels.get(LABEL_INSTANCE) ?? "");
  return componentsOf(manifest).flatMap(({ name, elf }) =>
    elf === undefined
      ? []
      : [
          {
            name: toHex(tupleHash256(NAME_CONTEXT, [origin, instance, utf8(name)])),
            path: join(folder, elf.executable),
            labels,
          },
        ],
  );
}

function demand(condition: boolean, text: string): void {
  if (!condition) throw unknown(text);
}

function checkManaged(manifest: Manifest): void {
  demand(manifest.executable === "" && manifest.sgx === undefined, "legacy bundles are not supported");
  for (const { kind, executable, disabled } of componentsOf(manifest)) {
    demand(kind === ROFL, "non-ROFL components are not supported");
    demand(executable === "", "legacy bundles are not supported");
    demand(!disabled, "disabled components are not supported");
  }
}

function refused(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof BundleRefused || error instanceof DecodeError) throw unknown(error.message);
    throw error;
  }
}
