import { join } from "node:path";
import { setImmediate as immediate } from "node:timers/promises";
import { assert } from "#common/assert.js";
import { equalBytes } from "#common/bytes.js";
import type { Backend } from "#consensus/backends/backend.js";
import { DEFAULT_PACE } from "#consensus/backends/embedded/embedded.js";
import { headerHash } from "#consensus/block/header.js";
import type { TrustRoot } from "#consensus/light/client.js";
import { parseSwitches } from "#network/byzantine/switches.js";
import { SOFTWARE_VERSION } from "#network/fixture.js";
import { Load } from "#network/load.js";
import { LocalNetwork, type NetworkWorld } from "#network/local-network.js";
import { buildHandler } from "#node/rpc/index.js";
import { BundleDownloads, registryUrl } from "#platform/bundle-downloads.js";
import { BundleStore } from "#platform/bundle-store.js";
import { parsePermissions } from "#platform/managed/member-components.js";
import { systemClock } from "#platform/clock.js";
import { DataFolder } from "#platform/data-folder.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { systemEntropy } from "#platform/entropy.js";
import { listenGrpc } from "#platform/grpc-server.js";
import { listenGrpcWeb } from "#platform/grpc-web.js";
import { lineLog } from "#platform/log.js";
import { MemoryPeak } from "#platform/memory.js";
import { bundledComponents, withBundles } from "./bundled-hosts.js";
import { demandValidators } from "./given-genesis.js";
import {
  addBundle,
  type Hosted,
  hostedRuntimes,
  installedComponents,
  installedRuntimes,
  programsArrived,
} from "./hosting.js";
import type { NetMetrics } from "./metrics.js";
import { Observer } from "./observer.js";
import type { NetOptions } from "./options.js";
import { jsonReporter, textReporter } from "./reporter.js";
import { type Provisioner, provisionerOf } from "./runtime-host.js";
import { type NetworkSetup, OWN_RUNTIME, setUpNetwork } from "./setup.js";

const OWN_HOSTED: readonly Hosted[] = [{ runtime: OWN_RUNTIME, provisioner: provisionerOf }];
const MIB = 1024 * 1024;
/** Largest bundle that is fetched, as in the reference, in MiB. */
const DEFAULT_BUNDLE_MIB = 20;
const CLIENT = "client-0";
const SOCKET = "internal.sock";
const LOAD_EVERY_MS = 250;

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

/** Exit codes after a second signal, which ends the process at once: 128 and the number of the signal. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Resolves at the first reason to stop: a signal, enough rounds, or a failure. */
function stopSignal(): { stopped: Promise<Error | undefined>; stop: (error?: Error) => void } {
  let stop: (error?: Error) => void = () => undefined;
  const stopped = new Promise<Error | undefined>((resolve) => {
    stop = resolve;
  });
  let asked = false;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (asked) process.exit(code);
      asked = true;
      stop();
    });
  }
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

/** Everything that a run of the network is made of. */
function assemble(folder: DataFolder, options: NetOptions, hosted: readonly Hosted[], metrics?: NetMetrics): Assembled {
  const world = worldOf(folder, options);
  const store = new BundleStore(folder.path);
  const bundles = { kind: options.runtimeHost, store, log: world.log };
  const wary = options.byzantine.length > 0;
  const setup = setUpNetwork(folder, {
    nowMs: systemClock.nowMs(),
    wary,
    runtimes: hosted.map(({ runtime }) => runtime),
    // Other runtimes are of v26.1 as far as is known, and theirs need not understand the extension.
    receipts: options.receipts && options.runtime.length === 0,
    given: options,
  });
  const { genesis, members, runtimeIds } = setup;
  const [runtimeId, ...others] = runtimeIds;
  const own = (hosted.length === 0 ? OWN_HOSTED : hosted).map(({ runtime, provisioner }) => {
    return { runtime, provision: provisioner(options.runtimeHost, world.log) };
  });
  const downloads = new BundleDownloads({
    registries: (options.registry ?? []).map((text) => registryUrl("--registry", text)),
    store,
    maxBytes: (options.maxBundleSize ?? DEFAULT_BUNDLE_MIB) * MIB,
    clock: world.clock,
    log: world.log.child("bundles"),
    arrived: () => programsArrived(network),
  });
  const hosts = withBundles(own, bundles, (hash) => downloads.want(hash));
  const installed = installedRuntimes(store).filter((id) => !runtimeIds.some((other) => equalBytes(id, other)));
  const temptable = members.filter(({ kind }) => kind === "compute" || kind === "storage").map(({ name }) => name);
  const network: LocalNetwork = new LocalNetwork({
    world,
    genesis,
    members,
    runtimeId,
    moreRuntimes: [...others, ...installed],
    patience: options.patience,
    pace: { ...DEFAULT_PACE, intervalMs: options.blockInterval },
    keep: options.keep,
    retention: options.keepRounds === undefined ? undefined : { rounds: BigInt(options.keepRounds) },
    provision: metrics?.provision(hosts) ?? hosts,
    components: bundledComponents({
      ...bundles,
      folderOf: (member) => join(folder.path, "components", member),
      permissions: parsePermissions(options.permit ?? []),
    }),
    byzantine: wary ? parseSwitches(options.byzantine, temptable) : undefined,
  });
  return { ...setup, world, network, downloads };
}

