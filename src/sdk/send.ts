import { addressFromPublicKey } from "#common/address.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Clock } from "#common/ports/clock.js";
import { type Channel, type Client, createClient } from "#common/rpc/index.js";
import { stakingMethods } from "#consensus/services/staking/rpc.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { transactionErrors } from "#consensus/transaction/errors.js";
import { submissionMethods } from "#consensus/transaction/rpc.js";
import { SignedTransaction, signTransaction, type Transaction } from "#consensus/transaction/transaction.js";

/** The delays between attempts in milliseconds; whoever fails after the last gives up (consensus: submission). */
const BACK_OFF_MS: readonly number[] = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000];

export interface SenderOptions {
  readonly channel: Channel;
  readonly signer: Signer;
  /** Hash of the network's genesis document, 64 hexadecimal digits: the signature counts on this network only. */
  readonly chainContext: string;
  readonly clock: Clock;
  /** Most that a transaction may cost, in base units; no limit if absent. A node names the price, and may lie. */
  readonly maxFee?: bigint;
}

/** A fee would be higher than the sender allows. */
export class FeeTooHigh extends Error {
  override readonly name = "FeeTooHigh";
}

/**
 * Signs and submits the transactions of one account, one after the other. Nonce, gas and price come from the node; it
 * cannot make more of them than a failed or an expensive transaction, the latter up to `maxFee`.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #client: Client<(typeof submissionMethods)["methods"]>;
  readonly #ledger: Client<(typeof stakingMethods)["methods"]>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#client = createClient(submissionMethods, options.channel);
    this.#ledger = createClient(stakingMethods, options.channel);
  }

  /**
   * Submits a transaction and waits until it is in a block.
   *
   * @param method as "staking.Transfer"
   * @param body the encoded body
   * @throws CodedError of the transaction, RpcError, FeeTooHigh
   */
  send(method: string, body: Uint8Array): Promise<void> {
    const run = this.#last.then(() => this.#attempts(method, body));
    this.#last = run.catch(() => undefined);
    return run;
  }

  /** Transfers tokens, in base units. Throws like `send`. */
  transfer(to: Uint8Array, amount: bigint): Promise<void> {
    return this.send("staking.Transfer", Transfer.encode({ to, amount }));
  }

  async #attempts(method: string, body: Uint8Array): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(method, body);
      } catch (error) {
        const passing = transactionErrors.invalidNonce.is(error) || transactionErrors.upgradePending.is(error);
        const delay = BACK_OFF_MS[attempt];
        if (!passing || delay === undefined) throw error;
        await new Promise<void>((resolve) => this.#options.clock.setTimer(delay, resolve));
      }
    }
  }

  async #attempt(method: string, body: Uint8Array): Promise<void> {
    const { signer, chainContext, maxFee } = this.#options;
    const owner = addressFromPublicKey(signer.publicKey);
    const { general } = await this.#ledger.Account({ height: 0n, owner });
    const { nonce } = general;
    const draft: Transaction = { nonce, fee: undefined, method, body };
    const gas = await this.#client.EstimateGas({ signer: signer.publicKey, transaction: draft });
    const amount = gas * (await this.#client.MinGasPrice());
    if (maxFee !== undefined && amount > maxFee) throw new FeeTooHigh(`the fee would be ${amount}, at most ${maxFee}`);
    const raw = signTransaction(signer, { ...draft, fee: { amount, gas } }, chainContext);
    await this.#client.SubmitTx(SignedTransaction.decode(raw));
  }
}
