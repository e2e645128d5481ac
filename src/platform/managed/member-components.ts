/** What one node keeps for its off-chain logic, and what it lets it do. */
import { join } from "node:path";
import { toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { SortedMap } from "#common/sorted-map.js";
import { componentIdOf, ROFL } from "#runtime/bundle/component.js";
import type { Labels } from "#runtime/component/api.js";
import type { ComponentFleet, ComponentOffer } from "#worker/component/component.js";
import { type ComponentManagement, type Permission, PERMISSIONS } from "#worker/component/management.js";
import { LogStore } from "./component-log.js";
import { ManagedBundleStore, type ManagedComponent } from "./managed-bundles.js";
import { VolumeStore } from "./volume-store.js";

/** What components may do, by name. */
export type ComponentPermissions = ReadonlyMap<string, readonly Permission[]>;

/**
 * Reads words such as `manager=bundle_add,log_view`.
 *
 * @throws InvalidInput naming the word
 */
export function parsePermissions(words: readonly string[]): ComponentPermissions {
  const found = new Map<string, readonly Permission[]>();
  for (const word of words) {
    const [name = "", list = "", ...rest] = word.split("=");
    const named = list.split(",").map((text) => PERMISSIONS.find((permission) => permission === text));
    const permissions = named.filter((permission) => permission !== undefined);
    if (name === "" || rest.length > 0 || permissions.length < named.length) {
      const known = PERMISSIONS.join(", ");
      throw new InvalidInput("--permit", `expected COMPONENT=PERMISSION,… with permissions of ${known}, got "${word}"`);
    }
    found.set(name, [...(found.get(name) ?? []), ...permissions]);
  }
  return found;
}

export interface MemberComponentsOptions {
  /** Folder of the node's data. */
  readonly folder: string;
  readonly runtimeId: Uint8Array;
  readonly permissions: ComponentPermissions;
  readonly log: Log;
  /** Makes the host of a component that another one has added. */
  readonly provision: (component: ManagedComponent, log: Log) => ComponentOffer["provision"] | undefined;
}

const NO_LABELS: Labels = SortedMap.text<string>();

/** The managers of one runtime's components on one node. */
export class MemberComponents {
  private readonly bundles: ManagedBundleStore;
  private readonly volumes: VolumeStore;
  private readonly logs: LogStore;

  constructor(private readonly options: MemberComponentsOptions) {
    const { folder, runtimeId } = options;
    const runtime = toHex(runtimeId);
    this.volumes = new VolumeStore(join(folder, "runtimes", "volumes"));
    this.logs = new LogStore(join(folder, "runtimes", "logs", runtime));
    this.bundles = new ManagedBundleStore({
      folder: join(folder, "runtimes", "managed", runtime),
      runtimeId,
      offer: (component) => this.offerOf(component),
      removed: (componentId) => this.logs.remove(componentId),
    });
  }

  /** The log of a component: its lines can be looked at by whoever has added it. */
  logOf(name: string): Log {
    return this.logs.keep(componentIdOf({ kind: ROFL, name }), this.options.log.child(name));
  }

  /** What a component may have the node do. */
  managementOf(name: string, labels: Labels = NO_LABELS): (fleet: ComponentFleet) => ComponentManagement {
    return (fleet) => {
      this.bundles.fleet = fleet;
      const { bundles, volumes, logs } = this;
      return { permissions: this.options.permissions.get(name) ?? [], labels, bundles, volumes, logs };
    };
  }

  /** Components that others have added earlier. */
  get offers(): ComponentOffer[] {
    return this.bundles.offers;
  }

  private offerOf(component: ManagedComponent): ComponentOffer | undefined {
    const { name, labels } = component;
    const provision = this.options.provision(component, this.logOf(name));
    return provision && { name, provision, management: this.managementOf(name, labels) };
  }
}
