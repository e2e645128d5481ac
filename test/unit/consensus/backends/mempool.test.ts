import { describe, expect, test } from "vitest";
import { CodedError } from "#common/errors/index.js";
import { toHex } from "#common/bytes.js";
import { Mempool, type MempoolLimits } from "#consensus/backends/mempool.js";
import { isBetter, takeBest } from "#consensus/backends/mempool-order.js";
import { Transfer } from "#consensus/services/staking/types/index.js";
import { transactionHash } from "#consensus/transaction/transaction.js";
import { TestChain } from "../app/support.ts";

const ROOM = 1 << 20;

/** Transactions of a chain, by who sends what at which price. */
class Senders {
  readonly chain: TestChain;
  readonly pool: Mempool;
  private readonly names = new Map<string, string>();

  constructor(limits: MempoolLimits = { maxTransactions: 100, maxBytes: ROOM }) {
    this.chain = new TestChain();
    this.pool = new Mempool(this.chain.app, limits);
  }

  /** @param price tokens for a unit of gas */
  transfer(name: string, by: number, nonce: bigint, price = 0n, amount = 1n): Uint8Array {
    const body = Transfer.encode({ to: this.chain.address(3), amount });
    const fee = { amount: price * 10_000n, gas: 10_000n };
    return this.named(name, this.chain.raw("staking.Transfer", body, { by, nonce, fee }));
  }

  /** A transaction of a service with a higher priority: it need only pass the pool's check. */
  freeze(name: string, by: number, nonce: bigint): Uint8Array {
    return this.named(name, this.chain.raw("registry.DeregisterEntity", new Uint8Array(0), { by, nonce }));
  }

  named(name: string, raw: Uint8Array): Uint8Array {
    this.names.set(toHex(raw), name);
    return raw;
  }

  name(raw: Uint8Array): string {
    return this.names.get(toHex(raw)) ?? "?";
  }

  candidates(maxBytes = ROOM): string {
    return this.pool
      .candidates(maxBytes)
      .map((raw) => this.name(raw))
      .join(" ");
  }

  list(): string {
    return this.pool
      .list()
      .map((raw) => this.name(raw))
      .join(" ");
  }
}

function refusal(action: () => unknown): CodedError {
  try {
    action();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new TypeError("nothing was refused");
}

describe("the order of candidates", () => {
  test("is by the service's priority, then by price, then by arrival", () => {
    const s = new Senders();
    s.pool.add(s.transfer("cheap", 0, 0n, 1n));
    s.pool.add(s.transfer("dear", 1, 0n, 3n));
    s.pool.add(s.freeze("registry", 2, 0n));
    expect(s.candidates()).toBe("registry dear cheap");
    expect(s.list()).toBe("cheap dear registry");
  });

  test("keeps the nonces of a signer in order, whatever the priorities", () => {
    const s = new Senders();
    s.pool.add(s.transfer("a0", 0, 0n, 1n));
    s.pool.add(s.freeze("a1", 0, 1n));
    s.pool.add(s.transfer("a2", 0, 2n, 9n));
    s.pool.add(s.transfer("b0", 1, 0n, 2n));
    s.pool.add(s.transfer("b1", 1, 1n, 2n));
    expect(s.candidates()).toBe("b0 b1 a0 a1 a2");
    const { results } = s.chain.block(...s.pool.candidates(ROOM));
    expect(results.map((r) => r.code)).not.toContain(undefined);
    // Only the deregistration fails, for its own reason: no nonce was out of turn.
    expect(results.filter((r) => r.codespace === "consensus/transaction")).toEqual([]);
  });

  test("leaves out what does not fit, and what follows it, but not other signers", () => {
    const s = new Senders();
    const first = s.transfer("a0", 0, 0n, 5n);
    s.pool.add(first);
    s.pool.add(s.transfer("a1", 0, 1n, 5n));
    s.pool.add(s.transfer("b0", 1, 0n, 1n));
    expect(s.candidates(first.length - 10)).toBe("");
    expect(s.candidates(first.length)).toBe("a0");
    expect(s.candidates(2 * first.length + 5)).toBe("a0 a1");
  });

  test("of random queues is that of a plain search, in time that does not explode", () => {
    const seed = 20261121;
    let state = seed;
    const random = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % n;
    };
    for (let round = 0; round < 50; round++) {
      let arrival = 0;
      const queues = Array.from({ length: 1 + random(6) }, (_, q) =>
        Array.from({ length: 1 + random(5) }, () => {
          return { priority: BigInt(random(3)), price: BigInt(random(3)), arrival: arrival++, queue: q };
        }),
      );
      const places = queues.map(() => 0);
      const expected: number[] = [];
      for (;;) {
        const heads = queues.map((queue, q) => queue[places[q] as number]).filter((head) => head !== undefined);
        const [best] = heads.sort((a, b) => (isBetter(a, b) ? -1 : 1));
        if (best === undefined) break;
        expected.push(best.arrival);
        places[best.queue] = (places[best.queue] as number) + 1;
      }
      expect(
        takeBest(queues, () => true).map((item) => item.arrival),
        `seed ${seed}, round ${round}`,
      ).toEqual(expected);
    }
  });
});

