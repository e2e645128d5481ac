import { afterEach, describe, expect, test } from "vitest";
import { equalBytes, toHex } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { commitmentVote, HEADER_NORMAL } from "#consensus/services/roothash/types.js";
import { defineRuntime } from "#runtime/kit/define-runtime.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { unknown } from "#common/errors/index.js";
import { keyValue } from "../../../examples/kv/kv.ts";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { commitmentsTo } from "./support/commitments.ts";
import {
  insertCall,
  nodeNames,
  type Provision,
  provisionKeyValue,
  type TestNetwork,
  testNetwork,
  type TestNetworkOptions,
} from "./support/local-network.ts";
import { WrappedHost } from "./support/wrapped-host.ts";

let net: TestNetwork;
let nonce = 0n;

afterEach(() => net.network.stop());

function submit(): Promise<{ round: bigint }> {
  return net.worker("client-0").client.submitTxMeta(insertCall("alice", nonce, "key", `value ${nonce++}`));
}

async function start(made: TestNetwork): Promise<void> {
  net = made;
  nonce = 0n;
  await net.network.start();
  await submit();
}

/** A key-value runtime that cheats: it stores something else once the switch is on. */
function cheatingProvision(cheats: (name: string) => boolean): Parameters<typeof testNetwork>[0] {
  return (member, site) => {
    const program = defineRuntime({
      ...keyValue,
      endBlock: (ctx) => {
        if (cheats(member.name)) ctx.state.insert(Uint8Array.of(7), Uint8Array.of(7));
      },
    });
    return new InProcessHost({ ...site, program });
  };
}

describe("a compute node whose runtime computes something else", () => {
  test("as a verifier commits differently; the backup workers decide for the right state", async () => {
    let cheat = "";
    // If one might be missing, the two honest ones could end the round before the third says anything.
    const tune = (runtime: Runtime): void => void (runtime.executor.allowedStragglers = 0);
    // One epoch has it all: the next committee may do without the cheat.
    const edit: TestNetworkOptions["edit"] = ({ beacon }) => {
      if (beacon.params.vrfParameters !== undefined) beacon.params.vrfParameters.interval = 60n;
    };
    await start(
      testNetwork(
        cheatingProvision((name) => name === cheat),
        new Map(),
        { tune, edit },
      ),
    );
    cheat = net.serving("worker")[1] as string;
    const culprit = net.network.node(cheat).identity.node.publicKey;
    const reports = net.worker("client-0").watchRounds();
    const { round } = await submit();
    cheat = "";
    for await (const report of reports) {
      if (report.round !== round) continue;
      expect(report).toMatchObject({ transactions: 1, finalizedBy: "backup" });
      break;
    }
    const { stateRoot } = net.worker("client-0").client.getBlock(round).header;
    const votes = commitmentsTo(net, round).map((commit) => toHex(commitmentVote(commit) ?? new Uint8Array(0)));
    expect(new Set(votes).size).toBe(2);
    // The third worker's vote may come too late to count; both backup workers' are needed.
    expect(votes.length).toBeGreaterThanOrEqual(4);
    const others = commitmentsTo(net, round).filter(
      ({ header }) => !equalBytes(header.header.stateRoot as Uint8Array, stateRoot),
    );
    expect(others.map(({ nodeId }) => toHex(nodeId))).toEqual([toHex(culprit)]);
    await submit().then((next) => net.settled(next.round));
  });

  test("as the scheduler does not get its results through; a later round has the transaction", async () => {
    let cheat = "";
    await start(testNetwork(cheatingProvision((name) => name === cheat)));
    const reports = net.worker("client-0").watchRounds();
    cheat = net.serving("worker")[0] as string;
    const pending = submit();
    for await (const { finalizedBy } of reports) {
      if (finalizedBy === "timeout") break;
    }
    cheat = "";
    const { round } = await pending;
    expect(net.worker("client-0").client.getBlock(round).header.headerType).toBe(HEADER_NORMAL);
    await net.settled(round);
  });
});

