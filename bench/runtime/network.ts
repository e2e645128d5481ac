import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setImmediate as immediate } from "node:timers/promises";
import { keyValue } from "../../examples/kv/kv.ts";
import type { Log } from "#common/ports/log.js";
import { DEFAULT_PACE } from "#consensus/backends/embedded/embedded.js";
import { timestampFromNanos } from "#consensus/block/timestamp.js";
import { getCommittees } from "#consensus/services/scheduler/queries.js";
import { COMMITTEE_WORKER, isMember, schedulerRank } from "#consensus/services/scheduler/types.js";
import { ByzantineSwitches } from "#network/byzantine/switches.js";
import { buildGenesis } from "#network/fixture.js";
import { LocalNetwork } from "#network/local-network.js";
import { DEFAULT_SIZE, developmentAccounts, networkMembers } from "#network/topology.js";
import { systemClock } from "#platform/clock.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { systemEntropy } from "#platform/entropy.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import type { RuntimeWorker } from "#worker/runtime-worker.js";
import { RUNTIME_ID } from "./calls.ts";

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** A local network in this process, as `qanat net` makes it, whose nodes can be made to misbehave. */
export interface Bench {
  readonly network: LocalNetwork;
  readonly switches: ByzantineSwitches;
  readonly client: RuntimeWorker;
  /** Workers of the committee, by their ranks as schedulers of the next round. */
  workers(): string[];
}

/** Makes a network with its disks in a folder; it has not been started. */
export function benchNetwork(folder: string): Bench {
  const switches = new ByzantineSwitches();
  const members = networkMembers(new Uint8Array(randomBytes(32)), DEFAULT_SIZE);
  const genesis = buildGenesis({
    members,
    accounts: developmentAccounts(2),
    committee: { primary: 3, backup: 3 },
    runtimeId: RUNTIME_ID,
    genesisTime: timestampFromNanos(BigInt(Date.now()) * 1_000_000n),
  });
  const network = new LocalNetwork({
    world: {
      clock: systemClock,
      entropy: systemEntropy,
      log: silent,
      openDisk: (name) => openLmdbDisk({ path: join(folder, name), durable: false }),
      settle: async () => {
        await immediate();
      },
    },
    genesis,
    members,
    runtimeId: RUNTIME_ID,
    pace: DEFAULT_PACE,
    provision: (_, site) => new InProcessHost({ ...site, program: keyValue }),
    byzantine: switches,
  });
  const client = network.node("client-0").runtimes[0] as RuntimeWorker;
  const workers = (): string[] => {
    const committee = getCommittees(network.backend.stateAt(0n), RUNTIME_ID)[0];
    const round = (client.status.latestRound ?? 0n) + 1n;
    if (committee === undefined) return [];
    const seats = network.nodes.filter(({ identity }) =>
      isMember(committee, identity.node.publicKey, COMMITTEE_WORKER),
    );
    const rank = (publicKey: Uint8Array): number => Number(schedulerRank(committee, round, publicKey) ?? 99n);
    seats.sort((a, b) => rank(a.identity.node.publicKey) - rank(b.identity.node.publicKey));
    return seats.map(({ name }) => name);
  };
  return { network, switches, client, workers };
}
