import { expect, test } from "vitest";
import { keyValue } from "../../../../examples/kv/kv.ts";
import { oracle, Report } from "../../../../examples/oracle/runtime.ts";
import { Payment, tokenLedger } from "../../../../examples/token-ledger/runtime.ts";
import { utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { Call, type RuntimeProgram, signCall } from "#runtime/kit/index.js";
import { bodyOf } from "#runtime/rhp/messages/index.js";
import { ADDRESS_ZERO } from "../support/address.ts";
import { CHAIN_CONTEXT, introduced, scheduled } from "../support/kit.ts";
import { RUNTIME_ID, TestNode } from "../support/node.ts";

const alice = MemorySigner.fromSeed(hash(utf8("alice")));
const target = { runtimeId: RUNTIME_ID, chainContext: CHAIN_CONTEXT };
const signed = (method: string, args: Uint8Array): Uint8Array => signCall(alice, { nonce: 0n, method, args }, target);

/** Each example with a transaction that it understands. */
const PROGRAMS: readonly (readonly [string, RuntimeProgram, Uint8Array])[] = [
  ["kv", keyValue, Call.encode({ sender: utf8("a"), nonce: 0n, method: "get", args: Uint8Array.of(0xa0) })],
  ["token-ledger", tokenLedger, signed("transfer", Payment.encode({ to: ADDRESS_ZERO, amount: 5n }))],
  ["oracle", oracle, signed("report", Report.encode({ question: 1_000_000n, value: 2n }))],
];

for (const [name, program, good] of PROGRAMS) {
  test(`whatever is sent to ${name} has a result of its own and keeps nothing else from its place`, () => {
    const seed = Number(process.env["QANAT_SEED"] ?? 20_261_123);
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const damaged = (): Uint8Array => {
      const bytes = Uint8Array.from(good);
      for (let i = random(4); i >= 0; i--) bytes[random(bytes.length)] = random(256);
      const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
      return cut.length === 0 ? Uint8Array.of(random(256)) : cut;
    };
    const node = new TestNode();
    const dispatcher = introduced(program, node);
    const junk = Array.from({ length: 300 }, damaged);
    const inputs = [...junk.slice(0, 150), good, ...junk.slice(150)];
    const checked = dispatcher.handle(bodyOf("RuntimeCheckTxBatchRequest", node.checking(inputs)));
    if (checked.type !== "RuntimeCheckTxBatchResponse") return expect.unreachable(`${checked.type}, seed ${seed}`);
    expect(checked.value.results).toHaveLength(inputs.length);
    const alone = dispatcher.handle(bodyOf("RuntimeCheckTxBatchRequest", node.checking([good])));
    expect(alone).toEqual(bodyOf("RuntimeCheckTxBatchResponse", { results: [checked.value.results[150] as never] }));
    const incoming = junk.map((data, i) => ({
      id: BigInt(i),
      caller: ADDRESS_ZERO,
      tag: 0n,
      fee: 0n,
      tokens: 0n,
      data,
    }));
    const response = scheduled(dispatcher, { ...node.scheduling(inputs), inMsgs: incoming });
    expect(response.batch.header.inMessagesCount, `seed ${seed}`).toBe(incoming.length);
    expect(response.txHashes.length + response.txRejectHashes.length).toBeGreaterThan(0);
    node.finalize(response);
  });
}
