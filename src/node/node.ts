import { equalBytes } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { Disk } from "#common/ports/disk.js";
import type { World } from "#common/ports/world.js";
import type { Backend } from "#consensus/backends/backend.js";
import { Submitter } from "#consensus/submission.js";
import type { P2pHost } from "#p2p/host.js";
import { hasRoles, ROLE_COMPUTE, ROLE_STORAGE, ROLE_STORAGE_RPC } from "#common/node-roles.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import type { ComponentOffer } from "#worker/component/component.js";
import { BeaconProver } from "#worker/beacon/prover.js";
import { BackendReader } from "#worker/consensus-reader.js";
import type { Conduct } from "#worker/executor/outlet.js";
import type { HostSite } from "#worker/options.js";
import type { NodeOffer } from "#worker/registration/descriptor.js";
import { type RegistrationAttempts, RegistrationWorker } from "#worker/registration/registration.js";
import type { RuntimeStorage } from "#worker/runtime-storage.js";
import type { RoundRetention } from "#worker/storage/round-pruner.js";
import { RuntimeWorker } from "#worker/runtime-worker.js";
import { StorageWorker } from "#worker/storage-worker.js";
import type { Identity } from "./identity.js";

/** A runtime that a node serves or follows. */
export interface NodeRuntimeOptions {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** The node's own disk for this runtime. */
  readonly disk: Disk;
  /** Makes the host of a version; undefined when the node does not have it. */
  readonly provision: (site: HostSite) => RuntimeHost | undefined;
  /** How the node behaves in committees, if not honestly. */
  readonly conduct?: Conduct | undefined;
  /** Off-chain logic beside the runtime. */
  readonly components?: readonly ComponentOffer[] | undefined;
}

/** A runtime that a storage node keeps. */
export type NodeStorageOptions = Pick<NodeRuntimeOptions, "id" | "disk">;

/** How a node is put together. */
export interface NodeOptions {
  readonly name: string;
  readonly identity: Identity;
  readonly world: World;
  readonly backend: Backend;
  readonly p2p: P2pHost;
  /** What the node registers; absent for nodes that only follow. */
  readonly offer?: NodeOffer | undefined;
  readonly runtimes: readonly NodeRuntimeOptions[];
  /** Which rounds of its runtimes the node keeps; all when absent. */
  readonly retention?: RoundRetention | undefined;
  /** Runtimes whose rounds the node keeps without hosting them; only storage nodes do. */
  readonly stored?: readonly NodeStorageOptions[];
}

/** One node: an identity, its own storage and the workers of its roles, on top of a consensus backend. */
export class Node {
  readonly name: string;
  readonly identity: Identity;
  private readonly workers: RuntimeWorker[] = [];
  /** Runtimes that are stored here but not hosted. */
  readonly stored: readonly StorageWorker[];
  /** Sends transactions of the node's own key. */
  readonly submitter: Submitter;
  private readonly runtimeIds: Uint8Array[] = [];
  private readonly world: World;
  private readonly registration: RegistrationWorker | undefined;
  private readonly prover: BeaconProver | undefined;

  constructor(private readonly options: NodeOptions) {
    const { name, identity, backend, p2p, offer, retention } = options;
    const log = options.world.log.child(name);
    const world: World = { ...options.world, log };
    this.world = world;
    this.name = name;
    this.identity = identity;
    const submitter = new Submitter(backend, identity.node, world.clock);
    this.submitter = submitter;
    const publicStorage = offersPublicStorage(offer);
    for (const runtime of options.runtimes) this.add(runtime);
    const common = { world, backend, p2p, signer: identity.node, submitter, retention, publicStorage };
    this.stored = (options.stored ?? []).map(({ id, disk }) => new StorageWorker({ ...common, runtimeId: id, disk }));
    if (offer !== undefined) {
      const runtimes = (): NodeOffer["runtimes"] => this.offered(offer);
      const available = (): boolean => this.isAvailable;
      const { clock } = world;
      this.registration = new RegistrationWorker({ backend, submitter, offer, runtimes, available, clock, log });
      this.prover = new BeaconProver({ backend, submitter, vrf: identity.vrf, log });
    }
  }

