/** Signature contexts: the domain separation in front of every signed message (common: signatures). */
import { assert } from "../assert.js";
import { utf8 } from "../bytes.js";
import { InvalidInput } from "../errors/index.js";
import { hash } from "../hash.js";

const CHAIN_SEPARATOR = " for chain ";
/** A chain context is the hexadecimal hash of the genesis document. */
const CHAIN_CONTEXT_MAX = 64;
/** The longest whole context, after RFC 8032. */
const CONTEXT_MAX = 255;
/** A runtime identifier in hexadecimal. */
const RUNTIME_SUFFIX_MAX = 64;

/** What a context needs besides itself. */
export interface Domain {
  /** Lower-case hexadecimal hash of the genesis document; required by chain-separated contexts. */
  readonly chainContext?: string | undefined;
  /** Text for the dynamic suffix, e.g. a runtime identifier in hexadecimal; required by contexts that have one. */
  readonly suffix?: string | undefined;
}

export interface ContextOptions {
  /** Whether signatures are bound to one chain. */
  readonly chain?: boolean;
  /** Label of the dynamic suffix, with its spaces, e.g. " for runtime ". */
  readonly suffix?: string;
  /** The longest suffix, in bytes; 64 unless told. */
  readonly suffixMax?: number;
}

/** A named domain of signatures; made by `defineContext`. */
export class SignatureContext {
  readonly base: string;
  readonly chainSeparated: boolean;
  readonly #suffixLabel: string;
  readonly #suffixMax: number;
  // The last assembled bytes: a node works with one chain and few runtimes, so the same text comes over and over.
  #lastText = "";
  #lastBytes: Uint8Array = new Uint8Array(0);

  constructor(base: string, options: ContextOptions = {}) {
    this.base = base;
    this.chainSeparated = options.chain === true;
    this.#suffixLabel = options.suffix ?? "";
    this.#suffixMax = this.#suffixLabel === "" ? 0 : (options.suffixMax ?? RUNTIME_SUFFIX_MAX);
    const chainLength = this.chainSeparated ? CHAIN_SEPARATOR.length + CHAIN_CONTEXT_MAX : 0;
    const longest = utf8(base).length + utf8(this.#suffixLabel).length + this.#suffixMax + chainLength;
    assert(base !== "", "A signature context must not be empty.");
    assert(!base.includes(CHAIN_SEPARATOR), `The signature context "${base}" must not contain the chain separator.`);
    assert(longest <= CONTEXT_MAX, `The signature context "${base}" can grow beyond ${CONTEXT_MAX} bytes.`);
  }

  /**
   * The whole context: base, then label and suffix, then the chain.
   *
   * @throws InvalidInput when a required part is missing or too long, or a suffix is given where none belongs
   */
  assemble(domain: Domain = {}): Uint8Array {
    let text = this.base;
    if (this.#suffixLabel !== "") {
      const suffix = domain.suffix;
      if (suffix === undefined) {
        throw new InvalidInput("suffix", `the signature context "${this.base}" needs one`);
      }
      if (utf8(suffix).length > this.#suffixMax) {
        throw new InvalidInput("suffix", `longer than ${this.#suffixMax} bytes`);
      }
      text += this.#suffixLabel + suffix;
    } else if (domain.suffix !== undefined) {
      throw new InvalidInput("suffix", `the signature context "${this.base}" takes none`);
    }
    if (this.chainSeparated) {
      const chain = domain.chainContext;
      if (chain === undefined || chain === "") {
        throw new InvalidInput("chainContext", `the signature context "${this.base}" needs one`);
      }
      if (chain.length > CHAIN_CONTEXT_MAX) {
        throw new InvalidInput("chainContext", `longer than ${CHAIN_CONTEXT_MAX} characters`);
      }
      text += CHAIN_SEPARATOR + chain;
    }
    if (text !== this.#lastText) {
      this.#lastText = text;
      this.#lastBytes = utf8(text);
    }
    return this.#lastBytes;
  }
}

/**
 * Declares a signature context. Each context is declared once, next to the type it signs.
 *
 * @param base 1..255 ASCII characters without " for chain "
 * @throws AssertionFailure when the whole context could grow beyond 255 bytes
 */
export function defineContext(base: string, options: ContextOptions = {}): SignatureContext {
  return new SignatureContext(base, options);
}

/**
 * The 32 bytes that Ed25519 signs: the hash of the assembled context and the message.
 *
 * @throws InvalidInput when the context cannot be assembled from the domain
 */
export function prepareMessage(context: SignatureContext, message: Uint8Array, domain: Domain = {}): Uint8Array {
  return hash(context.assemble(domain), message);
}

/**
 * The same for a context that arrives fully assembled, as at a remote signer.
 *
 * @param assembled 1..255 bytes
 * @throws InvalidInput when the context is empty or too long
 */
export function prepareAssembled(assembled: Uint8Array, message: Uint8Array): Uint8Array {
  if (assembled.length === 0 || assembled.length > CONTEXT_MAX) {
    throw new InvalidInput("context", `must have 1 to ${CONTEXT_MAX} bytes, has ${assembled.length}`);
  }
  return hash(assembled, message);
}
