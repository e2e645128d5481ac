/** Checking signatures under a context: one, several over one message, and batches that name the culprits. */
import { assert } from "../assert.js";
import { InvalidInput } from "../errors/index.js";
import { type Domain, prepareMessage, type SignatureContext } from "./context.js";
import { SIGNATURE_SIZE, verifyRaw, verifyRawAll } from "./ed25519.js";
import type { Ed25519Claim } from "./kernels.js";
import { type AcceptancePolicy, STRICT_POLICY } from "./key-policy.js";

export interface VerifyOptions extends Domain {
  /** Which keys may sign; `STRICT_POLICY` unless told. */
  readonly policy?: AcceptancePolicy | undefined;
}

/** A public key (32 bytes) and its signature (64 bytes) over something known from elsewhere. */
interface SignatureOfKey {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Why an entry of a batch does not count: wrong length, a forbidden key, a context that cannot be assembled, or a
 * signature that does not verify.
 */
export type SignatureProblem = "malformed-signature" | "forbidden-key" | "bad-context" | "verify-failed";

export interface BatchEntry extends SignatureOfKey {
  readonly context: SignatureContext;
  readonly message: Uint8Array;
  readonly options?: VerifyOptions | undefined;
}

function digestOf(context: SignatureContext, message: Uint8Array, domain: Domain): Uint8Array | undefined {
  try {
    return prepareMessage(context, message, domain);
  } catch (error) {
    // A context that cannot be assembled makes the signature invalid; it is not an error of the caller's input.
    assert(error instanceof InvalidInput, "Only missing or too long parts may keep a context from being assembled.");
    return undefined;
  }
}

/** What is left to check of an entry: an equation, or nothing because of a problem. */
type Reduced = { readonly problem: SignatureProblem } | { readonly claim: Ed25519Claim };

function reduce({ publicKey, context, message, signature, options = {} }: BatchEntry): Reduced {
  if (signature.length !== SIGNATURE_SIZE) {
    return { problem: "malformed-signature" };
  }
  if ((options.policy ?? STRICT_POLICY).forbids(publicKey)) {
    return { problem: "forbidden-key" };
  }
  const digest = digestOf(context, message, options);
  return digest === undefined ? { problem: "bad-context" } : { claim: { publicKey, message: digest, signature } };
}

function check(entry: BatchEntry): SignatureProblem | undefined {
  const reduced = reduce(entry);
  return "problem" in reduced ? reduced.problem : checkClaim(reduced.claim);
}

function checkClaim({ publicKey, message, signature }: Ed25519Claim): SignatureProblem | undefined {
  return verifyRaw(publicKey, message, signature) ? undefined : "verify-failed";
}

/**
 * Whether a signature over a message is valid under a context (common: verification rules). Never throws: a key of the
 * wrong length, a forbidden key or a missing chain context are all answered with false.
 *
 * @param publicKey 32 bytes
 * @param signature 64 bytes
 */
export function verify(
  publicKey: Uint8Array,
  context: SignatureContext,
  message: Uint8Array,
  signature: Uint8Array,
  options: VerifyOptions = {},
): boolean {
  return check({ publicKey, context, message, signature, options }) === undefined;
}

/**
 * Whether every one of the signatures over one message is valid. No signature at all is *not* valid; the same signature
 * twice is, as in the reference.
 */
export function verifyManyToOne(
  context: SignatureContext,
  message: Uint8Array,
  signatures: readonly SignatureOfKey[],
  options: VerifyOptions = {},
): boolean {
  const digest = digestOf(context, message, options);
  if (digest === undefined || signatures.length === 0) {
    return false;
  }
  const policy = options.policy ?? STRICT_POLICY;
  return signatures.every(
    ({ publicKey, signature }) => !policy.forbids(publicKey) && verifyRaw(publicKey, digest, signature),
  );
}

/**
 * Checks many signatures over many messages, together where that is cheaper than one by one.
 *
 * @returns one item per entry, in order: undefined when valid, else what is wrong. An empty batch is valid.
 */
export function verifyBatch(entries: readonly BatchEntry[]): (SignatureProblem | undefined)[] {
  const reduced = entries.map(reduce);
  const valid = verifyRawAll(reduced.flatMap((entry) => ("claim" in entry ? [entry.claim] : [])));
  return reduced.map((entry) => {
    if ("problem" in entry) return entry.problem;
    return valid ? undefined : checkClaim(entry.claim);
  });
}
