import { keyValue } from "../../../../examples/kv/kv.ts";
import { hash } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Log, LogFields } from "#common/ports/log.js";
import type { Clock } from "#common/ports/clock.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import type { ByzantineSwitches } from "#network/byzantine/switches.js";
import { fromHex, utf8 } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { getCommittees } from "#consensus/services/scheduler/queries.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { schedulerRank } from "#consensus/services/scheduler/types.js";
import { DEFAULT_PACE } from "#consensus/backends/embedded/embedded.js";
import { buildGenesis } from "#network/fixture.js";
import { LocalNetwork, type LocalNetworkOptions, type NetworkWorld } from "#network/local-network.js";
import {
  DEFAULT_SIZE,
  developmentAccounts,
  type Member,
  networkMembers,
  SIZE_WITH_STORAGE,
} from "#network/topology.js";
import { systemClock } from "#platform/clock.js";
import { systemEntropy } from "#platform/entropy.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import type { MemoryNetworkOptions } from "#p2p/memory-network.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { Call } from "#runtime/kit/call.js";
import { struct, text, u64, u8 } from "#common/schema/index.js";
import type { HostSite } from "#worker/options.js";
import type { RuntimeWorker } from "#worker/runtime-worker.js";

export const RUNTIME_ID = fromHex("8000000000000000000000000000000000000000000000000000000000000000");

class Insert extends struct("Insert", {
  key: text({ max: 256 }),
  value: text({ max: 256 }),
  generation: u64,
  churpId: u8,
}) {}

/** A transaction of the key-value runtime that stores a value. */
export function insertCall(sender: string, nonce: bigint, key: string, value: string): Uint8Array {
  const args = Insert.encode({ key, value, generation: 0n, churpId: 0 });
  return Call.encode({ sender: utf8(sender), nonce, method: "insert", args });
}

class Key extends struct("Key", { key: text({ max: 256 }), generation: u64, churpId: u8 }) {}

/** Arguments of the key-value runtime's query for a value. */
export function keyArgs(key: string): Uint8Array {
  return Key.encode({ key, generation: 0n, churpId: 0 });
}

const verbose = process.env["QANAT_TEST_LOG"] !== undefined;
function log(name: string): Log {
  const write = (level: string) => (message: string, fields?: LogFields) => {
    const show = (_: string, v: unknown) => (typeof v === "bigint" ? v.toString() : v);
    if (verbose) console.log(Math.round(performance.now()), level, name, message, JSON.stringify(fields ?? {}, show));
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (child) => log(`${name}/${child}`),
  };
}

/** A disk that a later network can open again. */
class KeptDisk extends MemoryDisk {
  override close(): void {
    // Its content stays.
  }
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

export interface TestNetwork {
  readonly network: LocalNetwork;
  readonly disks: ReadonlyMap<string, Disk>;
  worker(name: string): RuntimeWorker;
  /** Resolves when a condition holds, looking again after every little while. */
  until(condition: () => boolean): Promise<void>;
  /** Compute nodes of a role, those that schedule the next round first before the others. */
  serving(role: "worker" | "backup-worker"): string[];
  /** Resolves when every node has a round. */
  settled(round: bigint): Promise<void>;
}

/** Names of the nodes of some kinds. */
export function nodeNames(...kinds: string[]): string[] {
  return networkMembers(new Uint8Array(32), SIZE_WITH_STORAGE)
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ name }) => name);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
}

export interface TestNetworkOptions {
  /** The clock of the network; that of the system when absent. */
  readonly clock?: Clock;
  readonly byzantine?: ByzantineSwitches;
  /** Changes the genesis document. */
  readonly edit?: (genesis: GenesisDocument, members: readonly Member[]) => void;
  readonly fate?: MemoryNetworkOptions["fate"];
  /** Whether there are storage nodes, whose receipts the runtime demands. */
  readonly receipts?: boolean | undefined;
  /** Consensus heights that are kept; all when absent. */
  readonly keep?: number | undefined;
  /** Which rounds nodes keep; all when absent. */
  readonly retention?: LocalNetworkOptions["retention"];
  /** Roles of a node, where they are others than usual. */
  readonly roles?: (name: string) => number | undefined;
  /** Off-chain logic beside the runtime. */
  readonly components?: LocalNetworkOptions["components"];
  /** Changes the runtime's descriptor in the genesis document. */
  readonly tune?: (runtime: Runtime) => void;
}

export type Provision = (member: Member, site: HostSite) => RuntimeHost;

export const provisionKeyValue: Provision = (_, site) => new InProcessHost({ ...site, program: keyValue });

/** A whole network in memory, with the key-value runtime unless told otherwise. */
export function testNetwork(
  provision: LocalNetworkOptions["provision"] = provisionKeyValue,
  kept: Map<string, Disk> = new Map(),
  more: TestNetworkOptions = {},
): TestNetwork {
  const size = more.receipts === true ? SIZE_WITH_STORAGE : DEFAULT_SIZE;
  const members = networkMembers(hash(utf8("worker tests")), size).map((member) => ({
    ...member,
    roles: more.roles?.(member.name) ?? member.roles,
  }));
  const world: NetworkWorld = {
    clock: more.clock ?? systemClock,
    entropy: systemEntropy,
    log: log(""),
    openDisk(name) {
      const disk = kept.get(name) ?? new KeptDisk();
      kept.set(name, disk);
      return disk;
    },
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
  const genesis = buildGenesis({
    members,
    accounts: developmentAccounts(2),
    committee: { primary: 3, backup: 2 },
    runtimeId: RUNTIME_ID,
    genesisTime: { seconds: 1_700_000_000n, nanos: 0 },
  });
  for (const runtime of genesis.registry.runtimes ?? []) if (runtime !== null) more.tune?.(runtime);
  more.edit?.(genesis, members);
  const network = new LocalNetwork({
    world,
    genesis,
    members,
    runtimeId: RUNTIME_ID,
    pace: DEFAULT_PACE,
    provision,
    ...(more.fate === undefined ? {} : { fate: more.fate }),
    ...(more.components === undefined ? {} : { components: more.components }),
    byzantine: more.byzantine,
    keep: more.keep,
    retention: more.retention,
  });
  const worker = (name: string): RuntimeWorker => network.node(name).runtimes[0] as RuntimeWorker;
  const settled = (round: bigint): Promise<void> =>
    until(() =>
      network.nodes
        .flatMap(({ runtimes, stored }) => [...runtimes, ...stored])
        .every(({ history }) => (history.lastSyncedRound ?? -1n) >= round),
    );
  const serving = (role: "worker" | "backup-worker"): string[] => {
    const committee = getCommittees(network.backend.stateAt(0n), RUNTIME_ID)[0];
    const next = (worker("client-0").status.latestRound ?? 0n) + 1n;
    const rank = (name: string): bigint =>
      (committee && schedulerRank(committee, next, network.node(name).identity.node.publicKey)) ?? 99n;
    const found = nodeNames("compute").filter((name) => worker(name).status.membership === role);
    return found.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  };
  return { network, disks: kept, worker, until, serving, settled };
}
