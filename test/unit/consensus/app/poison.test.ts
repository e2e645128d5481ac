import { describe, expect, test } from "vitest";
import type { MemorySigner } from "#common/crypto/signature.js";
import { InvalidBlock } from "#consensus/app/block-run.js";
import { Mempool } from "#consensus/backends/mempool.js";
import { MultiSignedNode, SignedEntity } from "#consensus/services/registry/types/signed.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { transactionHash } from "#consensus/transaction/transaction.js";
import { node, nodeKeys, nodeRuntime, signedEntity, signedNode } from "../services/registry/support.ts";
import { RUNTIME_ID, said, TestChain } from "./support.ts";

const MAX_BYTES = 4_000_000;
const ENTITY = 1;

/** A chain on which accounts 0 and 2 are keys of nodes that account 1 may register for as long as they like. */
function chainWithNodes(): TestChain {
  const chain = new TestChain(({ registry, staking }) => {
    registry.params.maxNodeExpiration = 0n;
    registry.params.gasCosts.delete("runtime_epoch_maintenance");
    staking.parameters.debugBypassStake = true;
  });
  chain.block();
  const keys = [chain.signer(0).publicKey, chain.signer(2).publicKey];
  const entity = SignedEntity.encode(signedEntity(chain.signer(ENTITY) as MemorySigner, keys));
  const { results } = chain.block(chain.raw("registry.RegisterEntity", entity, { by: ENTITY }));
  expect(results.map(said)).toEqual(["ok", "ok"]);
  return chain;
}

/** Registers an account's node up to an epoch; up to 2^63 and more, no node of the reference can execute it. */
function registration(chain: TestChain, by: number, expiration: bigint): Uint8Array {
  const keys = { ...nodeKeys(`node ${by}`), id: chain.signer(by) as MemorySigner };
  const runtimes = [{ ...nodeRuntime(RUNTIME_ID), version: { major: 0, minor: 0, patch: 0 } }];
  const descriptor = node(keys, chain.signer(ENTITY) as MemorySigner, { expiration, runtimes });
  return chain.raw("registry.RegisterNode", MultiSignedNode.encode(signedNode(keys, descriptor)), { by });
}

function transfer(chain: TestChain, by: number, nonce?: bigint): Uint8Array {
  return chain.raw("staking.Transfer", Transfer.encode({ to: chain.address(3), amount: 1n }), { by, nonce });
}

describe("a transaction that no node of the reference can execute", () => {
  test("makes a block invalid, whoever proposes it", () => {
    const chain = chainWithNodes();
    const longest = registration(chain, 0, (1n << 63n) - 1n);
    expect(chain.tryOut(longest).map(said)).toEqual(["ok"]);
    const endless = registration(chain, 0, 1n << 63n);
    expect(() => chain.app.execute(chain.input, [endless])).toThrow(/invalid block: maintenance of 1 runtimes/);
    expect(() => chain.app.examine(chain.input, [endless])).toThrow(InvalidBlock);
  });

  test("is left out of our own block, with what may depend on it or be like it, but nothing else", () => {
    const chain = chainWithNodes();
    const endless = registration(chain, 0, (1n << 64n) - 1n);
    const before = [transfer(chain, 1)];
    const later = [transfer(chain, 0, 1n), registration(chain, 2, 9n)];
    const rubbish = Uint8Array.of(0xff);
    const all = chain.app.propose(chain.input, [...before, endless, ...later, rubbish], MAX_BYTES, chain.proposer);
    expect(all.slice(0, -1)).toEqual([...before, rubbish]);
    const { results } = chain.app.execute(chain.input, all);
    expect(results.map(said)).toEqual(["ok", "unknown/1", "ok"]);
  });

  test("leaves the pool after the block that had no place for it; what waited for it comes next", () => {
    const chain = chainWithNodes();
    const pool = new Mempool(chain.app);
    const endless = registration(chain, 0, (1n << 64n) - 1n);
    const honest = registration(chain, 2, 9n);
    pool.add(endless);
    pool.add(honest);
    const { results } = chain.block(...pool.candidates(MAX_BYTES));
    expect(results).toHaveLength(1);
    const evicted = pool.afterBlock([]);
    expect(evicted.map(({ hash, error }) => [hash, error.module, error.code])).toEqual([
      [transactionHash(endless), "consensus", 6],
    ]);
    expect(pool.candidates(MAX_BYTES)).toEqual([honest]);
    expect(chain.block(honest).results.map(said)).toEqual(["ok", "ok"]);
  });
});
