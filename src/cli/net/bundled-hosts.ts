import { join } from "node:path";
import { equalBytes } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { compareVersions, type Version, versionToText } from "#common/version.js";
import type { RuntimeDeployment } from "#network/fixture.js";
import type { LocalNetworkOptions } from "#network/local-network.js";
import type { BundleStore } from "#platform/bundle-store.js";
import { systemEntropy } from "#platform/entropy.js";
import { type ComponentPermissions, MemberComponents } from "#platform/managed/member-components.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { Sandbox } from "#platform/sandbox.js";
import { type Component, ROFL } from "#runtime/bundle/component.js";
import { componentsOf, onChainComponent } from "#runtime/bundle/manifest.js";
import { ProcessHost } from "#runtime/host/process.js";
import type { ComponentOffer } from "#worker/component/component.js";
import type { HostSite } from "#worker/options.js";
import type { RuntimeHostKind } from "./options.js";

type Provision = LocalNetworkOptions["provision"];

/** A version of a runtime that does not come from the store. */
export interface OwnHosts {
  readonly runtime: RuntimeDeployment;
  readonly provision: Provision;
}

export interface BundledHostsOptions {
  readonly kind: RuntimeHostKind;
  readonly store: BundleStore;
  readonly log: Log;
}

export interface BundledComponentsOptions extends BundledHostsOptions {
  /** Folder of a member's data. */
  readonly folderOf: (member: string) => string;
  /** What components may have their nodes do. */
  readonly permissions: ComponentPermissions;
}

/** The sandbox for programs that come in bundles; undefined, which is told once, where there is none. */
function sandboxFor(kind: RuntimeHostKind, log: Log): () => Sandbox | "none" | undefined {
  let found: Sandbox | "none" | undefined;
  let tried = false;
  return () => {
    if (kind === "process") return "none";
    if (tried) return found;
    tried = true;
    try {
      found = Sandbox.open();
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      log.error("versions that come in bundles are not hosted; --runtime-host process runs them without a sandbox", {
        error: error.message,
      });
    }
    return found;
  };
}

function isThis({ id, version, bundleHash = new Uint8Array(0) }: RuntimeDeployment, site: HostSite): boolean {
  const { bundleChecksum, version: wanted } = site.deployment;
  if (!equalBytes(id, site.runtimeId) || compareVersions(wanted, version) !== 0) return false;
  return bundleChecksum.length === 0 || equalBytes(bundleChecksum, bundleHash);
}

/**
 * Hosts versions of runtimes that the network was not started with: what is installed in bundles. They always run in
 * processes of their own, in the sandbox unless the user has decided against it.
 * @param missing told of bundles that are needed and not installed
 */
export function withBundles(
  own: readonly OwnHosts[],
  { kind, store, log }: BundledHostsOptions,
  missing: (bundleHash: Uint8Array) => void,
): Provision {
  const open = sandboxFor(kind, log);
  return (member, site) => {
    const { runtimeId, deployment } = site;
    const { version, bundleChecksum } = deployment;
    const first = own.find(({ runtime }) => isThis(runtime, site));
    if (first !== undefined) return first.provision(member, site);
    const path = store.executableOf(runtimeId, version, bundleChecksum);
    if (path === undefined) {
      if (bundleChecksum.length > 0) missing(bundleChecksum);
      return undefined;
    }
    const sandbox = open();
    if (sandbox === undefined) return undefined;
    const runtimeLog = log.child(`${member.name}/runtime ${versionToText(version)}`);
    const launcher = new ProcessLauncher({ path, sandbox: sandbox === "none" ? undefined : sandbox, log: runtimeLog });
    return new ProcessHost({ ...site, launcher, version, entropy: systemEntropy });
  };
}

/** Off-chain logic of a runtime that lies in the store. */
interface StoredComponent {
  readonly component: Component;
  readonly path: string;
  /** Whether its bundle brings nothing else, so that it was installed for its own sake. */
  readonly detached: boolean;
}

/** Of each component that can run here the newest version. */
function newestComponents(store: BundleStore, runtimeId: Uint8Array): StoredComponent[] {
  const newest = new Map<string, StoredComponent>();
  for (const { manifest, folder } of store.list()) {
    if (!equalBytes(manifest.id, runtimeId)) continue;
    const detached = onChainComponent(manifest) === undefined;
    for (const component of componentsOf(manifest)) {
      const file = component.elf?.executable ?? component.executable;
      if (component.kind !== ROFL || component.disabled || file === "") continue;
      const known = newest.get(component.name);
      if (known !== undefined && compareVersions(known.component.version, component.version) >= 0) continue;
      newest.set(component.name, { component, path: join(folder, file), detached });
    }
  }
  return Array.from(newest.values());
}

/**
 * Hosts off-chain logic that installed bundles bring for a runtime: on compute nodes, or on all when a bundle brings
 * nothing else; and what such logic has itself added to its node. It runs in processes of its own as versions from
 * bundles do.
 */
export function bundledComponents(options: BundledComponentsOptions): LocalNetworkOptions["components"] {
  const { kind, store, log, folderOf, permissions } = options;
  const open = sandboxFor(kind, log);
  const host = (path: string, ownLog: Log, version?: Version): ComponentOffer["provision"] | undefined => {
    const sandbox = open();
    if (sandbox === undefined) return undefined;
    const found = sandbox === "none" ? undefined : sandbox;
    const launcher = new ProcessLauncher({ path, sandbox: found, network: true, log: ownLog });
    return (site) => new ProcessHost({ ...site, launcher, version, entropy: systemEntropy });
  };
  return (member, runtimeId) => {
    const kept = new MemberComponents({
      folder: folderOf(member.name),
      runtimeId,
      permissions,
      log: log.child(member.name),
      provision: ({ path }, ownLog) => host(path, ownLog),
    });
    const installed = newestComponents(store, runtimeId).flatMap(({ component, path, detached }): ComponentOffer[] => {
      if (!detached && member.kind !== "compute") return [];
      const { name, version } = component;
      const provision = host(path, kept.logOf(name), version);
      return provision === undefined ? [] : [{ name, provision, management: kept.managementOf(name) }];
    });
    return [...installed, ...kept.offers];
  };
}
