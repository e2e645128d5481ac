import { CodedError } from "#common/errors/index.js";
import { addressFromPublicKey } from "#common/address.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Clock } from "#common/ports/clock.js";
import type { Backend, Inclusion } from "./backends/backend.js";
import { inclusionError } from "./backends/backend.js";
import { nonceOf } from "./services/staking/queries.js";
import { transactionErrors } from "./transaction/errors.js";
import { SignedTransaction, signTransaction, Transaction } from "./transaction/transaction.js";

/** Largest fee and gas, which give the longest encoding of a transaction when its size is estimated. */
const U64_MAX = 0xffffffffffffffffn;
/** More gas than any transaction of a node's own workers uses. */
const PLENTY_OF_GAS = 100_000_000n;
const RETRY_MS = 50;
const MAX_ATTEMPTS = 20;

/** Gas that a transaction would use if it were signed by this key. */
export function estimateGas(backend: Backend, publicKey: Uint8Array, tx: Transaction): bigint {
  const largest = { ...tx, fee: { amount: U64_MAX, gas: U64_MAX } };
  const signature = { publicKey: new Uint8Array(32), signature: new Uint8Array(64) };
  const envelope = { untrustedRawValue: Transaction.encode(largest), signature };
  const size = SignedTransaction.encode(envelope).length;
  return backend.app.estimateGas(publicKey, addressFromPublicKey(publicKey), tx, size);
}

/**
 * Signs and submits the transactions of one signer, one after the other, with the right nonce and enough gas
 * (consensus: submission manager).
 */
export class Submitter {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly backend: Backend,
    private readonly signer: Signer,
    private readonly clock: Clock,
  ) {}

  get publicKey(): Uint8Array {
    return this.signer.publicKey;
  }

  /**
   * Submits a transaction and waits until it is in a block.
   * @param method e.g. `registry.RegisterNode`
   * @param body encoded body
   * @throws CodedError of the transaction
   */
  submit(method: string, body: Uint8Array): Promise<Inclusion> {
    const run = this.last.then(() => this.attempt(method, body));
    this.last = run.catch(() => undefined);
    return run;
  }

  private async attempt(method: string, body: Uint8Array): Promise<Inclusion> {
    for (let i = 1; ; i++) {
      try {
        return await this.once(method, body);
      } catch (error) {
        const again = transactionErrors.invalidNonce.is(error) || transactionErrors.upgradePending.is(error);
        if (!again || i >= MAX_ATTEMPTS) throw error;
        await new Promise<void>((resolve) => this.clock.setTimer(RETRY_MS, resolve));
      }
    }
  }

  private async once(method: string, body: Uint8Array): Promise<Inclusion> {
    const address = addressFromPublicKey(this.signer.publicKey);
    const nonce = nonceOf(this.backend.stateAt(0n), address);
    const draft: Transaction = { nonce, fee: undefined, method, body };
    const { minGasPrice: price, maxBlockGas } = this.backend.app.consensusParameters;
    // Where gas is free and blocks have no limit of it, asking for plenty costs nothing and spares a simulation.
    const free = price === 0n && maxBlockGas === 0n;
    const gas = free ? PLENTY_OF_GAS : estimateGas(this.backend, this.signer.publicKey, draft);
    const tx: Transaction = { ...draft, fee: { amount: gas * price, gas } };
    const raw = signTransaction(this.signer, tx, this.backend.app.chainContext);
    const outcome = await this.backend.submitAndWait(raw);
    const error = inclusionError(outcome);
    if (error !== undefined) throw error;
    if ("rejected" in outcome) throw new CodedError("consensus", 6, "transaction was rejected");
    return outcome.included;
  }
}
