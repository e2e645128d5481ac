import { toHex } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Disk } from "#common/ports/disk.js";
import type { World } from "#common/ports/world.js";
import type { Backend } from "#consensus/backends/backend.js";
import type { P2pHost } from "#p2p/host.js";
import type { BlockHistory } from "#runtime/history/block-history.js";
import type { TransactionSubmitter } from "./options.js";
import { RuntimeStorage } from "./runtime-storage.js";
import type { RoundRetention } from "./storage/round-pruner.js";

/** One runtime on a storage node. */
export interface StorageWorkerOptions {
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  readonly world: World;
  readonly backend: Backend;
  /** The node's own end of the peer-to-peer network. */
  readonly p2p: P2pHost;
  /** The node's own disk. */
  readonly disk: Disk;
  /** Which rounds are kept; all when absent. */
  readonly retention?: RoundRetention | undefined;
  /** Whether everybody may read the runtime's trees with proofs. */
  readonly publicStorage?: boolean;
  /** The node's identity: it signs receipts. */
  readonly signer: Signer;
  /** Sends its answers to challenges. */
  readonly submitter: TransactionSubmitter;
}

/** One runtime on a storage node, which keeps rounds, signs that it does and serves them. It executes nothing. */
export class StorageWorker {
  readonly storage: RuntimeStorage;

  constructor(options: StorageWorkerOptions) {
    const { runtimeId, world, backend, p2p, disk, signer, submitter } = options;
    this.storage = new RuntimeStorage({
      runtimeId,
      backend,
      p2p,
      disk,
      clock: world.clock,
      log: world.log.child(`runtime ${toHex(runtimeId).slice(-8)}`),
      use: options.publicStorage === true ? "look-up" : "follow",
      serves: true,
      retention: options.retention,
      public: options.publicStorage,
      vouching: { signer, submitter },
      happened: () => undefined,
      synced: () => undefined,
    });
  }

  /** Blocks of the runtime. */
  get history(): BlockHistory {
    return this.storage.history;
  }

  /** Whether the node has most of the rounds. */
  get isAvailable(): boolean {
    return this.storage.isAvailable;
  }

  /** Resolves when the blocks of the chain are recorded; missing trees may still be on their way. */
  start(): Promise<void> {
    return this.storage.start();
  }

  async stop(): Promise<void> {
    await this.storage.stop();
    this.storage.close();
  }
}
