import { performance } from "node:perf_hooks";
import { setImmediate as immediate } from "node:timers/promises";
import { equalBytes } from "#common/bytes.js";
import { timestampToText } from "#common/schema/index.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import { DEFAULT_PACE } from "#consensus/backends/embedded/embedded.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { getAnyRuntime } from "#consensus/services/registry/state.js";
import { activeDeployment } from "#consensus/services/registry/types/deployments.js";
import { getCommittees } from "#consensus/services/scheduler/queries.js";
import { COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import { parseSwitches } from "#network/byzantine/switches.js";
import { type RuntimeDeployment, SOFTWARE_VERSION } from "#network/fixture.js";
import { IncidentReader } from "#network/incidents.js";
import { Load } from "#network/load.js";
import { LocalNetwork, type NetworkWorld } from "#network/local-network.js";
import { ReceiptReader, type RoundReceipts } from "#network/receipts.js";
import { buildHandler } from "#node/rpc/index.js";
import { BundleStore } from "#platform/bundle-store.js";
import { systemClock } from "#platform/clock.js";
import { DataFolder } from "#platform/data-folder.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { systemEntropy } from "#platform/entropy.js";
import { listenGrpc } from "#platform/grpc-server.js";
import { listenGrpcWeb } from "#platform/grpc-web.js";
import { lineLog } from "#platform/log.js";
import { MemoryPeak } from "#platform/memory.js";
import type { RuntimeWorker } from "#worker/runtime-worker.js";
import type { NetOptions } from "./options.js";
import {
  type IncidentCounts,
  type IncidentReport,
  jsonReporter,
  type Reporter,
  type Status,
  textReporter,
} from "./reporter.js";
import { bundledComponents, withBundles } from "./bundled-hosts.js";
import { openProgram } from "./program.js";
import { type Provisioner, provisionerOf, provisionerOfProgram } from "./runtime-host.js";
import { OWN_RUNTIME, setUpNetwork } from "./setup.js";

const CLIENT = "client-0";
const SOCKET = "internal.sock";
const LOAD_EVERY_MS = 250;

/** Counts what happened and tells it to the reporter. */
class Observer {
  private blocks = 0;
  private rounds = 0;
  private transactions = 0;
  private firstBlockMs: number | undefined;
  private firstRoundMs: number | undefined;
  private round: bigint | undefined;
  private readonly incidents: IncidentCounts = { discrepancies: 0, resolved: 0, slashed: 0n };
  private readonly incidentReader: IncidentReader;
  private readonly receiptReader: ReceiptReader;
  private receipts = 0;

  constructor(
    private readonly network: LocalNetwork,
    private readonly runtimeId: Uint8Array,
    private readonly reporter: Reporter,
    private readonly onRounds: (rounds: number) => void,
  ) {
    this.incidentReader = new IncidentReader(network.backend, runtimeId);
    this.receiptReader = new ReceiptReader(network.backend, runtimeId);
  }

  /** Milliseconds since the process began. */
  static now(): number {
    return Math.round(performance.now());
  }

  block = (committed: CommittedBlock): void => {
    const { height, block, outcome } = committed;
    this.blocks++;
    this.firstBlockMs ??= Observer.now();
    // The proposer's closing transaction is no user's.
    const transactions = Math.max(0, block.data.txs.length - 1);
    const time = timestampToText(block.header.time);
    this.reporter.block({ height, appHash: outcome.appHash, time, transactions }, () => this.status());
    for (const incident of this.incidentReader.read(committed)) this.note({ ...incident, height });
    for (const receipts of this.receiptReader.read(committed)) this.noteReceipts(receipts);
  };

  private noteReceipts({ round, signers }: RoundReceipts): void {
    this.receipts = signers.length;
    const { nodes } = this.network;
    const names = nodes.filter(({ identity }) => signers.some((signer) => equalBytes(signer, identity.node.publicKey)));
    this.reporter.receipts({ round, signers: names.map(({ name }) => name) });
  }

  private note(incident: IncidentReport): void {
    const { incidents } = this;
    if (incident.type === "discrepancy") incidents.discrepancies++;
    else if (incident.type === "resolved") incidents.resolved++;
    else incidents.slashed += incident.amount;
    this.reporter.incident(incident);
  }

  /** Follows the rounds of the runtime as the client node sees them. */
  async follow(worker: RuntimeWorker): Promise<void> {
    for await (const { round, transactions, finalizedBy } of worker.watchRounds()) {
      this.round = round;
      this.transactions += transactions;
      if (transactions > 0) {
        this.rounds++;
        this.firstRoundMs ??= Observer.now();
      }
      this.reporter.round({ round, transactions, finalizedBy }, () => this.status());
      if (transactions > 0) this.onRounds(this.rounds);
    }
  }

  private status(): Status {
    const { backend } = this.network;
    const state = backend.stateAt(0n);
    const [executors, storage] = getCommittees(state, this.runtimeId);
    const members = executors?.members ?? [];
    const primary = members.filter((member) => member.role === COMMITTEE_WORKER).length;
    const { blocks, rounds, transactions, round, incidents } = this;
    const committee = members.length === 0 ? "none" : `${primary}+${members.length - primary}`;
    const height = backend.latestHeight;
    const receipts = storage && `${this.receipts}/${storage.members?.length ?? 0}`;
    return { height, epoch: getEpoch(state), round, committee, receipts, blocks, rounds, transactions, incidents };
  }

  summary(memoryMb: number): void {
    const { blocks, rounds, transactions, firstBlockMs, firstRoundMs } = this;
    const appHash = this.network.backend.app.appHash;
    this.reporter.summary({ firstBlockMs, firstRoundMs, blocks, rounds, transactions, memoryMb, appHash });
  }
}

function worldOf(folder: DataFolder, options: NetOptions): NetworkWorld {
  return {
    clock: systemClock,
    entropy: systemEntropy,
    log: lineLog({ level: options.log }),
    // A temporary folder need not survive a power loss; a folder somebody chose should.
    openDisk: (name) => openLmdbDisk({ path: folder.file(name), durable: options.data !== undefined }),
    settle: async () => {
      await immediate();
    },
  };
}

/** Resolves at the first reason to stop: a signal, enough rounds, or a failure. */
function stopSignal(): { stopped: Promise<Error | undefined>; stop: (error?: Error) => void } {
  let stop: (error?: Error) => void = () => undefined;
  const stopped = new Promise<Error | undefined>((resolve) => {
    stop = resolve;
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop());
  return { stopped, stop };
}

/** What is to be undone, in reverse order, however the run ends. */
class Cleanup {
  private readonly steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.steps.reverse()) await step();
  }
}

