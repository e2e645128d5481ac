import type { Clock } from "#common/ports/clock.js";
import type { Backend } from "#consensus/backends/backend.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import type { UpgradeManager } from "#consensus/services/upgrades/index.js";
import type { Node } from "../node.js";
import type { ComponentStatus } from "./control-methods.js";

/** What the methods of a node's client API answer from. */
export interface HandlerOptions {
  readonly backend: Backend;
  /** The document that the chain started from. */
  readonly genesis: GenesisDocument;
  /** The node that answers. */
  readonly node: Node;
  /** Name and version of this program, e.g. "qanat/0.1.0". */
  readonly softwareVersion: string;
  readonly clock: Clock;
  /** Whether methods are allowed that only development and tests need; not when absent. */
  readonly debug?: boolean;
  /** The node's own memory of upgrades; without it none can be ordered. */
  readonly upgrades?: UpgradeOrders;
  /**
   * Unpacks a bundle that lies on the node's machine; without it the node takes none.
   *
   * @throws BundleRefused saying what is wrong with it, InvalidInput when it is not there
   */
  readonly addBundle?: (path: string) => Promise<void>;
  /** Components of a runtime that lie on the node's machine in bundles; none when absent. */
  readonly installed?: (runtimeId: Uint8Array) => readonly ComponentStatus[];
  /** How the node runs programs, e.g. "sandbox"; not told when absent. */
  readonly provisioner?: string;
}

/** Orders of the node's operator about upgrades; `UpgradeManager` takes them. */
export type UpgradeOrders = Pick<UpgradeManager, "upgrades" | "submit" | "cancel">;
