import { setImmediate as immediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Channel } from "#common/rpc/index.js";
import { createClient } from "#common/rpc/index.js";
import type { Block } from "#consensus/block/block.js";
import { headerHash } from "#consensus/block/header.js";
import { checkLightBlock, type CompleteLightBlock, type LightBlock } from "#consensus/block/light-block.js";
import { LightClientAttack } from "#consensus/light/attack.js";
import { LightClient } from "#consensus/light/client.js";
import { RpcProvider } from "#consensus/light/provider.js";
import { TrustStore } from "#consensus/light/trust-store.js";
import { registryMethods } from "#consensus/services/registry/rpc.js";
import { systemClock } from "#platform/clock.js";
import { buildNetwork, type BuiltNetwork } from "../../../interop/support/network.ts";
import { unaryChannel } from "./support.ts";
import { forgeBlock } from "../../consensus/light/support/forge.ts";

const BLOCKS = 8n;
const HOUR = 3_600_000_000_000n;

let built: BuiltNetwork;
let channel: Channel;

beforeAll(async () => {
  built = buildNetwork();
  channel = unaryChannel(built);
  await built.network.start();
});
afterAll(() => built.network.stop());

async function produce(count: bigint): Promise<void> {
  const { backend } = built.network;
  const end = backend.latestHeight + count;
  await backend.produceUntil(
    () => backend.latestHeight >= end,
    async () => {
      await immediate();
    },
  );
}

/** A node that shows what the honest one shows, but for one height. */
class Liar extends RpcProvider {
  constructor(private readonly forged: CompleteLightBlock) {
    super("liar", channel);
  }

  override async lightBlock(height: bigint): Promise<LightBlock> {
    const { header, commit, validatorSet } = this.forged;
    if (height === header.height) return { signedHeader: { header, commit }, validatorSet };
    return super.lightBlock(height);
  }
}

test("a light client that is lied to tells an honest node, whose chain punishes the liars", async () => {
  const { backend } = built.network;
  const chainId = backend.app.chainContext.slice(0, 50);
  const first = backend.latestHeight;
  await produce(BLOCKS);
  const honest = new RpcProvider("honest", channel);
  const root = checkLightBlock(chainId, await honest.lightBlock(first));
  const target = first + 5n;
  const original = checkLightBlock(chainId, await honest.lightBlock(target));
  const names = ["validator-0", "validator-1", "validator-2"];
  const liars = built.members.filter(({ name }) => names.includes(name));
  const forged = forgeBlock(original, {
    height: target,
    bend: (header) => ({ ...header, appHash: new Uint8Array(32).fill(9) }),
    signers: liars.map(({ identity }) => identity.consensus),
  });
  const client = new LightClient({
    chainId,
    root: { height: first, hash: headerHash(root.header) },
    primary: new Liar(forged),
    witnesses: [honest],
    store: new TrustStore(new MemoryDisk().openTable("light")),
    clock: systemClock,
    trustingPeriod: HOUR,
    maxClockDrift: HOUR,
  });
  const accused: Block[] = [];
  const stop = backend.onBlock(({ block }) => {
    if (block.evidence.evidence.length > 0) accused.push(block);
  });
  await expect(client.verify(target)).rejects.toBeInstanceOf(LightClientAttack);
  await produce(1n);
  stop();
  expect(accused.flatMap(({ evidence }) => evidence.evidence.map(({ type }) => type))).toEqual(["lightClientAttack"]);
  const registry = createClient(registryMethods, channel);
  for (const { identity, name } of built.members.filter(({ kind }) => kind === "validator")) {
    const { freezeEndTime } = await registry.GetNodeStatus({ height: 0n, id: identity.node.publicKey });
    expect([name, freezeEndTime > 0n]).toEqual([name, names.includes(name)]);
  }
  expect(built.complaints).toEqual([]);
});
