import { setImmediate as immediate } from "node:timers/promises";
import { keyValue } from "@qanat/example-kv";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Log } from "#common/ports/log.js";
import type { RpcHandler } from "#common/rpc/index.js";
import { DEFAULT_PACE } from "#consensus/backends/embedded/embedded.js";
import { timestampFromNanos } from "#consensus/block/timestamp.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { buildGenesis, SOFTWARE_VERSION } from "#network/fixture.js";
import { LocalNetwork, type NetworkWorld } from "#network/local-network.js";
import {
  DEFAULT_SIZE,
  type DevelopmentAccount,
  developmentAccounts,
  type Member,
  networkMembers,
} from "#network/topology.js";
import { deriveSeed } from "#node/identity.js";
import { buildHandler } from "#node/rpc/index.js";
import { systemClock } from "#platform/clock.js";
import { systemEntropy } from "#platform/entropy.js";
import { listenGrpcWeb } from "#platform/grpc-web.js";
import { InProcessHost } from "#runtime/host/in-process.js";

/** The identifier of the key-value runtime: the test flag and nothing else. */
export const RUNTIME_ID = Uint8Array.of(0x80, ...new Array<number>(31).fill(0));

/** A network that has not been started. */
export interface BuiltNetwork {
  readonly network: LocalNetwork;
  readonly genesis: GenesisDocument;
  /** The client API of the client node. */
  readonly handler: RpcHandler;
  readonly accounts: readonly DevelopmentAccount[];
  readonly members: readonly Member[];
  /** Seed of the entity that runs a node, 32 bytes. */
  entitySeed(node: string): Uint8Array;
  readonly log: Log;
  /** Errors that the network logged. */
  readonly complaints: readonly string[];
}

/** A network in this process, reachable over gRPC-web. */
export interface RunningNetwork extends BuiltNetwork {
  /** Address for clients. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Keeps what must not happen unnoticed. */
function complainingLog(complaints: string[]): Log {
  const log: Log = {
    child: () => log,
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (message, fields) => complaints.push(`${message} ${JSON.stringify(fields)}`),
  };
  return log;
}

/**
 * A network with the default members, on disks in memory, without load of its own.
 *
 * @param edit changes the genesis document before it is used
 */
export function buildNetwork(edit?: (genesis: GenesisDocument) => void): BuiltNetwork {
  const complaints: string[] = [];
  const log = complainingLog(complaints);
  const world: NetworkWorld = {
    clock: systemClock,
    entropy: systemEntropy,
    log,
    openDisk: () => new MemoryDisk(),
    settle: async () => {
      await immediate();
    },
  };
  const secret = systemEntropy.bytes(32);
  const members = networkMembers(secret, DEFAULT_SIZE);
  const accounts = developmentAccounts(10);
  const genesisTime = timestampFromNanos(BigInt(systemClock.nowMs()) * 1_000_000n);
  const committee = { primary: 3, backup: 2 };
  const genesis = buildGenesis({ members, accounts, committee, runtimeId: RUNTIME_ID, genesisTime });
  edit?.(genesis);
  const network = new LocalNetwork({
    world,
    genesis,
    members,
    runtimeId: RUNTIME_ID,
    pace: DEFAULT_PACE,
    provision: (_, site) => new InProcessHost({ ...site, program: keyValue }),
  });
  const handler = buildHandler({
    upgrades: network.upgrades,
    backend: network.backend,
    genesis,
    node: network.node("client-0"),
    softwareVersion: SOFTWARE_VERSION,
    clock: world.clock,
    debug: true,
  });
  const entitySeed = (node: string): Uint8Array => deriveSeed(secret, `${node}/entity`);
  return { network, genesis, handler, accounts, members, entitySeed, log, complaints };
}

/** Starts a network and serves its client API. */
export async function startNetwork(edit?: (genesis: GenesisDocument) => void): Promise<RunningNetwork> {
  const built = buildNetwork(edit);
  const web = await listenGrpcWeb({ port: 0 }, built.handler, built.log);
  await built.network.start();
  return {
    ...built,
    url: `http://127.0.0.1:${web.port}`,
    async stop() {
      await web.close();
      await built.network.stop();
    },
  };
}