describe("a compute node that fails", () => {
  test("as the scheduler is replaced by the next rank after its time", async () => {
    let broken = "";
    const provision: Provision = (member, site) =>
      new WrappedHost(provisionKeyValue(member, site), (kind, value, go) => {
        if (kind === "RuntimeExecuteTxBatchRequest" && member.name === broken) throw unknown("broken");
        return go(value);
      });
    // The scheduler that fails never commits to the proposal of another, as its own rank is better.
    await start(testNetwork(provision));
    broken = net.serving("worker")[0] as string;
    const before = net.worker("client-0").status.latestRound as bigint;
    const pending = submit();
    await net.until(() => (net.worker("client-0").status.latestRound as bigint) > before || broken === "");
    const { round } = await pending;
    const schedulers = new Set(commitmentsTo(net, round).map(({ header }) => toHex(header.schedulerId)));
    expect(schedulers).not.toContain(toHex(net.network.node(broken).identity.node.publicKey));
    broken = "";
    await net.settled(round);
  });

  test("to hear of a transaction fetches it from a peer and takes part", async () => {
    let deaf = "";
    const made = testNetwork(provisionKeyValue, new Map(), {
      fate: ({ kind, to, name }) => {
        const isDeaf = deaf !== "" && toHex(to) === toHex(net.network.node(deaf).identity.p2p.publicKey);
        return kind === "gossip" && name.includes("/tx/") && isDeaf ? "lost" : 0;
      },
    });
    await start(made);
    deaf = net.serving("worker")[1] as string;
    const { round } = await submit();
    const committed = commitmentsTo(net, round).map(({ nodeId }) => toHex(nodeId));
    expect(committed).toContain(toHex(net.network.node(deaf).identity.node.publicKey));
    await net.settled(round);
  });
});

describe("a restart", () => {
  test("continues with the next round and keeps all earlier ones", async () => {
    const disks = new Map<string, Disk>();
    await start(testNetwork(provisionKeyValue, disks));
    const { round } = await submit();
    const block = net.worker("client-0").client.getBlock(round);
    const next = nonce;
    await net.network.stop();
    net = testNetwork(provisionKeyValue, disks);
    await net.network.start();
    expect(net.worker("client-0").client.getBlock(round)).toEqual(block);
    nonce = next;
    const later = await submit();
    expect(later.round).toBeGreaterThan(round);
    await net.settled(later.round);
  });

  test("of one node without its disk fetches all rounds from its peers", async () => {
    const disks = new Map<string, Disk>();
    await start(testNetwork(provisionKeyValue, disks));
    await submit();
    await submit();
    const next = nonce;
    await net.network.stop();
    disks.delete("compute-0");
    disks.delete("client-0");
    net = testNetwork(provisionKeyValue, disks);
    await net.network.start();
    nonce = next;
    const { round } = await submit();
    await net.settled(round);
    for (const name of nodeNames("compute")) {
      expect(net.worker(name).client.getEvents(1n)).toEqual(net.worker("client-0").client.getEvents(1n));
    }
  });
});

describe("messages that take their time and overtake each other", () => {
  test("do not keep transactions from being executed once each", async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`seed of the delays: ${seed}`);
    let state = seed;
    // A linear congruential generator is random enough for delays.
    const delay = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor(state / 65_536) % 40;
    };
    await start(testNetwork(provisionKeyValue, new Map(), { fate: delay }));
    const { client } = net.worker("client-0");
    const names = ["alice", "bob", "carol", "dave"];
    const all = names.flatMap((name) =>
      [5n, 3n, 4n, 1n, 2n].map((n) => client.submitTxMeta(insertCall(`late ${name}`, n - 1n, "k", `${n}`))),
    );
    const places = await Promise.all(all);
    expect(places.every(({ checkTxError }) => checkTxError === undefined)).toBe(true);
    const last = places.reduce((max, { round }) => (round > max ? round : max), 0n);
    await net.settled(last);
    for (let round = 1n; round <= last; round++) {
      const blocks = nodeNames("compute").map((name) => net.worker(name).client.getTransactions(round));
      for (const transactions of blocks) expect(transactions).toEqual(client.getTransactions(round));
    }
  });
});
