import { describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { MemorySigner, type Signer } from "#common/crypto/signature.js";
import { Fault } from "#common/errors/index.js";
import { InvalidBlock } from "#consensus/app/block-run.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { BlockMetadata, METHOD_META, signTransaction, type Transaction } from "#consensus/transaction/transaction.js";
import { encodePlain } from "./bodies.ts";
import { TestChain } from "./support.ts";

const MAX_BYTES = 4_000_000;

/** A chain at its second height, and the third block as an honest proposer makes it, its closing transaction last. */
function proposed(): { chain: TestChain; users: readonly Uint8Array[]; closing: Uint8Array } {
  const chain = new TestChain();
  chain.block();
  chain.block();
  const body = Transfer.encode({ to: chain.address(1), amount: 5n });
  const users = [chain.raw("staking.Transfer", body), chain.raw("staking.Transfer", body, { by: 2 })];
  const all = chain.app.propose(chain.input, users, MAX_BYTES, chain.proposer);
  const closing = all.at(-1) as Uint8Array;
  chain.app.discard();
  return { chain, users, closing };
}

/** The hash of the state after the good block: whatever was tried before must not change it. */
const expected = (() => {
  const { chain, users, closing } = proposed();
  const { appHash } = chain.app.execute(chain.input, [...users, closing]);
  return toHex(appHash);
})();

type Closing = (chain: TestChain, honest: Uint8Array) => Uint8Array;

/** A closing transaction with something else in it. */
function closingWith(changes: Partial<Transaction>, signer?: Signer): Closing {
  return (chain) => {
    const body = BlockMetadata.encode({ stateRoot: new Uint8Array(32), eventsRoot: new Uint8Array(32) });
    const tx = { nonce: 0n, fee: undefined, method: METHOD_META, body, ...changes };
    return signTransaction(signer ?? chain.proposer, tx, chain.app.chainContext);
  };
}

const stranger = MemorySigner.fromTestName("a stranger");
const FORGED: readonly (readonly [string, RegExp, Closing])[] = [
  ["a nonce", /with nonce or fee/, closingWith({ nonce: 1n })],
  ["a fee", /with nonce or fee/, closingWith({ fee: { amount: 0n, gas: 0n } })],
  ["the signature of somebody else", /not signed by the proposer/, closingWith({}, stranger)],
  ["another state root", /state root .* differs/, closingWith({})],
  ["no body", /malformed/, closingWith({ body: new Uint8Array(0) })],
  ["a body that is none", /malformed/, closingWith({ body: Uint8Array.of(0x83, 1, 2, 3) })],
  ["an unknown field in its body", /malformed/, closingWith({ body: Uint8Array.of(0xa1, 0x61, 0x61, 0x01) })],
  ["a root that is too short", /malformed/, closingWith({ body: shortRoot() })],
];

function shortRoot(): Uint8Array {
  return encodePlain(
    new Map([
      ["state_root", new Uint8Array(31)],
      ["events_root", new Uint8Array(32)],
    ]),
  );
}

/** Executes a block that must be refused, and shows that nothing of it stays. */
function refuse(chain: TestChain, txs: readonly Uint8Array[], reason: RegExp): void {
  const { height, appHash } = chain.app;
  let error: unknown;
  try {
    chain.app.execute(chain.input, txs);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(InvalidBlock);
  expect((error as InvalidBlock).message).toMatch(reason);
  expect(() => chain.app.commit()).toThrow(Fault);
  expect([chain.app.height, toHex(chain.app.appHash)]).toEqual([height, toHex(appHash)]);
}

/** The good block is taken after all. */
function takesGoodOne(chain: TestChain, txs: readonly Uint8Array[]): void {
  expect(toHex(chain.app.execute(chain.input, txs).appHash)).toBe(expected);
  expect(toHex(chain.app.commit())).toBe(expected);
}

describe("a proposed block", () => {
  for (const [label, reason, forge] of FORGED) {
    test(`whose closing transaction has ${label} is refused whole, and the good one is taken`, () => {
      const { chain, users, closing } = proposed();
      refuse(chain, [...users, forge(chain, closing)], reason);
      takesGoodOne(chain, [...users, closing]);
    });
  }

  test("without a closing transaction, or with two, is refused", () => {
    const { chain, users, closing } = proposed();
    refuse(chain, users, /metadata is missing/);
    refuse(chain, [], /metadata is missing/);
    refuse(chain, [...users, closing, closing], /more than one/);
    takesGoodOne(chain, [...users, closing]);
  });

  test("with fewer, other, or the same transactions in another order is refused: the roots differ", () => {
    const { chain, users, closing } = proposed();
    const more = chain.raw("staking.Transfer", Transfer.encode({ to: chain.address(3), amount: 1n }), { by: 1 });
    refuse(chain, [closing], /state root .* differs/);
    refuse(chain, [...users.slice(1), closing], /state root .* differs/);
    refuse(chain, [...users, more, closing], /state root .* differs/);
    takesGoodOne(chain, [...users, closing]);
  });

  test("with the right state but other events is refused", () => {
    const { chain, users, closing } = proposed();
    const { appHash } = chain.app.examine(chain.input, users).outcome;
    const body = BlockMetadata.encode({ stateRoot: appHash, eventsRoot: new Uint8Array(32) });
    refuse(chain, [...users, closingWith({ body })(chain, closing)], /events root .* differs/);
    takesGoodOne(chain, [...users, closing]);
  });

  test("with another height, time or proposer than it was made for is refused or executed anew", () => {
    const { chain, users, closing } = proposed();
    const input = chain.input;
    const time = { ...input.time, seconds: input.time.seconds + 1n };
    const proposerAddress = new Uint8Array(20).fill(1);
    expect(() => chain.app.execute({ ...input, proposerAddress }, [...users, closing])).toThrow(/not signed by/);
    chain.app.execute({ ...input, time }, [...users, closing]);
    takesGoodOne(chain, [...users, closing]);
  });

  test("whose transactions are rubbish is executed: they only fail, and cost nothing", () => {
    const { chain } = proposed();
    const rubbish = [new Uint8Array(0), Uint8Array.of(0xff), new Uint8Array(100).fill(0x81)];
    const outcome = chain.block(...rubbish);
    expect(outcome.results.map(({ codespace, code }) => `${codespace}/${code}`).slice(0, 3)).toEqual(
      rubbish.map(() => "unknown/1"),
    );
  });
});
