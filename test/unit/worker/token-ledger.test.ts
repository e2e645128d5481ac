import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Amount, events, Owner, Payment, Solvency, tokenLedger } from "../../../examples/token-ledger/runtime.ts";
import { COMMON_POOL } from "#common/address.js";
import { Quantity } from "#common/quantity.js";
import { Allow } from "#consensus/services/staking/types/transactions.js";
import { noArguments } from "#runtime/kit/index.js";
import { addressOf, ALICE, BOB, ProgramNetwork, RUNTIME_ACCOUNT } from "./support/program-network.ts";

describe("the token ledger", () => {
  const ledger = new ProgramNetwork(tokenLedger);
  const [alice, bob] = [addressOf(ALICE), addressOf(BOB)];
  const balance = (account: Uint8Array) => ledger.query("balance", Owner, { account }, Quantity);

  beforeAll(() => ledger.start());
  afterAll(() => ledger.stop());

  test("credits tokens and fee of an incoming message, and the runtime's account has them", async () => {
    const from = ledger.latestRound + 1n;
    await ledger.sendMessage(ALICE, { fee: 7n, tokens: 1000n });
    const { events: found } = await ledger.eventsFrom(events.deposited, from);
    expect(found).toEqual([{ account: alice, amount: 1007n }]);
    expect(await balance(alice)).toBe(1007n);
    expect(ledger.balance(RUNTIME_ACCOUNT)).toBe(1007n);
  });

  test("credits somebody else when the message names an address", async () => {
    const from = ledger.latestRound + 1n;
    await ledger.sendMessage(ALICE, { tokens: 50n, data: bob });
    await ledger.eventsFrom(events.deposited, from);
    expect(await balance(bob)).toBe(50n);
  });

  test("withdraws what an account has allowed, and credits it one round later", async () => {
    await ledger.consensus(ALICE, "staking.Allow", Allow, {
      beneficiary: RUNTIME_ACCOUNT,
      negative: false,
      amountChange: 500n,
    });
    const [before, funds] = [await balance(alice), ledger.balance(alice)];
    const { round } = await ledger.call(ALICE, "deposit", Amount, { amount: 400n });
    expect(ledger.events(events.deposited, round)).toEqual([]);
    const settled = await ledger.eventsFrom(events.deposited, round);
    const next = await ledger.nextNormalRound(round);
    expect(settled).toEqual({ round: next, events: [{ account: alice, amount: 400n }] });
    expect(await balance(alice)).toBe(before + 400n);
    expect(ledger.balance(alice)).toBe(funds - 400n);
    expect(ledger.account(alice).general.allowances.get(RUNTIME_ACCOUNT)).toBe(100n);
  });

  test("a deposit beyond the allowance fails and credits nothing", async () => {
    const before = await balance(alice);
    const { round } = await ledger.call(ALICE, "deposit", Amount, { amount: 101n });
    const { events: failures } = await ledger.eventsFrom(events.depositFailed, round);
    expect(failures).toEqual([{ booking: { account: alice, amount: 101n }, module: "staking", code: 5 }]);
    expect(await balance(alice)).toBe(before);
  });

  test("a withdrawal leaves at once and arrives with the round", async () => {
    const [before, funds, held] = [await balance(bob), ledger.balance(alice), ledger.balance(RUNTIME_ACCOUNT)];
    const { round } = await ledger.call(BOB, "withdraw", Payment, { to: alice, amount: 30n });
    expect(await balance(bob)).toBe(before - 30n);
    const { events: withdrawn } = await ledger.eventsFrom(events.withdrawn, round);
    expect(withdrawn).toEqual([{ account: bob, amount: 30n }]);
    expect(ledger.balance(alice)).toBe(funds + 30n);
    expect(ledger.balance(RUNTIME_ACCOUNT)).toBe(held - 30n);
  });

  test("a withdrawal that the consensus layer refuses is given back", async () => {
    const before = await balance(bob);
    const { round } = await ledger.call(BOB, "withdraw", Payment, { to: COMMON_POOL, amount: 5n });
    expect(await balance(bob)).toBe(before - 5n);
    const { events: refunds } = await ledger.eventsFrom(events.refunded, round);
    expect(refunds).toMatchObject([{ booking: { account: bob, amount: 5n } }]);
    expect(await balance(bob)).toBe(before);
  });

  test("moves tokens within, and refuses what is not there or not signed by its bob", async () => {
    const { round } = await ledger.call(ALICE, "transfer", Payment, { to: bob, amount: 7n });
    expect(ledger.events(events.transferred, round)).toEqual([{ from: alice, to: bob, amount: 7n }]);
    const tooMuch = await ledger.call(BOB, "transfer", Payment, { to: alice, amount: 10n ** 18n });
    expect(tooMuch.error).toBe("insufficient balance");
    const { client } = ledger.net.worker("client-0");
    const forged = ledger.transaction(ALICE, "transfer", Payment, { to: bob, amount: 1n });
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
    await expect(client.checkTx(forged)).rejects.toThrow("malformed transaction");
  });

  test("owes what it holds, by the consensus layer's own state", async () => {
    await ledger.after(ledger.latestRound + 2n);
    const { owed, held } = await ledger.query("solvency", noArguments, null, Solvency);
    expect(owed).toBe(held);
    expect(held).toBe(ledger.balance(RUNTIME_ACCOUNT));
  });
});
