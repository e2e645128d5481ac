import { MemoryDisk } from "#common/memory-disk.js";
import type { Clock } from "#common/ports/clock.js";
import type { Disk } from "#common/ports/disk.js";
import type { Log } from "#common/ports/log.js";
import type { Channel } from "#common/rpc/index.js";
import { LightClient, type TrustRoot } from "#consensus/light/client.js";
import { RpcProvider } from "#consensus/light/provider.js";
import { TrustStore } from "#consensus/light/trust-store.js";
import { getAccount } from "#consensus/services/staking/state/accounts.js";
import type { Account } from "#consensus/services/staking/types/account.js";
import { VerifiedState } from "./verified-state.js";

/** A node by a name for messages and a way to it. */
export interface Peer {
  readonly name: string;
  readonly channel: Channel;
}

export interface ConnectOptions {
  /** The node that is asked. */
  readonly node: Peer;
  /** Other nodes, which are asked whether they see the same chain. */
  readonly witnesses?: readonly Peer[];
  /** Hash of the network's genesis document, 64 hexadecimal digits. */
  readonly chainContext: string;
  /** A block that is believed; its hash comes from somebody the user trusts. */
  readonly root: TrustRoot;
  /** How long validators can be punished for lying, in milliseconds: less than the debonding period. */
  readonly trustingPeriodMs: number;
  /** How far this machine's clock may be wrong, in milliseconds; 10,000 if absent. */
  readonly maxClockDriftMs?: number;
  /** Where verified blocks are kept; in memory if absent. */
  readonly disk?: Disk;
  readonly clock: Clock;
  readonly log?: Log;
}

/** The block engine's chain id is the beginning of the chain context (consensus: CometBFT, genesis). */
const CHAIN_ID_SIZE = 50;
const DEFAULT_DRIFT_MS = 10_000;

/** A network seen through a node that is not believed. */
export interface Connection {
  readonly light: LightClient;
  /**
   * The state after a block.
   *
   * @param height 0 or absent for the latest that can be proved, which is one below the latest block
   */
  stateAt(height?: bigint): Promise<VerifiedState>;
  /** An account, proved; an empty one when the ledger has none, proved just the same. */
  account(address: Uint8Array, height?: bigint): Promise<Account>;
}

const nanos = (ms: number): bigint => BigInt(Math.floor(ms)) * 1_000_000n;

/** Prepares a connection; the first request verifies the root and whatever leads from it to the height in question. */
export function connect(options: ConnectOptions): Connection {
  const { node, witnesses = [], chainContext, root, clock, log } = options;
  const light = new LightClient({
    chainId: chainContext.slice(0, CHAIN_ID_SIZE),
    root,
    primary: new RpcProvider(node.name, node.channel),
    witnesses: witnesses.map(({ name, channel }) => new RpcProvider(name, channel)),
    store: new TrustStore((options.disk ?? new MemoryDisk()).openTable("light blocks")),
    clock,
    trustingPeriod: nanos(options.trustingPeriodMs),
    maxClockDrift: nanos(options.maxClockDriftMs ?? DEFAULT_DRIFT_MS),
    ...(log === undefined ? {} : { log }),
  });
  const stateAt = async (height = 0n): Promise<VerifiedState> => {
    const { header } = height === 0n ? await light.update() : await light.verify(height + 1n);
    return new VerifiedState(header, node.channel);
  };
  return {
    light,
    stateAt,
    async account(address, height) {
      const state = await stateAt(height);
      return state.query((reader) => getAccount(reader, address));
    },
  };
}
