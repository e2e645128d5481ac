import { describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import { Mempool } from "#consensus/backends/mempool.js";
import { staking } from "#consensus/services/staking/index.js";
import { Transfer } from "#consensus/services/staking/types/index.js";
import { BlockMetadata, SignedTransaction, signTransaction, Transaction } from "#consensus/transaction/transaction.js";
import { developmentAccounts } from "#network/topology.js";
import { Bench } from "../services/staking/support.ts";
import { said, TestChain } from "./support.ts";

const transfer = (chain: TestChain, amount = 1n): Uint8Array => Transfer.encode({ to: chain.address(1), amount });

function code(action: () => unknown): string {
  try {
    action();
    return "ok";
  } catch (error) {
    if (error instanceof CodedError) return `${error.module}/${error.code}`;
    throw error;
  }
}

describe("the execution of a transaction", () => {
  test("refuses what is too large before it looks inside", () => {
    const chain = new TestChain((genesis) => {
      genesis.consensus.params = { ...genesis.consensus.params, maxTxSize: 100n };
    });
    const [large, small] = chain.tryOut(new Uint8Array(101), new Uint8Array(100));
    expect([large, small].map((result) => result && said(result))).toEqual(["consensus/2", "unknown/1"]);
    expect(large).toMatchObject({ gasWanted: 0n, gasUsed: 0n, events: [] });
  });

  test("answers what it cannot open with the code of errors without a code", () => {
    const chain = new TestChain();
    const good = SignedTransaction.decode(chain.raw("staking.Transfer", transfer(chain)));
    const resigned = (tx: Transaction): Uint8Array => signTransaction(chain.signer(), tx, chain.app.chainContext);
    const bad = [
      new Uint8Array(0),
      Uint8Array.of(0xa0),
      utf8("not a transaction"),
      SignedTransaction.encode({ ...good, untrustedRawValue: Uint8Array.of(1) }),
      SignedTransaction.encode({ ...good, signature: { ...good.signature, signature: new Uint8Array(64) } }),
      signTransaction(chain.signer(), Transaction.decode(good.untrustedRawValue), "another chain"),
      resigned({ ...Transaction.zero(), method: "" }),
      resigned({ ...Transaction.zero(), method: "staking.Nothing" }),
    ];
    for (const result of chain.tryOut(...bad)) {
      expect(said(result)).toBe("unknown/1");
      expect([result.gasUsed, result.data.length]).toEqual([0n, 0]);
    }
  });

  test("refuses signatures of keys that the genesis document forbids", () => {
    const chain = new TestChain((genesis) => {
      const publicKeyBlacklist = [developmentAccounts(2)[1]?.signer.publicKey as Uint8Array];
      genesis.consensus.params = { ...genesis.consensus.params, publicKeyBlacklist };
    });
    const answers = [0, 1].map((by) => chain.say("staking.Transfer", Transfer, Transfer.zero(), { by }));
    expect(answers).toEqual(["ok", "unknown/1"]);
    expect(said(chain.app.checkTx(chain.raw("staking.Transfer", transfer(chain), { by: 1 })))).toBe("unknown/1");
  });

  test("tells the largest gas limits as the negative numbers that results have room for", () => {
    const chain = new TestChain();
    const limits = [1n << 63n, (1n << 64n) - 1n].map((gas) =>
      chain.raw("staking.Transfer", transfer(chain), { fee: { amount: 0n, gas } }),
    );
    const [half, all] = chain.tryOut(...limits);
    expect([half?.gasWanted, all?.gasWanted]).toEqual([-(1n << 63n), 0n]);
    const { results } = chain.block(limits[1] as Uint8Array);
    expect(results[0]).toMatchObject({ code: 0, gasWanted: -1n });
  });

  test("refuses a wrong nonce, and a price below the chain's minimum after the fee is paid", () => {
    const chain = new TestChain((genesis) => {
      genesis.consensus.params = { ...genesis.consensus.params, minGasPrice: 5n };
    });
    const body = transfer(chain);
    const cheap = { amount: 4n * 10_000n, gas: 10_000n };
    expect(chain.say("staking.Transfer", Transfer, Transfer.decode(body), { nonce: 9n })).toBe(
      "consensus/transaction/1",
    );
    const { results } = chain.block(chain.raw("staking.Transfer", body, { fee: cheap }));
    expect(results.map(said)).toEqual(["consensus/transaction/3", "ok"]);
    expect(results[0]?.events.map((event) => event.attributes[0]?.key)).toEqual(["transfer"]);
    // Without a fee there is no gas, not even for the bytes of the transaction.
    expect(chain.say("staking.Transfer", Transfer, Transfer.decode(body), { fee: undefined })).toBe("unknown/1");
    expect(
      chain.say("staking.Transfer", Transfer, Transfer.decode(body), { fee: { amount: 50_000n, gas: 10_000n } }),
    ).toBe("ok");
  });

  test("lets nobody call the method that closes a block", () => {
    const chain = new TestChain();
    const body = BlockMetadata.encode({ stateRoot: new Uint8Array(32), eventsRoot: new Uint8Array(32) });
    const raw = chain.raw("consensus.Meta", body);
    expect(said(chain.app.checkTx(raw))).toBe("unknown/1");
    expect(() => chain.tryOut(raw)).toThrow("system transaction with nonce or fee");
  });

  test("keeps transactions out of the pool while an upgrade holds the chain up", () => {
    const chain = new TestChain();
    const version = { major: 99, minor: 0, patch: 0 };
    const target = { consensusProtocol: version, runtimeHostProtocol: version, runtimeCommitteeProtocol: version };
    chain.upgrades.submit({ v: 2, handler: "needs another program", target, epoch: 1n });
    const raw = (): Uint8Array => chain.raw("staking.Transfer", transfer(chain));
    expect(said(chain.app.checkTx(raw()))).toBe("ok");
    for (let i = 0; i < 100 && chain.app.stopped === undefined; i++) chain.block();
    expect(chain.app.stopped).toBeDefined();
    expect(said(chain.app.checkTx(raw()))).toBe("consensus/transaction/4");
  });

  test("charges gas by size and stops at the limits of the transaction and of the block", () => {
    const chain = new TestChain((genesis) => {
      genesis.consensus.params = { ...genesis.consensus.params, maxBlockGas: 3000n };
    });
    const tx = (by: number, gas: bigint): Uint8Array =>
      chain.raw("staking.Transfer", transfer(chain), { by, fee: { amount: 0n, gas } });
    const [poor, first, second] = chain.tryOut(tx(0, 50n), tx(1, 2000n), tx(2, 2000n));
    const size = BigInt(tx(1, 2000n).length);
    expect([poor, first, second].map((result) => result && said(result))).toEqual(["unknown/1", "ok", "ok"]);
    // With a limit for the block, used gas adds up over the block.
    expect([poor?.gasUsed, first?.gasUsed, second?.gasUsed]).toEqual([0n, 1000n + size, 2n * (1000n + size)]);
    const [, , third] = chain.tryOut(tx(1, 2000n), tx(2, 2000n), tx(3, 2000n));
    expect(third && said(third)).toBe("unknown/1");
  });
});

describe("the pool", () => {
  test("takes a transaction once, and no more than it holds", () => {
    const chain = new TestChain();
    const raw = chain.raw("staking.Transfer", transfer(chain));
    const pool = new Mempool(chain.app, { maxTransactions: 1, maxBytes: 1 << 20 });
    expect(code(() => pool.add(raw))).toBe("ok");
    expect(code(() => pool.add(raw))).toBe("consensus/5");
    expect(code(() => pool.add(chain.raw("staking.Transfer", transfer(chain), { by: 1 })))).toBe("consensus/6");
    const small = new Mempool(chain.app, { maxTransactions: 9, maxBytes: 10 });
    expect(code(() => small.add(chain.raw("staking.Transfer", transfer(chain), { by: 1 })))).toBe("consensus/6");
  });

  test("cannot take a fee that the method left nothing of", () => {
    const bench = new Bench([staking]);
    bench.fund("alice", 5n);
    const ctx = bench.context("checkTx", "alice");
    const tx = { ...Transaction.zero(), fee: { amount: 6n, gas: 1n }, method: "staking.Transfer" };
    expect(bench.attempt(ctx, () => staking.auth?.afterCheck(ctx, tx)).said).toBe("consensus/transaction/2");
    expect(bench.account("alice").general).toMatchObject({ balance: 5n, nonce: 0n });
  });

  test("takes nothing of accounts that cannot pay", () => {
    const chain = new TestChain();
    const signer = MemorySigner.fromTestName("nobody has funded this one");
    const tx = { nonce: 0n, fee: { amount: 1n, gas: 1n }, method: "staking.Transfer", body: transfer(chain) };
    expect(said(chain.app.checkTx(signTransaction(signer, tx, chain.app.chainContext)))).toBe("staking/10");
  });
});
