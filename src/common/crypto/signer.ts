/** Those who sign: the contract, and the signer that holds its key in memory. */
import { type Ed25519Key, ed25519Key } from "#kernels";
import { utf8 } from "../bytes.js";
import { InvalidInput } from "../errors/index.js";
import { hash } from "../hash.js";
import { type Domain, prepareMessage, type SignatureContext } from "./context.js";
import { SEED_SIZE } from "./ed25519.js";
import { VrfKey } from "./vrf.js";

/** Somebody who holds an Ed25519 private key and may keep it out of reach. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * Signs a message under a context.
   *
   * @returns 64 bytes
   * @throws InvalidInput when the context cannot be assembled from the domain
   */
  sign(context: SignatureContext, message: Uint8Array, domain?: Domain): Uint8Array;
  /** Proves the VRF over alpha (80 bytes); absent when the key's role does not allow it. */
  proveVrf?(alpha: Uint8Array): Uint8Array;
}

/** A signer whose key lives in this process. */
export class MemorySigner implements Signer {
  readonly publicKey: Uint8Array;
  readonly #key: Ed25519Key;
  readonly #seed: Uint8Array;
  #vrfKey: VrfKey | undefined;

  private constructor(seed: Uint8Array) {
    this.#seed = seed.slice();
    this.#key = ed25519Key(this.#seed);
    this.publicKey = this.#key.publicKey;
  }

  /**
   * @param seed RFC 8032 seed, 32 bytes
   * @throws InvalidInput when it has another length
   */
  static fromSeed(seed: Uint8Array): MemorySigner {
    if (seed.length !== SEED_SIZE) {
      throw new InvalidInput("seed", `must have ${SEED_SIZE} bytes, has ${seed.length}`);
    }
    return new MemorySigner(seed);
  }

  /** The test signer of a name: its seed is the hash of the name, so everybody has this key. Never for real chains. */
  static fromTestName(name: string): MemorySigner {
    return new MemorySigner(hash(utf8(name)));
  }

  sign(context: SignatureContext, message: Uint8Array, domain: Domain = {}): Uint8Array {
    return this.#key.sign(prepareMessage(context, message, domain));
  }

  proveVrf(alpha: Uint8Array): Uint8Array {
    this.#vrfKey ??= new VrfKey(this.#seed);
    return this.#vrfKey.prove(alpha);
  }
}
