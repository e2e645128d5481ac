import type { Signer } from "#common/crypto/signature.js";
import type { Disk } from "#common/ports/disk.js";
import type { World } from "#common/ports/world.js";
import type { Version } from "#common/version.js";
import type { VersionInfo } from "#consensus/services/registry/types/runtime.js";
import type { Backend, Inclusion } from "#consensus/backends/backend.js";
import type { P2pHost } from "#p2p/host.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import type { InProcessHostOptions } from "#runtime/host/in-process.js";
import type { ConsensusReader } from "#runtime/host/host-handler.js";
import type { ComponentOffer } from "./component/component.js";
import type { Conduct } from "./executor/outlet.js";
import type { RoundRetention } from "./storage/round-pruner.js";
import type { TxPoolLimits } from "./txpool/limits.js";

/** Where a runtime is to be hosted: all that a host needs except the runtime itself. */
export interface HostSite extends Omit<InProcessHostOptions, "program"> {
  /** Which version is to be hosted. */
  readonly deployment: VersionInfo;
}

/** Puts transactions of the node's key into blocks; `Submitter` does. */
export interface TransactionSubmitter {
  submit(method: string, body: Uint8Array): Promise<Inclusion>;
}

/** One runtime on one node. */
export interface RuntimeWorkerOptions {
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  readonly world: World;
  readonly backend: Backend;
  /** The node's own end of the peer-to-peer network. */
  readonly p2p: P2pHost;
  /** The node's own disk: block history, trees and local storage of the runtime are tables of it. */
  readonly disk: Disk;
  /** The node's identity: it signs proposals and commitments. */
  readonly signer: Signer;
  /**
   * Makes the host of a version of the runtime, e.g. an `InProcessHost` with a program. Undefined when the node does not
   * have that version; it is asked again.
   */
  readonly provision: (site: HostSite) => RuntimeHost | undefined;
  /** Told when the versions that the node can serve are others than before, or when it can serve them at last. */
  readonly versionsChanged?: () => void;
  /** Present on nodes that serve in committees; commitments go through it. */
  readonly executor?: { readonly submitter: TransactionSubmitter; readonly conduct?: Conduct | undefined };
  /** Present if the node is a storage node besides: it gives receipts then, and answers challenges. */
  readonly vouching?: { readonly submitter: TransactionSubmitter } | undefined;
  /** Which rounds are kept; all when absent. */
  readonly retention?: RoundRetention | undefined;
  /** Whether everybody may read the runtime's trees with proofs. */
  readonly publicStorage?: boolean;
  /** What the runtime may read of the consensus layer; requests for it are refused when absent. */
  readonly consensusReader?: ConsensusReader;
  /** Off-chain logic beside the runtime. */
  readonly components?: readonly ComponentOffer[] | undefined;
  /** Limits of the transaction pool, where they differ from the defaults. */
  readonly pool?: Partial<TxPoolLimits>;
}

/** A member's part in the committee. */
export type CommitteeMembership = "worker" | "backup-worker" | "none";

/** What a node knows of one of its runtimes. */
export interface RuntimeStatus {
  readonly latestRound: bigint | undefined;
  readonly syncedRound: bigint | undefined;
  readonly membership: CommitteeMembership;
  /** Version of the hosted runtime; undefined while it does not run. */
  readonly version: Version | undefined;
  readonly pendingTransactions: number;
}

/** How a round came to its end: by agreement, by the backup workers after a dispute, or by failure. */
export type FinalizedBy = "workers" | "backup" | "timeout";

/** A round that has ended, normally or in failure. */
export interface RoundReport {
  readonly round: bigint;
  /** Consensus height at which it ended. */
  readonly height: bigint;
  /** How many transactions it has. */
  readonly transactions: number;
  readonly finalizedBy: FinalizedBy;
}
