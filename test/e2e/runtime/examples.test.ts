import { resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Answer, QuestionId } from "../../../examples/oracle/runtime.ts";
import { Owner, Payment, Solvency } from "../../../examples/token-ledger/runtime.ts";
import { addressFromPublicKey } from "#common/address.js";
import { utf8 } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { Quantity } from "#common/quantity.js";
import { type Client, createClient } from "#common/rpc/index.js";
import { nullable, type Schema } from "#common/schema/index.js";
import { consensusMethods } from "#consensus/rpc.js";
import { SubmitMessage } from "#consensus/services/roothash/types.js";
import { SignedTransaction, signTransaction } from "#consensus/transaction/transaction.js";
import { developmentAccounts } from "#network/topology.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { CallOutput, noArguments, signCall } from "#runtime/kit/index.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { RUNTIME_ID } from "../../unit/runtime/support/node.ts";
import { Qanat } from "../network/support/qanat.ts";

const EXAMPLES = resolve(import.meta.dirname, "../../../examples");
const [, ALICE] = developmentAccounts(2).map(({ signer }) => signer) as [Signer, Signer];
const alice = addressFromPublicKey(ALICE.publicKey);

let qanat: Qanat | undefined;
let channel: GrpcChannel | undefined;
afterEach(async () => {
  channel?.close();
  await qanat?.dispose();
  qanat = undefined;
});

/** What a client sees of a network. */
class Session {
  private constructor(
    private readonly consensus: Client<(typeof consensusMethods)["methods"]>,
    private readonly runtime: Client<(typeof runtimeClientMethods)["methods"]>,
    private readonly chainContext: string,
  ) {}

  /** Runs an example as its author would, each node's runtime in a process of its own. */
  static async start(example: string): Promise<Session> {
    qanat = new Qanat("dev", resolve(EXAMPLES, example, "runtime.ts"), "--json", "--port", "0");
    const ready = await qanat.event("ready");
    channel = connectGrpc(String(ready["grpc"]));
    const consensus = createClient(consensusMethods, channel);
    const context = await consensus.GetChainContext(undefined as never);
    return new Session(consensus, createClient(runtimeClientMethods, channel), context);
  }

  async sendMessage(message: Partial<SubmitMessage>): Promise<void> {
    const nonce = await this.consensus.GetSignerNonce({ accountAddress: alice, height: 0n });
    const body = SubmitMessage.encode({ ...SubmitMessage.zero(), id: RUNTIME_ID, ...message });
    const tx = { nonce, fee: { amount: 0n, gas: 100_000n }, method: "roothash.SubmitMsg", body };
    const raw = signTransaction(ALICE, tx, this.chainContext);
    await this.consensus.SubmitTx(SignedTransaction.decode(raw));
  }

  async call<T>(nonce: bigint, method: string, schema: Schema<T>, args: T): Promise<string> {
    const target = { runtimeId: RUNTIME_ID, chainContext: this.chainContext };
    const data = signCall(ALICE, { nonce, method, args: schema.encode(args) }, target);
    const output = CallOutput.decode((await this.runtime.SubmitTx({ runtimeId: RUNTIME_ID, data })) ?? data);
    return output.type;
  }

  async query<A, R>(method: string, argsSchema: Schema<A>, args: A, result: Schema<R>): Promise<R> {
    const query = { runtimeId: RUNTIME_ID, component: undefined, round: ROUND_LATEST, method };
    const { data } = await this.runtime.Query({ ...query, args: argsSchema.encode(args) });
    return result.decode(data as Uint8Array);
  }

  /** Asks until the answer is the expected one. */
  async until<A, R>(method: string, argsSchema: Schema<A>, args: A, result: Schema<R>, is: (answer: R) => boolean) {
    for (;;) {
      const answer = await this.query(method, argsSchema, args, result);
      if (is(answer)) return answer;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

describe("qanat dev with an example", () => {
  test("the token ledger takes deposits, pays withdrawals out and reads what it holds", async () => {
    const session = await Session.start("token-ledger");
    await session.sendMessage({ tokens: 1000n });
    await session.until("balance", Owner, { account: alice }, Quantity, (balance) => balance === 1000n);
    expect(await session.call(0n, "withdraw", Payment, { to: alice, amount: 300n })).toBe("Success");
    expect(await session.query("balance", Owner, { account: alice }, Quantity)).toBe(700n);
    const settled = ({ owed, held }: Solvency): boolean => owed === held;
    const { held } = await session.until("solvency", noArguments, null, Solvency, settled);
    expect(held).toBe(700n);
  });

  test("the oracle takes a question that has no answer yet", async () => {
    const session = await Session.start("oracle");
    await session.sendMessage({ tokens: 1000n, data: utf8("how warm is it?") });
    expect(await session.query("answer", QuestionId, { question: 0n }, nullable(Answer))).toBeNull();
  });
});