  private add({ id, disk, provision, conduct, components }: NodeRuntimeOptions): RuntimeWorker {
    const { backend, p2p, identity, offer, retention } = this.options;
    const { submitter, world } = this;
    const executes = offer !== undefined && hasRoles(offer.roles, ROLE_COMPUTE);
    const worker = new RuntimeWorker({
      world,
      backend,
      p2p,
      signer: identity.node,
      retention,
      publicStorage: offersPublicStorage(offer),
      runtimeId: id,
      disk,
      provision,
      components,
      versionsChanged: () => this.registration?.renew(),
      consensusReader: new BackendReader(backend, submitter),
      ...(executes ? { executor: { submitter, conduct } } : {}),
      vouching: offer !== undefined && hasRoles(offer.roles, ROLE_STORAGE) ? { submitter } : undefined,
    });
    this.workers.push(worker);
    this.runtimeIds.push(id);
    return worker;
  }

  /** Serves or follows one more runtime while the node runs; resolves when its worker has started. */
  async host(runtime: NodeRuntimeOptions): Promise<void> {
    if (this.runtime(runtime.id) !== undefined) throw new Fault(`${this.name} hosts this runtime already`);
    await this.add(runtime).start();
    this.registration?.renew();
  }

  /** Where the node says it can be reached; undefined for nodes that only follow. */
  get address(): NodeOffer["address"] | undefined {
    return this.options.offer?.address;
  }

  /** The node's end of the peer-to-peer network. */
  get p2p(): P2pHost {
    return this.options.p2p;
  }

  /** Workers of the runtimes that the node serves or follows. */
  get runtimes(): readonly RuntimeWorker[] {
    return this.workers;
  }

  /** What is registered: of each runtime that a worker serves its versions, of others what was offered. */
  private offered({ runtimes }: NodeOffer): NodeOffer["runtimes"] {
    const others = runtimes.filter(({ id }) => this.runtime(id) === undefined);
    const served = this.runtimeIds.flatMap((id, i) => {
      const { versions, storage } = this.workers[i] as RuntimeWorker;
      const hosted = this.workers.length === 1 || storage.isAvailable ? versions : [];
      return hosted.map((version) => ({ id, version }));
    });
    return [...served, ...others];
  }

  /** Whether the node can serve: with several runtimes, one that does not run must not keep it from the others. */
  private get isAvailable(): boolean {
    const { workers, stored } = this;
    const hosts = workers.length === 0 || workers.some(({ isAvailable }) => isAvailable);
    return hosts && stored.every(({ isAvailable }) => isAvailable);
  }

  /** How the node's attempts to register have gone; undefined for nodes that only follow. */
  get registrationAttempts(): RegistrationAttempts | undefined {
    return this.registration?.attempts;
  }

  /** The worker of a runtime; undefined when the node neither serves nor follows it. @param id 32 bytes */
  runtime(id: Uint8Array): RuntimeWorker | undefined {
    return this.runtimes[this.runtimeIds.findIndex((other) => equalBytes(other, id))];
  }

  /** What the node keeps of a runtime; undefined when it keeps nothing. @param id 32 bytes */
  storage(id: Uint8Array): RuntimeStorage | undefined {
    const all = [...this.runtimes, ...this.stored].map(({ storage }) => storage);
    return all.find(({ db }) => equalBytes(db.namespace, id));
  }

  /** Runtimes with their workers. */
  *entries(): Generator<[id: Uint8Array, worker: RuntimeWorker], void, void> {
    for (const [i, worker] of this.runtimes.entries()) yield [this.runtimeIds[i] as Uint8Array, worker];
  }

  /** Starts the runtimes first, because a node registers only what it can serve. */
  async start(): Promise<void> {
    await Promise.all([...this.runtimes, ...this.stored].map((worker) => worker.start()));
    await this.registration?.start();
    await this.prover?.start();
  }

  async stop(): Promise<void> {
    await this.prover?.stop();
    await this.registration?.stop();
    await Promise.all([...this.runtimes, ...this.stored].map((worker) => worker.stop()));
  }
}

function offersPublicStorage(offer: NodeOffer | undefined): boolean {
  return offer !== undefined && hasRoles(offer.roles, ROLE_STORAGE_RPC);
}
