import { Fault } from "#common/errors/index.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { hasRoles, ROLE_VALIDATOR } from "#common/node-roles.js";
import type { Disk } from "#common/ports/disk.js";
import type { World } from "#common/ports/world.js";
import { Application } from "#consensus/app/app.js";
import type { DebugSwitches } from "#consensus/app/context.js";
import { STATE_NAMESPACE } from "#consensus/app/state-root.js";
import { EmbeddedBackend, type Pace } from "#consensus/backends/embedded/embedded.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { engineBlockParams, genesisInput } from "#consensus/genesis/start.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "#consensus/services/index.js";
import { UpgradeManager } from "#consensus/services/upgrades/index.js";
import { getFutureEpoch } from "#consensus/services/beacon/queries.js";
import { getCommittees } from "#consensus/services/scheduler/queries.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { Node, type NodeRuntimeOptions } from "#node/node.js";
import { engineParams } from "#node/rpc/engine-params.js";
import { MemoryNetwork, type MemoryNetworkOptions } from "#p2p/memory-network.js";
import type { P2pHost } from "#p2p/host.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import type { ComponentOffer } from "#worker/component/component.js";
import type { HostSite } from "#worker/options.js";
import type { RoundRetention } from "#worker/storage/round-pruner.js";
import { STORAGE_APPLY } from "#worker/storage/receipts/protocol.js";
import { switchedConduct } from "./byzantine/conduct.js";
import { MisbehavingP2p } from "./byzantine/misbehaving-p2p.js";
import { LyingHost } from "./byzantine/lying-host.js";
import type { ByzantineSwitches } from "./byzantine/switches.js";
import { memberOffer } from "./fixture.js";
import { NoCommittee, type NodeAccount } from "./no-committee.js";
import type { Member } from "./topology.js";

/** A development chain: test keys sign, debug parameters are allowed. */
export const DEBUG_SWITCHES: DebugSwitches = { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true };
/** Blocks within which the first committee must be there: several epochs. */
const MAX_FIRST_BLOCKS = 1000;
/** Pause between two looks at runtimes that do not run yet, in milliseconds. */
const LOOK_AGAIN_MS = 50;

/** The world of a whole network: besides clock and entropy it has a disk for each part. */
export interface NetworkWorld extends World {
  /** Opens the disk of a part of the network, e.g. "consensus" or "compute-0". */
  openDisk(name: string): Disk;
  /** Resolves after everything that is ready to run now has run. */
  settle(): Promise<void>;
}

/** How a local network is put together. */
export interface LocalNetworkOptions {
  readonly world: NetworkWorld;
  readonly genesis: GenesisDocument;
  readonly members: readonly Member[];
  /** The runtime whose committee is waited for; without one the network has none. */
  readonly runtimeId?: Uint8Array | undefined;
  /** Runtimes that compute and client nodes host besides, as soon as they are registered. */
  readonly moreRuntimes?: readonly Uint8Array[];
  /** Starts of the runtime that may fail on all compute nodes before the network gives up; it never does when absent. */
  readonly patience?: number | undefined;
  readonly pace: Pace;
  /** Consensus heights kept before the latest; all when undefined. */
  readonly keep?: number | undefined;
  /** Which rounds of the runtime each node keeps; all when absent. */
  readonly retention?: RoundRetention | undefined;
  /** Makes the runtime host of a member for a version; undefined when the member does not have it. */
  readonly provision: (member: Member, site: HostSite) => RuntimeHost | undefined;
  /** Off-chain logic beside the runtime of a member; none when absent. */
  readonly components?: (member: Member, runtimeId: Uint8Array) => readonly ComponentOffer[];
  /** Lets compute nodes misbehave; all are honest when absent. */
  readonly byzantine?: ByzantineSwitches | undefined;
  /** Decides what becomes of messages between nodes; all arrive when absent. */
  readonly fate?: MemoryNetworkOptions["fate"];
}