/** The network's runtime and how it is hosted. */
interface Hosted {
  readonly runtime: RuntimeDeployment;
  readonly provisioner: Provisioner;
}

async function hostedRuntime({ runtime }: NetOptions, folder: DataFolder): Promise<Hosted> {
  if (runtime === undefined) return { runtime: OWN_RUNTIME, provisioner: provisionerOf };
  const program = await openProgram(runtime, folder);
  return { runtime: program, provisioner: provisionerOfProgram(program) };
}

/** Takes a bundle, and forgets those of its runtime that are over. */
async function addBundle(folder: DataFolder, network: LocalNetwork, path: string): Promise<void> {
  const store = new BundleStore(folder.path);
  const { id } = (await store.install(path)).manifest;
  const state = network.backend.stateAt(0n);
  const runtime = getAnyRuntime(state, id);
  const active = runtime && activeDeployment(runtime, getEpoch(state));
  if (active !== undefined) store.removeOlder(id, active.version);
  for (const { runtimes } of network.nodes) for (const hosted of runtimes) hosted.programsArrived();
}

async function runIn(
  folder: DataFolder,
  options: NetOptions,
  { runtime, provisioner }: Hosted,
  cleanup: Cleanup,
): Promise<void> {
  const memory = new MemoryPeak();
  cleanup.add(() => memory.stop());
  const world = worldOf(folder, options);
  // Loaded only when it is asked for, because it would cost every start.
  const metrics = options.metrics === undefined ? undefined : new (await import("./metrics.js")).NetMetrics();
  const bundles = { kind: options.runtimeHost, store: new BundleStore(folder.path), log: world.log };
  const hosts = withBundles(provisioner(options.runtimeHost, world.log), { own: runtime, ...bundles });
  const wary = options.byzantine.length > 0;
  // Other runtimes are of v26.1 as far as is known, and theirs need not understand the extension.
  const receipts = options.receipts && options.runtime === undefined;
  const nowMs = systemClock.nowMs();
  const { genesis, members, accounts } = setUpNetwork(folder, { nowMs, wary, runtime, receipts });
  const temptable = members.filter(({ kind }) => kind === "compute" || kind === "storage").map(({ name }) => name);
  const network = new LocalNetwork({
    world,
    genesis,
    members,
    runtimeId: runtime.id,
    pace: { ...DEFAULT_PACE, intervalMs: options.blockInterval },
    keep: options.keep,
    retention: options.keepRounds === undefined ? undefined : { rounds: BigInt(options.keepRounds) },
    provision: metrics?.provision(hosts) ?? hosts,
    components: bundledComponents(runtime.id, bundles),
    byzantine: wary ? parseSwitches(options.byzantine, temptable) : undefined,
  });
  const write = (text: string): void => void process.stdout.write(text);
  const reporter = options.json ? jsonReporter(write) : textReporter(write, process.stdout.isTTY, systemClock);
  const { stopped, stop } = stopSignal();
  const observer = new Observer(network, runtime.id, reporter, (rounds) => {
    if (options.rounds !== undefined && rounds >= options.rounds) stop();
  });
  cleanup.add(() => network.stop());
  void network.backend.failed.then(stop);
  network.backend.onBlock(observer.block);
  const client = network.node(CLIENT);
  const worker = client.runtimes[0] as RuntimeWorker;
  const { clock, log } = world;
  const handler = buildHandler({
    upgrades: network.upgrades,
    backend: network.backend,
    genesis,
    node: client,
    softwareVersion: SOFTWARE_VERSION,
    clock,
    debug: true,
    addBundle: (path) => addBundle(folder, network, path),
  });
  const socket = folder.file(SOCKET);
  const grpc = await listenGrpc(socket, handler, log.child("grpc"));
  cleanup.add(() => grpc.close());
  const web = await listenGrpcWeb({ port: options.port }, handler, log.child("grpc-web"));
  cleanup.add(() => web.close());
  if (metrics !== undefined) {
    cleanup.add(await metrics.start(options.metrics ?? 0, network, handler, folder, log.child("metrics")));
  }
  void observer.follow(worker);
  const load = new Load({ world, everyMs: LOAD_EVERY_MS, submit: (tx) => worker.client.submitTxNoWait(tx) });
  cleanup.add(() => load.stop());
  // The first transactions wait in the pool for the first committee.
  await network.start(() => {
    if (!options.quietLoad && options.runtime === undefined) load.start();
  });
  const grpcWeb = `http://127.0.0.1:${web.port}`;
  reporter.ready({ grpc: socket, grpcWeb, runtimeId: runtime.id, accounts, readyMs: Observer.now() });
  const failure = await stopped;
  load.stop();
  observer.summary(memory.mib);
  if (failure !== undefined) throw failure;
}

/** `qanat net`: a local network in this process. @param provisioner how its runtime is hosted, if not as usual */
export async function runNet(options: NetOptions, provisioner?: Provisioner): Promise<void> {
  const folder = await DataFolder.open(options.data);
  const cleanup = new Cleanup();
  try {
    const hosted = await hostedRuntime(options, folder);
    await runIn(folder, options, provisioner === undefined ? hosted : { ...hosted, provisioner }, cleanup);
  } finally {
    await cleanup.run();
    folder.close();
  }
}
