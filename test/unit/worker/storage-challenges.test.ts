import { afterEach, describe, expect, test } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { KeyedSignature } from "#common/crypto/signature.js";
import type { Disk } from "#common/ports/disk.js";
import { EMPTY_HASH } from "#common/hash.js";
import { Submitter } from "#consensus/submission.js";
import { getNodeStatus, loadNode } from "#consensus/services/registry/state.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { storageChallenges } from "#consensus/services/roothash/queries.js";
import { StorageChallenge } from "#consensus/services/roothash/types/challenges.js";
import { getAccount } from "#consensus/services/staking/state/index.js";
import { ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { ENTITY_STAKE, PENALTIES, TOKEN } from "#network/fixture.js";
import { type Incident, IncidentReader } from "#network/incidents.js";
import { developmentAccounts } from "#network/topology.js";
import type { Parcel } from "#p2p/memory-network.js";
import { insertCall, provisionKeyValue, RUNTIME_ID, type TestNetwork, testNetwork } from "./support/local-network.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const DEPOSIT = 7n * TOKEN;
const PENALTY = PENALTIES.storageUnavailable;
/** More rounds than storage nodes have at hand: older states are made again from the changes since. */
const ROUNDS = 12n;

let clock: VirtualClock;
let disks: Map<string, Disk>;
let net: TestNetwork;
let nonce = 0n;
let incidents: Incident[];
/** Nodes that get nothing from others any more. */
let cutOff: readonly string[] = [];

function isLost({ from, to }: Parcel): boolean {
  return cutOff.some((name) => {
    const { publicKey } = net.network.node(name).identity.p2p;
    return equalBytes(from, publicKey) || equalBytes(to, publicKey);
  });
}

async function start(): Promise<void> {
  clock = new VirtualClock(1_700_000_000_000);
  net = testNetwork(provisionKeyValue, disks, {
    clock,
    receipts: true,
    fate: (parcel) => (isLost(parcel) ? "lost" : 0),
    tune({ storage }) {
      if (storage.committee === undefined) throw new TypeError("the runtime demands receipts");
      storage.committee.challenge = { deposit: DEPOSIT, responseBlocks: 10n, maxAgeRounds: 100n };
    },
  });
  incidents = [];
  const reader = new IncidentReader(net.network.backend, RUNTIME_ID);
  net.network.backend.onBlock((block) => void incidents.push(...reader.read(block)));
  await net.network.start();
}

afterEach(async () => {
  cutOff = [];
  await net.network.stop();
  clock.stop();
});

async function submit(): Promise<bigint> {
  const data = insertCall("alice", nonce, `key ${nonce}`, `value ${nonce++}`);
  return (await net.worker("client-0").client.submitTxMeta(data)).round;
}

/** The receipts for a round that stand in the blocks of the chain. */
function receiptsFor(round: bigint): KeyedSignature[] {
  const { backend } = net.network;
  const { height } = net.worker("client-0").history.block(round) as { height: bigint };
  const found: KeyedSignature[] = [];
  for (let h = height; h > 0n && found.length === 0; h--) {
    for (const { events } of backend.results(h)?.results ?? []) {
      for (const carrier of events) {
        const commit = readRuntimeEvent(carrier, h, EMPTY_HASH)?.executorCommitted?.commit;
        if (commit?.header.header.round === round) found.push(...(commit.storageSigs ?? []));
      }
    }
  }
  return found;
}

function nameOf(node: Uint8Array): string {
  const found = net.network.nodes.find(({ identity }) => equalBytes(identity.node.publicKey, node));
  if (found === undefined) throw new TypeError("no node has this key");
  return found.name;
}

function entityOf(name: string): Uint8Array {
  const { backend } = net.network;
  const { publicKey } = net.network.node(name).identity.node;
  return addressFromPublicKey(loadNode(backend.stateAt(0n), publicKey).entityId);
}

function balances(address: Uint8Array): { general: bigint; stake: bigint } {
  const { general, escrow } = getAccount(net.network.backend.stateAt(0n), address);
  return { general: general.balance, stake: escrow.active.balance };
}

const [, asker] = developmentAccounts(2);
if (asker === undefined) throw new TypeError("there are two accounts");
const ASKER = addressFromPublicKey(asker.signer.publicKey);

async function challenge(
  round: bigint,
  { publicKey: node, signature }: KeyedSignature,
  rootType: number,
): Promise<void> {
  const submitter = new Submitter(net.network.backend, asker?.signer as never, clock);
  const body = StorageChallenge.encode({ id: RUNTIME_ID, node, round, rootType, signature });
  await submitter.submit("roothash.StorageChallenge", body);
}

/** Makes rounds until no challenge is open. */
async function closed(): Promise<void> {
  while (storageChallenges(net.network.backend.stateAt(0n), RUNTIME_ID).length > 0) await submit();
}

/** Starts a new network and makes rounds. Resolves with the first, which is old then. */
async function startWithOldRound(): Promise<bigint> {
  nonce = 0n;
  disks = new Map();
  await start();
  const first = await submit();
  while ((await submit()) < first + ROUNDS);
  return first;
}

describe("storage nodes that are challenged", () => {
  test("prove on their own that they have state and results of old rounds, and earn the deposits", async () => {
    const first = await startWithOldRound();
    const receipts = receiptsFor(first);
    expect(receipts.length).toBeGreaterThanOrEqual(2);
    const earned = new Map<string, bigint>();
    for (const receipt of receipts.slice(0, 2)) {
      for (const rootType of [ROOT_STATE, ROOT_IO]) await challenge(first, receipt, rootType);
      earned.set(nameOf(receipt.publicKey), 2n * DEPOSIT);
    }
    await closed();
    for (const [name, amount] of earned) expect(balances(entityOf(name)).general).toBe(amount);
    expect(incidents.filter(({ type }) => type === "challenged")).toHaveLength(4);
    expect(incidents.filter(({ type }) => type === "proven")).toHaveLength(4);
    expect(incidents.filter(({ type }) => type === "slashed")).toEqual([]);
  });

  test("lose stake and are frozen when they lost what they signed for; others answer", async () => {
    const first = await startWithOldRound();
    const receipts = receiptsFor(first);
    const [loser, keeper] = receipts as [KeyedSignature, KeyedSignature];
    const [lost, kept] = [nameOf(loser.publicKey), nameOf(keeper.publicKey)];
    await net.network.stop();
    clock.stop();
    expect(disks.delete(lost)).toBe(true);
    // Its peers do not help it either: otherwise it would fetch everything again in time, which is as good.
    cutOff = [lost];
    await start();
    await submit();
    const poor = balances(ASKER).general;
    await challenge(first, loser, ROOT_STATE);
    await challenge(first, keeper, ROOT_STATE);
    await closed();
    const slashed = incidents.filter(({ type }) => type === "slashed");
    const entity = entityOf(lost);
    expect(slashed).toEqual([{ type: "slashed", entity, amount: PENALTY, reason: "runtime-storage-unavailable" }]);
    const { backend } = net.network;
    expect(getNodeStatus(backend.stateAt(0n), loser.publicKey)?.freezeEndTime).toBeGreaterThan(0n);
    expect(getNodeStatus(backend.stateAt(0n), keeper.publicKey)?.freezeEndTime).toBe(0n);
    expect(balances(entity).stake).toBeLessThan(ENTITY_STAKE);
    expect(balances(entityOf(kept)).general).toBe(DEPOSIT);
    // One deposit came back and half of the penalty with it, as stake; the other is the honest node's.
    expect(poor - balances(ASKER).general).toBe(DEPOSIT);
    expect(balances(ASKER).stake).toBe(PENALTY / 2n);
  });

  test("get over having lost their disks when their peers have what is asked for", async () => {
    const first = await startWithOldRound();
    const [receipt] = receiptsFor(first) as [KeyedSignature];
    const lost = nameOf(receipt.publicKey);
    await net.network.stop();
    clock.stop();
    expect(disks.delete(lost)).toBe(true);
    await start();
    await challenge(first, receipt, ROOT_STATE);
    await closed();
    expect(incidents.filter(({ type }) => type === "slashed")).toEqual([]);
    expect(balances(entityOf(lost)).general).toBe(DEPOSIT);
  });
});

test("a runtime without enough storage nodes is suspended, and the network tells why", async () => {
  disks = new Map();
  clock = new VirtualClock(1_700_000_000_000);
  net = testNetwork(provisionKeyValue, disks, {
    clock,
    receipts: true,
    tune({ storage }) {
      if (storage.committee !== undefined) storage.committee.groupSize = 4;
    },
  });
  incidents = [];
  const reader = new IncidentReader(net.network.backend, RUNTIME_ID);
  net.network.backend.onBlock((block) => void incidents.push(...reader.read(block)));
  await net.network.start();
  const causes = (): unknown[] => incidents.map((incident) => (incident.type === "suspended" ? incident.cause : ""));
  while (!causes().includes("no storage committee")) await new Promise<void>((resolve) => setImmediate(resolve));
  // That no node is registered at first is no incident.
  expect(causes()).not.toContain("no executor committee");
});
