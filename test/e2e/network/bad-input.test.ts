import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { fromHex } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import { type Client, createClient, methodPath } from "#common/rpc/index.js";
import { consensusMethods } from "#consensus/rpc.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { SignedTransaction, signTransaction, type Transaction } from "#consensus/transaction/transaction.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { Qanat } from "./support/qanat.js";

const signer = MemorySigner.fromTestName("qanat: development account 5");
const to = addressFromPublicKey(MemorySigner.fromTestName("somebody").publicKey);

let net: Qanat;
let channel: GrpcChannel;
let consensus: Client<typeof consensusMethods.methods>;
let runtime: Client<typeof runtimeClientMethods.methods>;
let runtimeId: Uint8Array;
let chainContext: string;

beforeAll(async () => {
  net = new Qanat("net", "--json", "--port", "0");
  const ready = await net.event("ready");
  runtimeId = fromHex(ready.runtime_id as string);
  channel = connectGrpc(ready.grpc as string);
  consensus = createClient(consensusMethods, channel);
  runtime = createClient(runtimeClientMethods, channel);
  chainContext = await consensus.GetChainContext();
});
afterAll(async () => {
  channel?.close();
  await net?.dispose();
});

async function failure(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return error as Error;
  }
  throw new Error("the call succeeded");
}

async function coded(call: Promise<unknown>): Promise<string> {
  const error = await failure(call);
  // Errors that the protocol gives no code travel as text only.
  return error instanceof CodedError ? `${error.module}/${error.code}` : `no code: ${error.message}`;
}

async function transfer(changes: Partial<Transaction> = {}): Promise<Transaction> {
  const nonce = await consensus.GetSignerNonce({ accountAddress: addressFromPublicKey(signer.publicKey), height: 0n });
  const body = Transfer.encode({ to, amount: 1n });
  return { nonce, fee: { amount: 0n, gas: 20_000n }, method: "staking.Transfer", body, ...changes };
}

function submit(tx: Transaction, context = chainContext): Promise<null> {
  return consensus.SubmitTx(SignedTransaction.decode(signTransaction(signer, tx, context)));
}

/** The network still takes transactions and makes rounds. */
async function stillWorks(): Promise<void> {
  await submit(await transfer());
  const seen = net.events.length;
  await net.event("round", (event) => net.events.indexOf(event) >= seen && event.finalized_by === "workers");
}

describe("a running network", () => {
  test("answers garbage, truncated and over-long requests with errors and goes on", async () => {
    const bodies = [
      Uint8Array.of(0xff),
      Uint8Array.of(0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0xbf),
      new Uint8Array(1000).fill(0x81),
      new Uint8Array(1 << 20).fill(0xa1),
    ];
    for (const [table, methods] of [
      ["Consensus", consensusMethods.methods],
      ["RuntimeClient", runtimeClientMethods.methods],
    ] as const) {
      for (const [name, method] of Object.entries(methods)) {
        // Methods without an argument take any well-formed item, and streams are opened elsewhere.
        if (method.kind === "stream" || method.request.typeName === "nothing") continue;
        for (const body of bodies) await failure(channel.unary(methodPath(table, name), body, { timeoutMs: 10_000 }));
      }
    }
    await failure(channel.unary("/oasis-core.Consensus/NoSuchMethod", new Uint8Array(0), {}));
    await failure(channel.unary("/nonsense", new Uint8Array(0), {}));
    await stillWorks();
  });

  test("answers transactions that cannot be executed with the code of the reason", async () => {
    expect(await coded(submit(await transfer({ nonce: 1_000_000n })))).toBe("consensus/transaction/1");
    expect(await coded(submit(await transfer({ method: "staking.NoSuchMethod" })))).toMatch(
      /^no code: .*unknown method/,
    );
    expect(await coded(submit(await transfer({ method: "consensus.Meta" })))).toMatch(/^no code: system methods/);
    expect(await coded(submit(await transfer({ fee: { amount: 0n, gas: 1n } })))).toMatch(
      /^no code: out of gas \(limit: 1 /,
    );
    expect(await coded(submit(await transfer({ fee: { amount: 1n << 200n, gas: 20_000n } })))).toBe("staking/10");
    expect(await coded(submit(await transfer({ body: Uint8Array.of(0x01) })))).toBe("staking/1");
    expect(await coded(submit(await transfer(), "00".repeat(32)))).toMatch(/^no code: signature/);
    const big = await transfer({ body: Transfer.encode({ to, amount: 1n << 1_200_000n }) });
    expect(await coded(submit(big))).toBe("consensus/2");
    const signed = SignedTransaction.decode(signTransaction(signer, await transfer(), chainContext));
    const forged = { ...signed, signature: { ...signed.signature, signature: new Uint8Array(64).fill(7) } };
    expect(await coded(consensus.SubmitTx(forged))).toMatch(/^no code: signature/);
    const twice = SignedTransaction.decode(signTransaction(signer, await transfer(), chainContext));
    await consensus.SubmitTx(twice);
    expect(await coded(consensus.SubmitTx(twice))).toBe("consensus/5");
    await stillWorks();
  });

  test("answers questions about heights and rounds that are not there", async () => {
    expect(await coded(consensus.GetBlock(1_000_000_000n))).toBe("consensus/3");
    expect((await failure(consensus.GetBlock(1_000_000_000n))).message).toMatch(/kept are 1 to \d+/);
    expect(await coded(runtime.GetBlock({ runtimeId, round: 1_000_000_000n }))).toBe("roothash/2");
    expect(await coded(runtime.GetBlock({ runtimeId: new Uint8Array(32), round: 0n }))).toMatch(
      /^no code: runtime\/registry: runtime 0{64} not found$/,
    );
    await stillWorks();
  });

  test("refuses runtime transactions that are malformed or too large, and takes the next good one", async () => {
    await failure(runtime.SubmitTx({ runtimeId, data: new Uint8Array(0) }));
    await failure(runtime.SubmitTx({ runtimeId, data: Uint8Array.of(0xff, 0xff) }));
    await failure(runtime.SubmitTx({ runtimeId, data: new Uint8Array(2 << 20) }));
    await failure(runtime.SubmitTx({ runtimeId: new Uint8Array(32), data: Uint8Array.of(1) }));
    await stillWorks();
  });

  test("goes on while a client opens streams and never reads them", async () => {
    const streams = Array.from({ length: 20 }, () => consensus.WatchBlocks()[Symbol.asyncIterator]());
    // Only the first item is taken; the rest is left to pile up.
    await Promise.all(streams.map((stream) => stream.next()));
    await stillWorks();
    for (const stream of streams) void stream.return?.(undefined);
  });
});
