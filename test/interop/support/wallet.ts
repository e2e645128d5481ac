import {
  type client as oasisClient,
  type consensus,
  misc,
  quantity,
  signature,
  staking,
  type types,
} from "@oasisprotocol/client";

const NOTE = "this key is not important";

/** Somebody who sends transactions with the public client's own helpers. */
export class Wallet {
  readonly signer: signature.BlindContextSigner;

  constructor(
    private readonly node: oasisClient.NodeInternal,
    seed: Uint8Array,
  ) {
    this.signer = new signature.BlindContextSigner(signature.NaclSigner.fromSeed(seed, NOTE));
  }

  get publicKey(): Uint8Array {
    return this.signer.public();
  }

  async address(): Promise<Uint8Array> {
    return staking.addressFromPublicKey(this.publicKey);
  }

  /** Fills in nonce, fee and gas, signs and submits; resolves when the transaction is in a block. */
  async send<B>(wrapper: consensus.TransactionWrapper<B>, body: B): Promise<void> {
    wrapper.setBody(body);
    const nonce = await this.node.consensusGetSignerNonce({ account_address: await this.address(), height: 0n });
    wrapper.setNonce(nonce ?? 0n).setFeeAmount(quantity.fromBigInt(0n));
    wrapper.setFeeGas(await wrapper.estimateGas(this.node, this.publicKey));
    await wrapper.sign(this.signer, await this.node.consensusGetChainContext());
    await wrapper.submit(this.node);
  }
}

/** A stream of the public client, as its users see it. */
export interface Stream<T> {
  on(event: "data", callback: (item: T) => void): unknown;
  on(event: "error", callback: (error: Error) => void): unknown;
  cancel(): void;
}

/** The first item of a stream that is wanted. */
export function first<T>(stream: Stream<T>, wanted: (item: T) => boolean = () => true): Promise<T> {
  return new Promise((resolve, reject) => {
    stream.on("data", (item) => {
      if (!wanted(item)) return;
      stream.cancel();
      resolve(item);
    });
    stream.on("error", reject);
  });
}

/** A quantity of the public client as a number. */
export function amount(value: types.longnum | Uint8Array | undefined): bigint {
  if (value === undefined) return 0n;
  return value instanceof Uint8Array ? quantity.toBigInt(value) : BigInt(value);
}

/** What a map of the public client holds for bytes: its keys are objects of their own. */
export function lookup<V>(map: ReadonlyMap<Uint8Array, V>, key: Uint8Array): V | undefined {
  for (const [k, value] of map) if (misc.toHex(k) === misc.toHex(key)) return value;
  return undefined;
}
