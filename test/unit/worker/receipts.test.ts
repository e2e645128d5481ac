import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { equalBytes } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { getRuntimeState } from "#consensus/services/roothash/state.js";
import { HEADER_NORMAL } from "#consensus/services/roothash/types.js";
import { ROLE_COMPUTE, ROLE_STORAGE } from "#common/node-roles.js";
import { ReceiptReader } from "#network/receipts.js";
import { ByzantineSwitches } from "#network/byzantine/switches.js";
import { commitmentsTo } from "./support/commitments.ts";
import { insertCall, provisionKeyValue, RUNTIME_ID, type TestNetwork, testNetwork } from "./support/local-network.ts";

let net: TestNetwork;
let nonce = 0n;

beforeEach(() => {
  nonce = 0n;
});
afterEach(() => net.network.stop());

function submit(): Promise<{ round: bigint }> {
  return net.worker("client-0").client.submitTxMeta(insertCall("alice", nonce, "key", `value ${nonce++}`));
}

describe("where the runtime demands receipts", () => {
  test("each commitment has those of two storage nodes, which keep the round", async () => {
    net = testNetwork(provisionKeyValue, new Map(), { receipts: true });
    await net.network.start();
    const { round } = await submit();
    const signed = commitmentsTo(net, round);
    expect(signed.length).toBeGreaterThanOrEqual(2);
    const storages = net.network.nodes.filter(({ name }) => name.startsWith("storage"));
    for (const { storageSigs = [] } of signed) {
      expect(storageSigs).toHaveLength(2);
      for (const { publicKey } of storageSigs) {
        expect(storages.some(({ identity }) => equalBytes(identity.node.publicKey, publicKey))).toBe(true);
      }
    }
    await net.settled(round);
  });

  test("a storage node that has lost its disk fetches all rounds from the others and gives receipts again", async () => {
    const disks = new Map<string, Disk>();
    net = testNetwork(provisionKeyValue, disks, { receipts: true });
    await net.network.start();
    const { round } = await submit();
    await net.settled(round);
    await net.network.stop();
    disks.delete("storage-0");
    const switches = new ByzantineSwitches();
    net = testNetwork(provisionKeyValue, disks, { receipts: true, byzantine: switches });
    await net.network.start();
    await net.settled(round);
    // Nobody but the node in question and one more is there to give receipts.
    switches.set("storage-1", "no-store");
    const next = await submit();
    const signers = commitmentsTo(net, next.round).flatMap(({ storageSigs = [] }) => storageSigs);
    const { publicKey } = net.network.node("storage-0").identity.node;
    expect(signers.filter((receipt) => equalBytes(receipt.publicKey, publicKey)).length).toBeGreaterThanOrEqual(2);
    await net.settled(next.round);
  });

  test("compute nodes may be the storage nodes too; each gives one of the receipts itself", async () => {
    net = testNetwork(provisionKeyValue, new Map(), {
      edit(genesis, members) {
        genesis.registry.params.enableStorageCommittees = true;
        for (const member of members) {
          if (member.kind === "compute") Object.assign(member, { roles: ROLE_COMPUTE | ROLE_STORAGE });
        }
      },
      tune(runtime) {
        const limits = { maxApplyOps: 2n, maxApplyWriteLogEntries: 1000n };
        runtime.storage.committee = { validFrom: 0n, groupSize: 5, minWriteReplication: 4, ...limits };
      },
    });
    await net.network.start();
    const { round } = await submit();
    for (const { storageSigs = [] } of commitmentsTo(net, round)) expect(storageSigs).toHaveLength(4);
    await net.settled(round);
  });

  test("who has signed is told of each round that ended normally", async () => {
    net = testNetwork(provisionKeyValue, new Map(), { receipts: true });
    const { backend } = net.network;
    const reader = new ReceiptReader(backend, RUNTIME_ID);
    const told = new Map<bigint, readonly Uint8Array[]>();
    backend.onBlock((block) => {
      for (const { round, signers } of reader.read(block)) told.set(round, signers);
    });
    await net.network.start();
    const { round } = await submit();
    expect(told.get(round)?.length).toBeGreaterThanOrEqual(2);
    const { client } = net.worker("client-0");
    for (const [ended] of told) expect(client.getBlock(ended).header.headerType).toBe(HEADER_NORMAL);
  });

  test("too few storage nodes for a committee suspend the runtime; it goes on when they are back", async () => {
    const disks = new Map<string, Disk>();
    net = testNetwork(provisionKeyValue, disks, { receipts: true });
    await net.network.start();
    const { round } = await submit();
    const isSuspended = (): boolean => getRuntimeState(net.network.backend.stateAt(0n), RUNTIME_ID)?.suspended === true;
    const until = (condition: () => boolean): Promise<void> =>
      net.network.backend.produceUntil(condition, () => new Promise((resolve) => setImmediate(resolve)));
    await net.network.node("storage-2").stop();
    // Without its proof there is nobody for the third seat.
    await until(isSuspended);
    const before = net.worker("client-0").client.getBlock(round).header;
    await net.network.stop();
    net = testNetwork(provisionKeyValue, disks, { receipts: true });
    await net.network.start();
    await until(() => !isSuspended());
    const next = await submit();
    expect(next.round).toBeGreaterThan(round);
    const signers = commitmentsTo(net, next.round).flatMap(({ storageSigs = [] }) => storageSigs);
    expect(signers.length).toBeGreaterThanOrEqual(4);
    expect(net.worker("client-0").client.getBlock(round).header).toEqual(before);
    await net.settled(next.round);
  });
});