/** A whole network in one process: every node a real one, all on one consensus application. */
export class LocalNetwork {
  readonly backend: EmbeddedBackend;
  readonly nodes: readonly Node[];
  /** The process's memory of upgrades, and where its operator orders them. */
  readonly upgrades: UpgradeManager;
  private readonly disks: Disk[] = [];
  private starting: Promise<void> = Promise.resolve();
  private isStarting = false;
  private stopping = false;

  constructor(private readonly options: LocalNetworkOptions) {
    const { world, genesis, members, runtimeId, pace, keep } = options;
    const disk = this.open("consensus");
    this.upgrades = new UpgradeManager(disk.openTable("upgrades"));
    const start = genesisInput(genesis);
    const app = new Application({
      services: EXECUTION_ORDER,
      subscriptionOrder: SUBSCRIPTION_ORDER,
      db: new DiskNodeDb({ disk, name: "state", namespace: STATE_NAMESPACE }),
      genesis: start,
      debug: DEBUG_SWITCHES,
      upgrader: this.upgrades,
    });
    this.backend = new EmbeddedBackend({
      app,
      disk,
      clock: world.clock,
      log: world.log.child("consensus"),
      genesisValidators: start.validators,
      genesisTime: start.time,
      blockParams: engineBlockParams(genesis),
      evidenceParams: engineParams(genesis).evidence,
      signers: members.filter((m) => hasRoles(m.roles, ROLE_VALIDATOR)).map((m) => m.identity.consensus),
      pace,
      keep,
      // Between the last block of an epoch and the first of the next, committees have to wait.
      isDue: () => getFutureEpoch(app.stateAt(0n))?.height === app.height + 1n,
    });
    const streams = new MemoryNetwork({ clock: world.clock, log: world.log.child("p2p"), fate: options.fate });
    this.nodes = members.map((member, i) => {
      const { name, identity, roles, kind } = member;
      const p2p = streams.connect(identity.p2p.publicKey);
      const hosted = runtimeId === undefined || !serves(member) ? [] : [runtimeId, ...(options.moreRuntimes ?? [])];
      return new Node({
        name,
        identity,
        world,
        backend: this.backend,
        p2p: this.damageable(name, p2p),
        offer: roles === 0 ? undefined : memberOffer(member, i, runtimeId),
        runtimes: hosted.map((id) => this.runtimeOf(member, id)),
        retention: options.retention,
        stored: kind === "storage" && runtimeId !== undefined ? [{ id: runtimeId, disk: this.open(name) }] : [],
      });
    });
  }

  private open(name: string): Disk {
    const disk = this.options.world.openDisk(name);
    this.disks.push(disk);
    return disk;
  }

  /** A runtime on a node: the first has the node's own disk, each other one of its own. */
  private runtimeOf(member: Member, id: Uint8Array): NodeRuntimeOptions {
    const { runtimeId = id, provision, components } = this.options;
    const { name, kind } = member;
    const honest = {
      id,
      disk: this.open(equalBytes(id, runtimeId) ? name : `${name}.${toHex(id)}`),
      provision: (site: HostSite) => provision(member, site),
      components: components?.(member, id),
    };
    return kind === "compute" ? this.temptable(name, honest) : honest;
  }

  /** Hosts a runtime on all compute and client nodes from now on; without effect where that is so already. */
  async host(id: Uint8Array): Promise<void> {
    const { members } = this.options;
    const missing = this.nodes.filter((node, i) => serves(members[i] as Member) && node.runtime(id) === undefined);
    await Promise.all(
      missing.map((node) => node.host(this.runtimeOf(members[this.nodes.indexOf(node)] as Member, id))),
    );
  }

  /** A runtime on a node that misbehaves when its switches say so. */
  private temptable(name: string, honest: NodeRuntimeOptions): NodeRuntimeOptions {
    const { byzantine } = this.options;
    if (byzantine === undefined) return honest;
    const lies = (): boolean => byzantine.has(name, "wrong-results");
    return {
      ...honest,
      provision(site) {
        const host = honest.provision(site);
        return host && new LyingHost(host, site.port, lies);
      },
      conduct: switchedConduct(name, byzantine),
    };
  }

