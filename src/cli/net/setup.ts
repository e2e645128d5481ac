import { equalBytes, fromHex, fromUtf8, toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { timestampFromNanos } from "#consensus/block/timestamp.js";
import { type GenesisDocument, parseGenesis, printGenesis } from "#consensus/genesis/document.js";
import { buildGenesis, type CommitteeSize, type RuntimeDeployment } from "#network/fixture.js";
import {
  DEFAULT_SIZE,
  type DevelopmentAccount,
  developmentAccounts,
  type Member,
  networkMembers,
  SIZE_WITH_STORAGE,
} from "#network/topology.js";
import type { DataFolder } from "#platform/data-folder.js";
import { systemEntropy } from "#platform/entropy.js";

const GENESIS_FILE = "genesis.json";
const KEY_FILE = "network.key";
const SECRET_SIZE = 32;
const ACCOUNTS = 10;
const COMMITTEE: CommitteeSize = { primary: 3, backup: 2 };
/** Of three backup workers the honest ones are a majority even if one that misbehaves is elected for both roles. */
const WARY_COMMITTEE: CommitteeSize = { primary: 3, backup: 3 };
const NANOS_PER_MS = 1_000_000n;

/** ID of the key-value test runtime that clients of the ecosystem know: the test flag and nothing else. */
export const RUNTIME_ID: Uint8Array = fromHex(`80${"00".repeat(31)}`);

/** The network's runtime when no other is asked for. */
export const OWN_RUNTIME: RuntimeDeployment = { id: RUNTIME_ID, version: { major: 0, minor: 0, patch: 0 } };

/** A network's documents: made at the first start, read at every later one. */
export interface NetworkSetup {
  readonly genesis: GenesisDocument;
  readonly members: readonly Member[];
  readonly accounts: readonly DevelopmentAccount[];
}

function secretOf(folder: DataFolder): Uint8Array {
  const stored = folder.read(KEY_FILE);
  if (stored !== undefined) {
    const text = fromUtf8(stored).trim();
    if (!/^[0-9a-f]{64}$/.test(text))
      throw new InvalidInput("data", `${folder.file(KEY_FILE)} does not hold 32 bytes in hex`);
    return fromHex(text);
  }
  if (folder.read(GENESIS_FILE) !== undefined) {
    throw new InvalidInput(
      "data",
      `${folder.path} has a genesis document but not the keys of its network (${KEY_FILE})`,
    );
  }
  const secret = systemEntropy.bytes(SECRET_SIZE);
  folder.write(KEY_FILE, `${toHex(secret)}\n`);
  return secret;
}

/** What a new network is made of. */
export interface NewNetwork {
  /** Genesis time, in milliseconds. */
  readonly nowMs: number;
  /** Whether a node is expected to misbehave. */
  readonly wary: boolean;
  readonly runtime: RuntimeDeployment;
  /** Whether it has storage nodes, whose receipts the runtime demands. */
  readonly receipts: boolean;
}

/**
 * Reads or makes genesis document and keys of the network in a folder.
 *
 * @throws InvalidInput when the folder's network has another runtime
 */
export function setUpNetwork(folder: DataFolder, { nowMs, wary, runtime, receipts }: NewNetwork): NetworkSetup {
  const secret = secretOf(folder);
  const membersOf = (withStorage: boolean): Member[] =>
    networkMembers(secret, withStorage ? SIZE_WITH_STORAGE : DEFAULT_SIZE);
  const accounts = developmentAccounts(ACCOUNTS);
  const stored = folder.read(GENESIS_FILE);
  if (stored !== undefined) {
    const genesis = parseGenesis(fromUtf8(stored));
    demandRuntime(genesis, runtime, folder);
    return { genesis, members: membersOf(genesis.registry.params.enableStorageCommittees === true), accounts };
  }
  const members = membersOf(receipts);
  const genesisTime = timestampFromNanos(BigInt(Math.floor(nowMs)) * NANOS_PER_MS);
  const committee = wary ? WARY_COMMITTEE : COMMITTEE;
  const genesis = buildGenesis({
    members,
    accounts,
    committee,
    runtimeId: runtime.id,
    deployment: runtime,
    genesisTime,
  });
  folder.write(GENESIS_FILE, printGenesis(genesis), 0o644);
  return { genesis, members, accounts };
}

/** @throws InvalidInput when the network in a folder was not made for a runtime */
function demandRuntime(genesis: GenesisDocument, { id }: RuntimeDeployment, folder: DataFolder): void {
  const made = genesis.registry.runtimes.map((runtime) => runtime?.id ?? new Uint8Array(0));
  if (made.some((other) => equalBytes(other, id))) return;
  const others = made.map((other) => toHex(other)).join(", ");
  throw new InvalidInput("--runtime", `${folder.path} holds a network of runtime ${others}, not of ${toHex(id)}`);
}
