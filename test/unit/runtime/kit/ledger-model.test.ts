import { expect, test } from "vitest";
import { Amount, events, Owner, Payment, Solvency, tokenLedger } from "../../../../examples/token-ledger/runtime.ts";
import { addressFromPublicKey } from "#common/address.js";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { Quantity } from "#common/quantity.js";
import { type IncomingMessage, MessageEvent } from "#consensus/services/roothash/types.js";
import { TransferResult, WithdrawResult } from "#consensus/services/staking/types/transactions.js";
import { defineRuntime, method, noArguments, signCall } from "#runtime/kit/index.js";
import { bodyOf } from "#runtime/rhp/messages/index.js";
import { CHAIN_CONTEXT, introduced, scheduled, tagsOf } from "../support/kit.ts";
import { RUNTIME_ID, TestNode } from "../support/node.ts";

const PEOPLE = 4;
const ROUNDS = 120;
const NOBODY = new Uint8Array(21);

/** The ledger without its look at the consensus layer, which is not there. */
const program = defineRuntime({
  ...tokenLedger,
  queries: {
    ...tokenLedger.queries,
    owed: method({ args: noArguments, result: Solvency, execute: ({ state }) => owedIn(state) }),
  },
});

function owedIn(state: { get(key: Uint8Array): Uint8Array | undefined }): Solvency {
  const stored = state.get(Uint8Array.of(2));
  return { owed: stored === undefined ? 0n : Quantity.decode(stored), held: 0n };
}

test("whatever becomes of messages, the ledger owes exactly what the runtime's account holds and what is on its way", () => {
  const seed = Number(process.env["QANAT_SEED"] ?? 20_261_122);
  let randomState = seed;
  const random = (below: number): number => {
    randomState = (Math.imul(randomState, 1_103_515_245) + 12_345) >>> 0;
    return (randomState >>> 8) % below;
  };
  const signers = Array.from({ length: PEOPLE }, (_, i) => MemorySigner.fromSeed(hash(utf8(`person ${i}`))));
  const accounts = signers.map(({ publicKey }) => addressFromPublicKey(publicKey));
  const nonces = signers.map(() => 0n);
  const balances = new Map(accounts.map((account) => [toHex(account), 0n]));
  const node = new TestNode();
  const dispatcher = introduced(program, node);
  const target = { runtimeId: RUNTIME_ID, chainContext: CHAIN_CONTEXT };
  let held = 0n;
  let onItsWay = 0n;
  let inbox: MessageEvent[] = [];
  let messageId = 0n;
  const seen = new Map<string, number>();

  const query = <T>(name: string, args: Uint8Array, decode: (data: Uint8Array) => T): T => {
    const body = dispatcher.handle(bodyOf("RuntimeQueryRequest", node.querying(name, args)));
    return body.type === "RuntimeQueryResponse" ? decode(body.value.data) : expect.unreachable(body.type);
  };

  for (let round = 0; round < ROUNDS; round++) {
    const callers = signers.flatMap((_, who) => (random(3) > 0 ? who : []));
    const inputs = callers.map((who) => {
      const amount = BigInt(random(120));
      const to = accounts[random(PEOPLE)] as Uint8Array;
      const [name, args] = [
        ["transfer", Payment.encode({ to, amount })],
        ["deposit", Amount.encode({ amount })],
        ["withdraw", Payment.encode({ to, amount })],
      ][random(3)] as [string, Uint8Array];
      const nonce = nonces[who] as bigint;
      nonces[who] = nonce + 1n;
      return signCall(signers[who] as MemorySigner, { nonce, method: name, args }, target);
    });
    const inMsgs: IncomingMessage[] = Array.from({ length: random(3) }, () => {
      const tokens = BigInt(random(200));
      held += tokens;
      const data = random(2) === 0 ? (accounts[random(PEOPLE)] as Uint8Array) : new Uint8Array(0);
      const caller = accounts[random(PEOPLE)] as Uint8Array;
      return { id: messageId++, caller, tag: 0n, fee: 0n, tokens, data };
    });
    const roundResults = { messages: inbox, goodComputeEntities: [], badComputeEntities: [] };
    const response = scheduled(dispatcher, { ...node.scheduling(inputs), roundResults, inMsgs, maxMessages: 3 });
    const again = scheduled(dispatcher, {
      ...node.scheduling(
        inputs.filter((input) => response.txHashes.some((txHash) => toHex(txHash) === toHex(hash(input)))),
      ),
      roundResults,
      inMsgs,
      maxMessages: 3,
      mode: 0,
      ioRoot: response.txInputRoot,
    });
    expect(again.batch).toEqual(response.batch);
    node.finalize(response);
    // Those whose transactions were rejected use their nonces again.
    const rejected = new Set(response.txRejectHashes.map(toHex));
    inputs.forEach((input) => {
      if (!rejected.has(toHex(hash(input)))) return;
      const { sender } = program.decodeCall(input, target);
      const at = signers.findIndex(({ publicKey }) => toHex(publicKey) === toHex(sender));
      nonces[at] = (nonces[at] as bigint) - 1n;
    });
    onItsWay = 0n;
    inbox = response.batch.messages.map(({ staking }, index) => {
      const works = random(3) > 0;
      const { transfer, withdraw } = staking ?? {};
      if (transfer !== undefined && works) held -= transfer.amount;
      if (transfer !== undefined) onItsWay += works ? 0n : transfer.amount;
      if (withdraw !== undefined && works) [held, onItsWay] = [held + withdraw.amount, onItsWay + withdraw.amount];
      if (!works) return { module: "staking", code: 5, index, result: Uint8Array.of(0xf6) };
      const result = transfer
        ? TransferResult.encode({ from: NOBODY, to: transfer.to, amount: transfer.amount })
        : WithdrawResult.encode({ ...WithdrawResult.zero(), owner: NOBODY, beneficiary: NOBODY });
      return { ...MessageEvent.zero(), index, result };
    });
    for (const { key } of tagsOf(response)) seen.set(fromUtf8(key), (seen.get(fromUtf8(key)) ?? 0) + 1);
    for (const account of accounts) {
      balances.set(
        toHex(account),
        query("balance", Owner.encode({ account }), (data) => Quantity.decode(data)),
      );
    }
    const sum = [...balances.values()].reduce((total, balance) => total + balance, 0n);
    const { owed } = query("owed", noArguments.encode(null), (data) => Solvency.decode(data));
    expect(owed, `round ${round}, seed ${seed}`).toBe(sum);
    expect(owed + onItsWay, `round ${round}, seed ${seed}`).toBe(held);
  }
  for (const { key } of Object.values(events)) expect(seen.get(key), key).toBeGreaterThan(0);
});
