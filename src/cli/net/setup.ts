import { equalBytes, fromHex, fromUtf8, toHex, utf8 } from "#common/bytes.js";
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
  type OwnMember,
  SIZE_WITH_STORAGE,
} from "#network/topology.js";
import type { DataFolder } from "#platform/data-folder.js";
import { systemEntropy } from "#platform/entropy.js";
import { adoptDocument, type GivenGenesis, ORIGIN_FILE, originOf, readGiven } from "./given-genesis.js";

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
  /** Accounts with tokens whose keys everybody knows; none on a chain that somebody else began. */
  readonly accounts: readonly DevelopmentAccount[];
  /** The network's runtimes, the one whose committee is waited for first; none on a chain of validators only. */
  readonly runtimeIds: readonly Uint8Array[];
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
  /** Runtimes that the user brings; the network's own when there is none. */
  readonly runtimes: readonly RuntimeDeployment[];
  /** Whether it has storage nodes, whose receipts the runtime demands. */
  readonly receipts: boolean;
  /** A document that somebody else made, and keys for it. */
  readonly given: GivenGenesis;
}

/**
 * Reads or makes genesis document and keys of the network in a folder.
 *
 * @throws InvalidInput when the folder's network has another runtime or is another chain, or keys are missing
 */
export function setUpNetwork(folder: DataFolder, network: NewNetwork): NetworkSetup {
  const { given, runtimes } = network;
  const file = readGiven(given);
  const stored = storedGenesis(folder);
  const origin = stored === undefined ? undefined : originOf(folder, stored, file);
  if (file === undefined && origin === undefined) {
    if (given.keys.length > 0)
      throw new InvalidInput("--keys", "needs --genesis: the document whose nodes they are for");
    return ownNetwork(folder, stored, network);
  }
  const document = stored ?? file?.document;
  if (document === undefined) throw new InvalidInput("data", `${folder.path} has no ${GENESIS_FILE}`);
  for (const runtime of runtimes) demandRuntime(document, runtime, "the document has no runtime");
  const secret = secretOf(folder);
  const own = (validators: number): OwnMember[] =>
    networkMembers(secret, { ...DEFAULT_SIZE, validators: Math.max(DEFAULT_SIZE.validators, validators) });
  const accounts = developmentAccounts(ACCOUNTS);
  const computes = runtimes.length > 0;
  const adopted = adoptDocument({ document, given, origin, secret, own, accounts, computes });
  if (stored === undefined) {
    folder.write(ORIGIN_FILE, utf8(`${adopted.origin}\n`), 0o644);
    folder.write(GENESIS_FILE, printGenesis(document), 0o644);
  }
  return { genesis: document, ...adopted, runtimeIds: runtimes.map(({ id }) => id) };
}

/** The document of the network that a folder holds; undefined for a new one. */
function storedGenesis(folder: DataFolder): GenesisDocument | undefined {
  const stored = folder.read(GENESIS_FILE);
  return stored === undefined ? undefined : parseGenesis(fromUtf8(stored));
}

/** A network all of whose nodes and keys are made here. */
function ownNetwork(folder: DataFolder, stored: GenesisDocument | undefined, network: NewNetwork): NetworkSetup {
  const { nowMs, wary, receipts } = network;
  const runtimes = network.runtimes.length === 0 ? [OWN_RUNTIME] : network.runtimes;
  const [runtime = OWN_RUNTIME, ...moreRuntimes] = runtimes;
  const secret = secretOf(folder);
  const membersOf = (withStorage: boolean): OwnMember[] =>
    networkMembers(secret, withStorage ? SIZE_WITH_STORAGE : DEFAULT_SIZE);
  const accounts = developmentAccounts(ACCOUNTS);
  const runtimeIds = runtimes.map(({ id }) => id);
  if (stored !== undefined) {
    demandRuntime(stored, runtime, `the network in ${folder.path} was not made for runtime`);
    const members = membersOf(stored.registry.params.enableStorageCommittees === true);
    return { genesis: stored, members, accounts, runtimeIds };
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
    moreRuntimes,
    genesisTime,
  });
  folder.write(GENESIS_FILE, printGenesis(genesis), 0o644);
  return { genesis, members, accounts, runtimeIds };
}

/** @param refusal what is said, before the identifier, of a runtime that a document does not have */
function demandRuntime(genesis: GenesisDocument, { id }: RuntimeDeployment, refusal: string): void {
  const made = genesis.registry.runtimes.map((runtime) => runtime?.id ?? new Uint8Array(0));
  if (made.some((other) => equalBytes(other, id))) return;
  const others = made.length === 0 ? "it has none" : `it has ${made.map((other) => toHex(other)).join(", ")}`;
  throw new InvalidInput("--runtime", `${refusal} ${toHex(id)}; ${others}`);
}
