import { describe, expect, test } from "vitest";
import { Amount, events, Owner, Payment, tokenLedger } from "../../../../examples/token-ledger/runtime.ts";
import { addressFromPublicKey } from "#common/address.js";
import { utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { Quantity } from "#common/quantity.js";
import { WithdrawResult } from "#consensus/services/staking/types/transactions.js";
import { defineRuntime, method, noArguments, u64 } from "#runtime/kit/index.js";
import { LocalRuntime } from "#runtime/testing/index.js";

const ALICE = MemorySigner.fromTestName("alice");
const alice = addressFromPublicKey(ALICE.publicKey);
const bob = addressFromPublicKey(MemorySigner.fromTestName("bob").publicKey);
const version = { major: 0, minor: 0, patch: 0 };

describe("a runtime without a network", () => {
  test("takes messages from the consensus layer, sends some and learns what became of them", () => {
    const runtime = new LocalRuntime(tokenLedger);
    const balance = (account: Uint8Array): bigint => runtime.query("balance", Owner, { account }, Quantity);
    runtime.run({ incoming: [{ caller: alice, tokens: 10n, fee: 1n }] });
    expect(runtime.events(events.deposited)).toEqual([{ account: alice, amount: 11n }]);
    expect(runtime.call(ALICE, "transfer", Payment, { to: bob, amount: 4n }, noArguments)).toBeNull();
    expect([balance(alice), balance(bob)]).toEqual([7n, 4n]);

    const transactions = [runtime.sign(ALICE, "deposit", Amount, { amount: 5n })];
    const { messages, outputs } = runtime.run({ transactions });
    expect(outputs.map(({ type }) => type)).toEqual(["Success"]);
    expect(messages[0]?.staking?.withdraw).toEqual({ from: alice, amount: 5n });
    const result = WithdrawResult.encode({ ...WithdrawResult.zero(), owner: alice, amountChange: 5n });
    runtime.run({ results: [{ result }] });
    expect(balance(alice)).toBe(12n);
    runtime.run({ transactions: [runtime.sign(ALICE, "withdraw", Payment, { to: alice, amount: 12n })] });
    expect(balance(alice)).toBe(0n);
    runtime.run({ results: [{ module: "staking", code: 2 }] });
    expect(runtime.events(events.refunded)).toMatchObject([{ module: "staking", code: 2 }]);
    expect(balance(alice)).toBe(12n);
  });

  test("shows code that does not do the same twice", () => {
    let runs = 0n;
    const counting = method({ args: noArguments, result: u64, execute: () => ++runs });
    const runtime = new LocalRuntime(defineRuntime({ version, methods: { count: counting } }));
    const { rejected, outputs } = runtime.run({ transactions: [utf8("nothing that can be read")] });
    expect([rejected.length, outputs.length]).toEqual([1, 0]);
    const unsigned = defineRuntime({ ...tokenLedger, methods: { count: counting } });
    expect(() => new LocalRuntime(unsigned).call(ALICE, "count", noArguments, null, u64)).toThrow("two different");
  });
});
