/**
 * Canonical CBOR of wire types: a transaction of 106 bytes, its signed envelope and a runtime block, encoded and decoded
 * with all checks of the untrusted mode; beside it cborg on the same bytes, which knows no types.
 */
import { decode as cborgDecode, encode as cborgEncode } from "cborg";
import { equalBytes } from "#common/bytes.js";
import type { Schema } from "#common/schema/index.js";
import { Block } from "#consensus/services/roothash/types.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { SignedTransaction, Transaction } from "#consensus/transaction/transaction.js";
import type { BenchResult, Figure } from "./support/bench.ts";

const ROUND_MS = 200;
const ROUNDS = 5;

/** Thousand calls a second, median of several rounds after one for the compiler. */
function rate(work: () => unknown): number {
  const rates: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    let calls = 0;
    while (performance.now() - start < ROUND_MS) {
      for (let i = 0; i < 500; i++) work();
      calls += 500;
    }
    if (round > 0) rates.push(calls / (performance.now() - start));
  }
  rates.sort((a, b) => a - b);
  return rates[ROUNDS >> 1] as number;
}

function compare<T>(name: string, schema: Schema<T>, value: T): Figure[] {
  const bytes = schema.encode(value);
  const plain: unknown = cborgDecode(bytes, { useMaps: false });
  if (!equalBytes(cborgEncode(plain), bytes)) throw new TypeError(`${name}: cborg encodes something else`);
  const to = "cborg";
  const encode = rate(() => schema.encode(value));
  const decode = rate(() => schema.decode(bytes));
  return [
    {
      name: `${name} ${bytes.length} B encode`,
      value: encode,
      unit: "k/s",
      ratio: encode / rate(() => cborgEncode(plain)),
      to,
    },
    {
      name: `${name} ${bytes.length} B decode`,
      value: decode,
      unit: "k/s",
      ratio: decode / rate(() => cborgDecode(bytes)),
      to,
    },
  ];
}

export async function run(): Promise<BenchResult> {
  const transaction: Transaction = {
    nonce: 1_126_702n,
    fee: { amount: 1_234_567_890n, gas: 1265n },
    method: "staking.Transfer",
    body: Transfer.encode({ to: new Uint8Array(21).fill(7), amount: 123_456_789_012n }),
  };
  const envelope = {
    untrustedRawValue: Transaction.encode(transaction),
    signature: { publicKey: new Uint8Array(32).fill(1), signature: new Uint8Array(64).fill(2) },
  };
  const block: Block = Block.decode(
    Block.encode({ header: { ...Block.zero().header, round: 77n, timestamp: 1_700_000_000n } }),
  );
  const figures = [
    ...compare("transaction", Transaction, transaction),
    ...compare("signed envelope", SignedTransaction, envelope),
    ...compare("runtime block", Block, block),
  ];
  return { figures };
}