  private damageable(name: string, honest: P2pHost): P2pHost {
    const { byzantine } = this.options;
    if (byzantine === undefined) return honest;
    return new MisbehavingP2p(honest, {
      damages: () => byzantine.has(name, "bad-messages"),
      ignores: (protocol) => byzantine.has(name, "no-store") && protocol.includes(`/${STORAGE_APPLY.name}/`),
    });
  }

  /** A node by its name. */
  node(name: string): Node {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Fault(`no node is called ${name}`);
    return found;
  }

  /** Whether the runtime has an executor committee, or there is none to wait for. */
  private get hasCommittee(): boolean {
    const { runtimeId } = this.options;
    if (runtimeId === undefined) return this.backend.latestHeight > 0n;
    return getCommittees(this.backend.stateAt(0n), runtimeId).length > 0;
  }

  /**
   * Starts all nodes and makes blocks back to back until a committee exists: registrations and proofs are real, only
   * nobody waits for the clock. From then on blocks are made at the network's pace.
   * @param running called once when all nodes run and take transactions, before there is a committee
   * @throws NoCommittee when the runtime does not start, or nobody can be elected
   */
  start(running: () => void = () => undefined): Promise<void> {
    const starting = this.begin(running);
    this.isStarting = true;
    this.starting = starting.then(
      () => void (this.isStarting = false),
      () => undefined,
    );
    return starting;
  }

  private async begin(running: () => void): Promise<void> {
    const { world, runtimeId } = this.options;
    await Promise.all(this.nodes.map((node) => node.start()));
    await world.settle();
    running();
    if (runtimeId !== undefined && !this.hasCommittee) await this.runtimeRuns(runtimeId);
    const first = this.backend.latestHeight;
    await this.backend.produceUntil(
      () => this.stopping || this.hasCommittee,
      async () => {
        if (runtimeId !== undefined && this.backend.latestHeight - first > BigInt(MAX_FIRST_BLOCKS)) {
          throw new NoCommittee(runtimeId, `after ${MAX_FIRST_BLOCKS} blocks`, this.accounts(runtimeId));
        }
        await world.settle();
      },
    );
    if (!this.stopping) await this.backend.start();
  }

  private accounts(runtimeId: Uint8Array): NodeAccount[] {
    return this.nodes.flatMap((node) => {
      const worker = node.runtime(runtimeId);
      if (worker === undefined || node.registrationAttempts === undefined) return [];
      const { trouble, versions } = worker;
      return [{ name: node.name, trouble, versions, registrationError: node.registrationAttempts.lastError }];
    });
  }

  /** Resolves when some compute node's runtime runs, or when waiting for it makes no sense. */
  private async runtimeRuns(runtimeId: Uint8Array): Promise<void> {
    const { patience = Number.MAX_SAFE_INTEGER, world } = this.options;
    while (!this.stopping) {
      const accounts = this.accounts(runtimeId);
      if (accounts.some(({ trouble }) => trouble === undefined)) return;
      if (accounts.every(({ trouble }) => (trouble?.starts ?? 0) >= patience)) {
        throw new NoCommittee(runtimeId, "its program does not start", accounts);
      }
      await new Promise<void>((resolve) => void world.clock.setTimer(LOOK_AGAIN_MS, resolve));
    }
  }

  /** Stops all nodes; of a network that is still starting what is under way is waited for. */
  async stop(): Promise<void> {
    this.stopping = true;
    // Nobody waits for runtimes any more that are just being started.
    const hosts = this.nodes.flatMap((node) => node.runtimes.map(({ host }) => host));
    if (this.isStarting) await Promise.all(hosts.map((host) => host.stop()));
    await this.starting;
    await this.backend.stop();
    await Promise.all(this.nodes.map((node) => node.stop()));
    for (const disk of this.disks) disk.close();
  }
}

/** Whether a member hosts runtimes. */
function serves({ kind }: Member): boolean {
  return kind === "compute" || kind === "client";
}
