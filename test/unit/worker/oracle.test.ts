import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Answer, events, oracle, QuestionId, Report } from "../../../examples/oracle/runtime.ts";
import { utf8 } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { nullable } from "#common/schema/index.js";
import { DEFAULT_SIZE, networkMembers } from "#network/topology.js";
import { addressOf, ALICE, BOB, ProgramNetwork, RUNTIME_ACCOUNT } from "./support/program-network.ts";

/** Entities of the nodes have stake; they are the reporters. */
const REPORTERS = networkMembers(hash(utf8("worker tests")), DEFAULT_SIZE)
  .filter(({ kind }) => kind === "compute")
  .map(({ entity }): Signer => entity);

describe("the oracle", () => {
  const network = new ProgramNetwork(oracle, { tune: (runtime) => void (runtime.executor.maxMessages = 2) });
  const answerTo = (question: bigint) => network.query("answer", QuestionId, { question }, nullable(Answer));

  beforeAll(() => network.start());
  afterAll(() => network.stop());

  /** Asks and returns the question's number and the round in which it arrived. */
  async function ask(tokens: bigint): Promise<{ question: bigint; round: bigint }> {
    const from = network.latestRound + 1n;
    await network.sendMessage(ALICE, { tokens, data: utf8("how warm is it?") });
    const { round, events: asked } = await network.eventsFrom(events.asked, from);
    return { question: asked[0]?.question as bigint, round };
  }

  const report = (signer: Signer, question: bigint, value: bigint) =>
    network.call(signer, "report", Report, { question, value });

  test("answers with the median of three reporters with stake, and pays them as far as a round has room", async () => {
    const reporters = REPORTERS.slice(0, 3);
    const before = reporters.map((signer) => network.balance(addressOf(signer)));
    const { question, round } = await ask(900n);
    expect(await answerTo(question)).toBeNull();
    const refused = await report(BOB, question, 1n);
    expect(refused.error).toBe("not enough stake");
    for (const [i, signer] of reporters.entries()) await report(signer, question, [30n, 10n, 20n][i] as bigint);
    const answered = await network.eventsFrom(events.answered, round);
    expect(answered.events).toEqual([{ question, value: 20n, reports: 3 }]);
    expect(await answerTo(question)).toEqual({ question, value: 20n, reports: 3 });
    // Two messages fit into a round: the third payment waits for the next one.
    const first = await network.eventsFrom(events.paid, answered.round);
    const second = await network.eventsFrom(events.paid, first.round + 1n);
    expect(second.round).toBe(await network.nextNormalRound(first.round));
    expect(reporters.map((signer) => network.balance(addressOf(signer)))).toEqual(before.map((b) => b + 300n));
    expect(network.balance(RUNTIME_ACCOUNT)).toBe(0n);
    expect((await report(reporters[0] as Signer, question, 1n)).error).toBe("no such question");
  });

  test("gives a question back that nobody answers", async () => {
    const before = network.balance(addressOf(ALICE));
    const { question, round } = await ask(70n);
    expect(network.balance(RUNTIME_ACCOUNT)).toBe(70n);
    const givenUp = await network.eventsFrom(events.givenUp, round);
    expect(givenUp.events).toEqual([{ question }]);
    expect(givenUp.round).toBeGreaterThanOrEqual(round + 20n);
    await network.eventsFrom(events.paid, givenUp.round);
    expect(network.balance(addressOf(ALICE))).toBe(before);
  });
});
