import { keyValue } from "@qanat/example-kv";
import { describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { IncomingMessage, SubmitMessage } from "#consensus/services/roothash/types.js";
import { defineEvent, defineRuntime, nullable, Quantity, refuse, struct, text } from "#runtime/kit/index.js";
import { insertCall, RUNTIME_ID } from "./support/local-network.ts";
import { addressOf, ALICE, BOB, OWNER, ProgramNetwork, RUNTIME_ACCOUNT } from "./support/program-network.ts";

class Taken extends struct("Taken", { message: IncomingMessage, held: Quantity }) {}
const taken = (number: bigint) => defineEvent(`taken ${number}`, Taken);
class Key extends struct("Key", { key: text({ max: 100 }) }) {}
const refused = utf8("refuse me");
const plain = { version: { major: 0, minor: 0, patch: 0 }, methods: {} };

/** Announces each message, at most as many in a round. */
const listener = (maxIncomingMessages: number) =>
  defineRuntime({
    ...plain,
    maxIncomingMessages,
    incoming(ctx, message) {
      ctx.state.insert(utf8("last"), message.data);
      ctx.emitEvent(taken(message.id), { message, held: ctx.consensus.runtimeBalance(ctx.runtimeId) });
      if (message.data.join() === refused.join()) refuse("as asked");
    },
  });

async function running<T>(network: ProgramNetwork, use: () => Promise<T>): Promise<void> {
  await network.start();
  try {
    await use();
  } finally {
    await network.stop();
  }
}

describe("messages to a runtime by way of the consensus layer", () => {
  test("arrive with caller, tag, fee, tokens and data; the runtime's account has fee and tokens", async () => {
    const network = new ProgramNetwork(listener(10));
    await running(network, async () => {
      await network.sendMessage(ALICE, { tag: 42n, fee: 5n, tokens: 95n, data: utf8("hello") });
      const { round, events } = await network.eventsFrom(taken(0n), 1n);
      const message = { id: 0n, caller: addressOf(ALICE), tag: 42n, fee: 5n, tokens: 95n, data: utf8("hello") };
      expect(events[0]?.message).toEqual(message);
      expect(network.balance(RUNTIME_ACCOUNT)).toBe(100n);
      const { height } = network.net.worker("client-0").history.block(round) as { height: bigint };
      const processed = (await network.rootHashEvents(height)).flatMap((event) => event.inMessageProcessed ?? []);
      expect(processed).toEqual([{ id: 0n, round, caller: addressOf(ALICE), tag: 42n }]);
    });
  });

  test("are taken in order, as many in a round as the runtime wants; one that it refuses is used up too", async () => {
    const network = new ProgramNetwork(listener(1));
    await running(network, async () => {
      for (const data of [utf8("a"), refused, utf8("c")]) await network.sendMessage(ALICE, { data });
      const rounds = [];
      for (const number of [0n, 2n]) rounds.push((await network.eventsFrom(taken(number), 1n)).round);
      expect(rounds[1]).toBeGreaterThan((rounds[0] as bigint) + 1n);
      const between = network.eventsBetween(taken(1n), rounds[0] as bigint, rounds[1] as bigint);
      // What it has written and announced before it refused is gone.
      expect(between).toEqual([]);
      expect(network.queueSize()).toBe(0);
    });
  });

  test("wait in a queue of limited length, and cost what the runtime demands", async () => {
    const network = new ProgramNetwork(listener(0), {
      tune(runtime) {
        runtime.txnScheduler.maxInMessages = 2;
        runtime.staking.minInMessageFee = 5n;
      },
    });
    await running(network, async () => {
      const send = (message: Partial<SubmitMessage>) => network.sendMessage(ALICE, message);
      await expect(send({ fee: 4n })).rejects.toMatchObject({ module: "roothash", code: 12 });
      await expect(network.sendMessage(BOB, { fee: 5n })).rejects.toMatchObject({ module: "staking", code: 3 });
      await send({ fee: 5n, data: utf8("first") });
      await send({ fee: 5n, data: utf8("second") });
      const before = network.balance(addressOf(ALICE));
      await expect(send({ fee: 5n, tokens: 100n })).rejects.toMatchObject({ module: "roothash", code: 11 });
      // The tokens stay where they were.
      expect(network.balance(addressOf(ALICE))).toBe(before);
      expect(network.queueSize()).toBe(2);
      await network.after(network.latestRound + 2n);
      expect(network.queueSize()).toBe(2);
    });
  });

  test("are refused where the runtime takes none", async () => {
    const network = new ProgramNetwork(listener(10), {
      tune: (runtime) => void (runtime.txnScheduler.maxInMessages = 0),
    });
    await running(network, async () => {
      await expect(network.sendMessage(OWNER, {})).rejects.toMatchObject({ module: "roothash", code: 11 });
      const body = { ...SubmitMessage.zero(), id: Uint8Array.from(RUNTIME_ID, (byte, i) => (i === 31 ? 1 : byte)) };
      const elsewhere = network.consensus(OWNER, "roothash.SubmitMsg", SubmitMessage, body);
      await expect(elsewhere).rejects.toMatchObject({ module: "roothash", code: 3 });
    });
  });

  test("are transactions to a runtime that does not say otherwise; what is none is passed over", async () => {
    const network = new ProgramNetwork(keyValue);
    await running(network, async () => {
      await network.sendMessage(ALICE, { data: utf8("no transaction") });
      await network.sendMessage(ALICE, { data: insertCall("alice", 0n, "colour", "blue") });
      await network.until(() => network.queueSize() === 0);
      await network.after(network.latestRound);
      expect(await network.query("get", Key, { key: "colour" }, nullable(text({ max: 100 })))).toBe("blue");
    });
  });
});
