/** Signatures: contexts, signers and verification in one place (common: signatures). */
export { defineContext, type Domain, prepareAssembled, prepareMessage, SignatureContext } from "./context.js";
export { type AcceptancePolicy, alsoForbidding, STRICT_POLICY, TEST_KEYS_POLICY } from "./key-policy.js";
export {
  type Envelope,
  isOnlySignedBy,
  isSignedBy,
  KeyedSignature,
  MultiSigned,
  type MultiSignedClass,
  multiSigned,
  SignatureInvalid,
  Signed,
  type SignedClass,
  signed,
  signKeyed,
} from "./signed.js";
export { MemorySigner, type Signer } from "./signer.js";
export {
  type BatchEntry,
  type SignatureProblem,
  verify,
  verifyBatch,
  verifyManyToOne,
  type VerifyOptions,
} from "./verify.js";