/** A network that is ready to be started, and what it is made of. */
interface Assembled extends NetworkSetup {
  readonly world: NetworkWorld;
  readonly network: LocalNetwork;
  readonly downloads: BundleDownloads;
}

/** On a chain that goes on, validators may have become others whose keys nobody gave. */
function demandSigners({ network: { backend }, members, genesis }: Assembled): void {
  const set = backend.latestHeight > 0n ? backend.validators(backend.latestHeight + 1n) : undefined;
  if (set !== undefined) demandValidators(set, members, genesis);
}

async function runIn(
  folder: DataFolder,
  options: NetOptions,
  hosted: readonly Hosted[],
  cleanup: Cleanup,
): Promise<void> {
  const { stopped, stop } = stopSignal();
  const memory = new MemoryPeak();
  cleanup.add(() => memory.stop());
  // Loaded only when it is asked for, because it would cost every start.
  const metrics = options.metrics === undefined ? undefined : new (await import("./metrics.js")).NetMetrics();
  const assembled = assemble(folder, options, hosted, metrics);
  const { world, network, genesis, accounts, runtimeIds } = assembled;
  cleanup.add(() => network.stop());
  cleanup.add(() => assembled.downloads.stop());
  demandSigners(assembled);
  const write = (text: string): void => void process.stdout.write(text);
  const reporter = options.json ? jsonReporter(write) : textReporter(write, process.stdout.isTTY, systemClock);
  const observer = new Observer(network, runtimeIds[0], reporter, (rounds) => {
    if (options.rounds !== undefined && rounds >= options.rounds) stop();
  });
  void network.backend.failed.then(stop);
  network.backend.onBlock(observer.block);
  const client = network.node(CLIENT);
  const worker = client.runtimes[0];
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
    installed: (id) => installedComponents(new BundleStore(folder.path), id),
    provisioner: options.runtimeHost,
  });
  const socket = folder.file(SOCKET);
  const grpc = await listenGrpc(socket, handler, log.child("grpc"));
  cleanup.add(() => grpc.close());
  const web = await listenGrpcWeb({ port: options.port }, handler, log.child("grpc-web"));
  cleanup.add(() => web.close());
  if (metrics !== undefined) {
    cleanup.add(await metrics.start(options.metrics ?? 0, network, handler, folder, log.child("metrics")));
  }
  if (worker !== undefined) void observer.follow(worker);
  for (const { name, runtimes } of network.nodes) {
    for (const runtime of runtimes) if (runtime.executes) void observer.followCuts(name, runtime);
  }
  const submit = async (tx: Uint8Array): Promise<void> => await worker?.client.submitTxNoWait(tx);
  const load = new Load({ world, everyMs: LOAD_EVERY_MS, submit });
  cleanup.add(() => load.stop());
  // The first transactions wait in the pool for the first committee.
  const started = network.start(() => {
    if (!options.quietLoad && options.runtime.length === 0 && worker !== undefined) load.start();
  });
  // Whoever stops a network that is still starting need not wait until it has.
  const early = await Promise.race([started.then(() => false), stopped.then(() => true)]);
  if (early) started.catch(() => undefined);
  else {
    const grpcWeb = `http://127.0.0.1:${web.port}`;
    const { chainContext } = network.backend.app;
    const chain = { chainContext, trustRoot: latestBlock(network.backend) };
    reporter.ready({ grpc: socket, grpcWeb, ...chain, runtimeIds, accounts, readyMs: Observer.now() });
  }
  const failure = await stopped;
  load.stop();
  observer.summary(memory.mib);
  if (failure !== undefined) throw failure;
}

/** The latest block as something to begin to trust from. */
function latestBlock(backend: Backend): TrustRoot {
  const { latestHeight } = backend;
  const header = backend.block(latestHeight)?.header;
  assert(header !== undefined, "a network that is ready has a block");
  return { height: latestHeight, hash: headerHash(header) };
}

/** `qanat net`: a local network in this process. @param provisioner how its runtime is hosted, if not as usual */
export async function runNet(options: NetOptions, provisioner?: Provisioner): Promise<void> {
  const folder = await DataFolder.open(options.data);
  const cleanup = new Cleanup();
  try {
    const hosted =
      provisioner === undefined
        ? await hostedRuntimes(options.runtime, folder)
        : [{ runtime: OWN_RUNTIME, provisioner }];
    await runIn(folder, options, hosted, cleanup);
  } finally {
    await cleanup.run();
    folder.close();
  }
}
