import { afterEach, describe, expect, test } from "vitest";
import { keyValue } from "../../../examples/kv/kv.ts";
import { encodeFrame } from "#runtime/rhp/framing.js";
import { bodyOf, Message } from "#runtime/rhp/messages/index.js";
import { getNode } from "#consensus/services/registry/state.js";
import { insertCall, type Provision, type TestNetwork, testNetwork } from "./support/local-network.ts";
import { type Mangle, mangledHost } from "./support/mangled-host.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const START_MS = 1_700_000_000_000;
const ODD = "compute-4";

/** Says that the node is to pick the transactions of a batch. */
const leavesTheChoice: Mangle = (message, frame, line) => {
  if (message.body.type !== "RuntimeInfoResponse") return line.send(frame);
  const { value } = message.body;
  const features = { ...value.features, scheduleControl: undefined };
  line.send(encodeFrame(Message.encode({ ...message, body: bodyOf("RuntimeInfoResponse", { ...value, features }) })));
};

/** Does not get along with what its host says of the consensus layer. */
const trustsNobody: Mangle = ({ body }, frame, line) => {
  if (body.type !== "RuntimeConsensusSyncResponse") line.send(frame);
};

describe("a node with the role for committees", () => {
  const clock = new VirtualClock(START_MS);
  let net: TestNetwork;

  afterEach(async () => {
    await net.network.stop();
  });

  async function start(mangle: () => Mangle): Promise<void> {
    const provision: Provision = ({ name }, site) =>
      mangledHost(site, keyValue, (message, frame, line) =>
        name === ODD ? mangle()(message, frame, line) : line.send(frame),
      );
    net = testNetwork(provision, new Map(), { clock });
    await net.network.start();
    await net.worker("client-0").client.submitTxMeta(insertCall("alice", 0n, "key", "value"));
  }

  const registered = (name: string): bigint => {
    const { network } = net;
    return getNode(network.backend.stateAt(0n), network.node(name).identity.node.publicKey)?.expiration ?? 0n;
  };

  test("does not register while its runtime picks no transactions", async () => {
    await start(() => leavesTheChoice);
    expect(net.worker(ODD).host.info).toBeDefined();
    expect(net.worker(ODD).isAvailable).toBe(false);
    expect(net.worker("compute-0").isAvailable).toBe(true);
    const first = registered(ODD);
    await net.until(() => registered("compute-0") > first + 1n);
    expect(registered(ODD)).toBe(first);
  });

  test("does not register before its runtime has followed the chain", async () => {
    let follows = false;
    await start(() => (follows ? (_, frame, line) => line.send(frame) : trustsNobody));
    expect(net.worker(ODD).isAvailable).toBe(false);
    const first = registered(ODD);
    await net.until(() => registered("compute-0") > first + 1n);
    expect(registered(ODD)).toBe(first);
    follows = true;
    await net.until(() => registered(ODD) > first);
    expect(net.worker(ODD).isAvailable).toBe(true);
    // Each new instance has to follow the chain again.
    await net.worker(ODD).host.abort(true);
    expect(net.worker(ODD).isAvailable).toBe(false);
    await net.until(() => net.worker(ODD).isAvailable);
  });
});
