import { equalBytes, toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { isKeyManagerNamespace } from "#common/namespace.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { getAnyRuntime } from "#consensus/services/registry/state.js";
import { activeDeployment } from "#consensus/services/registry/types/deployments.js";
import type { RuntimeDeployment } from "#network/fixture.js";
import type { LocalNetwork } from "#network/local-network.js";
import type { ComponentStatus } from "#node/rpc/control-methods.js";
import { BundleStore } from "#platform/bundle-store.js";
import type { DataFolder } from "#platform/data-folder.js";
import { componentsOf, onChainComponent } from "#runtime/bundle/manifest.js";
import { openProgram } from "./program.js";
import { type Provisioner, provisionerOfProgram } from "./runtime-host.js";

const OPTION = "--runtime";

/** A runtime of the network and how it is hosted. */
export interface Hosted {
  readonly runtime: RuntimeDeployment;
  readonly provisioner: Provisioner;
}

/**
 * The runtimes that the user brings, in the order in which they are told.
 *
 * @throws InvalidInput when one is no program, or two have the same identifier
 */
export async function hostedRuntimes(files: readonly string[], folder: DataFolder): Promise<Hosted[]> {
  const hosted: Hosted[] = [];
  for (const file of files) {
    const program = await openProgram(file, folder);
    const before = hosted.findIndex(({ runtime }) => equalBytes(runtime.id, program.id));
    if (before >= 0) {
      const both = `${files[before]} and ${file} are both runtime ${toHex(program.id)}`;
      throw new InvalidInput(OPTION, `${both}; qanat bundle create --id gives a program an identifier of its own`);
    }
    hosted.push({ runtime: program, provisioner: provisionerOfProgram(program) });
  }
  return hosted;
}

/** Runtimes whose on-chain programs lie in a store of bundles. */
export function installedRuntimes(store: BundleStore): Uint8Array[] {
  const ids = new Map<string, Uint8Array>();
  for (const { manifest } of store.list()) {
    if (isHostable(manifest.id) && onChainComponent(manifest) !== undefined) ids.set(toHex(manifest.id), manifest.id);
  }
  return Array.from(ids.values());
}

/** Components of a runtime that lie in a store of bundles. */
export function installedComponents(store: BundleStore, runtimeId: Uint8Array): ComponentStatus[] {
  return store.list().flatMap(({ manifest }) => {
    if (!equalBytes(manifest.id, runtimeId)) return [];
    const detached = onChainComponent(manifest) === undefined;
    return componentsOf(manifest).map(({ kind, name, version, disabled }) => {
      return { kind, name, version, detached, disabled };
    });
  });
}

/** Key managers are no runtimes with rounds. */
function isHostable(id: Uint8Array): boolean {
  return !isKeyManagerNamespace(id);
}

/**
 * Takes a bundle, forgets those of its runtime that are over, and hosts its runtime from now on.
 *
 * @throws BundleRefused when it is not sound
 */
export async function addBundle(folder: DataFolder, network: LocalNetwork, path: string): Promise<void> {
  const store = new BundleStore(folder.path);
  const { manifest } = await store.install(path);
  const { id } = manifest;
  const state = network.backend.stateAt(0n);
  const runtime = getAnyRuntime(state, id);
  const active = runtime && activeDeployment(runtime, getEpoch(state));
  if (active !== undefined) store.removeOlder(id, active.version);
  if (isHostable(id) && onChainComponent(manifest) !== undefined) await network.host(id);
  programsArrived(network);
}

/** Lets all nodes look for the programs that they miss. */
export function programsArrived(network: LocalNetwork): void {
  for (const { runtimes } of network.nodes) for (const hosted of runtimes) hosted.programsArrived();
}
