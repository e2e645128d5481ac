import { addressFromPublicKey } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { createClient } from "#common/rpc/index.js";
import { consensusMethods } from "#consensus/rpc.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { SignedTransaction, signTransaction } from "#consensus/transaction/transaction.js";
import type { GrpcChannel } from "#platform/grpc-client.js";

const signer = MemorySigner.fromTestName("qanat: development account 3");

/** Who pays the transfers of the load. */
export const payer = addressFromPublicKey(signer.publicKey);

/** Sends one transfer after the other, each once the last one is in a block. @param answered in hexadecimal */
export async function sendTransfers(channel: GrpcChannel, answered: string[]): Promise<void> {
  const consensus = createClient(consensusMethods, channel);
  const chainContext = await consensus.GetChainContext();
  const to = addressFromPublicKey(MemorySigner.fromTestName("somebody").publicKey);
  for (;;) {
    const nonce = await consensus.GetSignerNonce({ accountAddress: payer, height: 0n });
    const body = Transfer.encode({ to, amount: 1n });
    const fee = { amount: 0n, gas: 10_000n };
    const raw = signTransaction(signer, { nonce, fee, method: "staking.Transfer", body }, chainContext);
    await consensus.SubmitTx(SignedTransaction.decode(raw));
    answered.push(toHex(raw));
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Runs until the connection breaks, which is how a kill looks from outside. */
export function untilCut(work: Promise<void>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
