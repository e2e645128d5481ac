import { equalBytes } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { compareVersions, versionToText } from "#common/version.js";
import type { RuntimeDeployment } from "#network/fixture.js";
import type { LocalNetworkOptions } from "#network/local-network.js";
import type { BundleStore } from "#platform/bundle-store.js";
import { systemEntropy } from "#platform/entropy.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { Sandbox } from "#platform/sandbox.js";
import { ProcessHost } from "#runtime/host/process.js";
import type { RuntimeHostKind } from "./options.js";

type Provision = LocalNetworkOptions["provision"];

export interface BundledHostsOptions {
  /** The version that the network's own provisioner hosts. */
  readonly own: RuntimeDeployment;
  readonly kind: RuntimeHostKind;
  readonly store: BundleStore;
  readonly log: Log;
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

/**
 * Hosts versions of the runtime that the network was not started with: what is installed in bundles. They always run in
 * processes of their own, in the sandbox unless the user has decided against it.
 */
export function withBundles(own: Provision, { own: first, kind, store, log }: BundledHostsOptions): Provision {
  const open = sandboxFor(kind, log);
  return (member, site) => {
    const { runtimeId, deployment } = site;
    const { version, bundleChecksum } = deployment;
    const isOwn =
      compareVersions(version, first.version) === 0 &&
      (bundleChecksum.length === 0 || equalBytes(bundleChecksum, first.bundleHash ?? new Uint8Array(0)));
    if (isOwn) return own(member, site);
    const path = store.executableOf(runtimeId, version, bundleChecksum);
    if (path === undefined) return undefined;
    const sandbox = open();
    if (sandbox === undefined) return undefined;
    const runtimeLog = log.child(`${member.name}/runtime ${versionToText(version)}`);
    const launcher = new ProcessLauncher({ path, sandbox: sandbox === "none" ? undefined : sandbox, log: runtimeLog });
    return new ProcessHost({ ...site, launcher, version, entropy: systemEntropy });
  };
}