describe("a full pool", () => {
  test("takes a better transaction in the place of the worst, and tells about both", () => {
    const s = new Senders({ maxTransactions: 2, maxBytes: ROOM });
    const worst = s.transfer("worst", 0, 0n, 1n);
    s.pool.add(worst);
    s.pool.add(s.transfer("middle", 1, 0n, 2n));
    const refused = refusal(() => s.pool.add(s.transfer("equal", 2, 0n, 1n)));
    expect([refused.module, refused.code]).toEqual(["consensus", 6]);
    expect(refused.message).toContain("limit of 2 transactions");
    const { displaced } = s.pool.add(s.transfer("best", 2, 0n, 3n));
    expect(displaced.map(({ hash }) => toHex(hash))).toEqual([toHex(transactionHash(worst))]);
    expect(s.candidates()).toBe("best middle");
    expect(s.pool.has(transactionHash(worst))).toBe(false);
  });

  test("displaces only last transactions of signers, and never the signer's own", () => {
    const s = new Senders({ maxTransactions: 3, maxBytes: ROOM });
    s.pool.add(s.transfer("a0", 0, 0n, 1n));
    s.pool.add(s.transfer("a1", 0, 1n, 2n));
    s.pool.add(s.transfer("b0", 1, 0n, 3n));
    s.pool.add(s.transfer("c0", 2, 0n, 4n));
    expect(s.candidates()).toBe("c0 b0 a0");
    // The pool's state counts a1, so what would follow it has to wait for the next block.
    expect(refusal(() => s.pool.add(s.transfer("a2", 0, 2n, 9n))).code).toBe(6);
    s.chain.block();
    s.pool.afterBlock([]);
    expect(refusal(() => s.pool.add(s.transfer("a2", 0, 2n, 9n)))).toMatchObject({ module: "consensus/transaction" });
    s.pool.add(s.transfer("a1 again", 0, 1n, 4n));
    expect(s.candidates()).toBe("c0 a0 a1 again");
    expect(refusal(() => s.pool.add(s.transfer("c1", 2, 1n, 0n))).message).toContain("full");
  });

  test("counts bytes, and names that limit", () => {
    const size = new Senders().transfer("", 0, 0n).length;
    const s = new Senders({ maxTransactions: 100, maxBytes: 2 * size + 20 });
    s.pool.add(s.transfer("a", 0, 0n, 5n));
    s.pool.add(s.transfer("b", 1, 0n, 6n));
    expect(refusal(() => s.pool.add(s.transfer("c", 2, 0n, 1n))).message).toContain(`limit of ${2 * size + 20} bytes`);
    s.pool.add(s.transfer("d", 2, 0n, 7n));
    expect(s.candidates()).toBe("d b");
  });

  test("does not drop anything for a transaction that fails its check", () => {
    const s = new Senders({ maxTransactions: 1, maxBytes: ROOM });
    s.pool.add(s.transfer("a", 0, 0n, 1n));
    expect(refusal(() => s.pool.add(s.transfer("wrong nonce", 1, 7n, 9n)))).toMatchObject({ code: 1 });
    expect(refusal(() => s.pool.add(new Uint8Array(40)))).toMatchObject({ module: "unknown" });
    expect(s.candidates()).toBe("a");
  });
});

describe("after a block", () => {
  test("included transactions are gone and remembered, others are checked again", () => {
    const s = new Senders();
    const [a, b] = [s.transfer("a", 0, 0n), s.transfer("b", 1, 0n)];
    s.pool.add(a);
    s.pool.add(b);
    const other = s.transfer("other", 1, 0n, 0n, 5n);
    s.chain.block(a, other);
    const evicted = s.pool.afterBlock([a, other].map((raw) => ({ hash: transactionHash(raw), succeeded: true })));
    expect(evicted.map(({ hash, error }) => [toHex(hash), error.module, error.code])).toEqual([
      [toHex(transactionHash(b)), "consensus/transaction", 1],
    ]);
    expect(s.pool.size).toBe(0);
    expect(refusal(() => s.pool.add(a))).toMatchObject({ module: "consensus", code: 5 });
  });

  test("successors build on what waits: the check state is made anew from the pool", () => {
    const s = new Senders();
    s.pool.add(s.transfer("a0", 0, 0n));
    s.pool.add(s.transfer("a1", 0, 1n));
    s.chain.block();
    expect(s.pool.afterBlock([])).toEqual([]);
    s.pool.add(s.transfer("a2", 0, 2n));
    expect(s.candidates()).toBe("a0 a1 a2");
  });

  test("a transaction that waited too long is given up with its successors", () => {
    const s = new Senders({ maxTransactions: 9, maxBytes: ROOM, maxBlocks: 2 });
    s.pool.add(s.transfer("a0", 0, 0n));
    s.chain.block();
    expect(s.pool.afterBlock([])).toEqual([]);
    s.pool.add(s.transfer("a1", 0, 1n));
    s.chain.block();
    const messages = s.pool.afterBlock([]).map(({ error }) => error.message);
    expect(messages).toEqual([expect.stringContaining("none of 2 blocks"), expect.stringContaining("invalid nonce")]);
    expect(s.pool.size).toBe(0);
  });

  test("a smaller size limit of the chain applies to what waits", () => {
    const s = new Senders();
    const opened = s.chain.app.openTx(s.transfer("a", 0, 0n));
    expect(s.chain.app.checkOpened(opened, 200_000)).toMatchObject({ codespace: "consensus", code: 2 });
  });
});
