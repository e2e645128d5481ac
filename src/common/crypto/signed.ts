/**
 * Signed envelopes (common: signature structures). An envelope keeps the bytes that were signed, because decoding and
 * encoding again need not give the same bytes: it is verified as received, then decoded.
 */
import { compareBytes } from "../bytes.js";
import { bytes, list, nullable, type Schema, struct, type StructClass } from "../schema/index.js";
import type { Domain, SignatureContext } from "./context.js";
import { PublicKey, Signature } from "./keys.js";
import type { Signer } from "./signer.js";
import { verify, verifyManyToOne, type VerifyOptions } from "./verify.js";

/** The reference sets no limits here; these only bound memory and lie beyond every transaction and message. */
const BLOB_MAX = 64 * 1024 * 1024;
const SIGNATURES_MAX = 1_000_000;

/** A signature does not verify, or its key may not sign. */
export class SignatureInvalid extends Error {
  override readonly name = "SignatureInvalid";
}

/** A signature together with the key that made it. */
export class KeyedSignature extends struct("Signature", { publicKey: PublicKey, signature: Signature }) {}

/** Bytes signed by one key. */
export class Signed extends struct("Signed", {
  untrustedRawValue: bytes({ max: BLOB_MAX }),
  signature: KeyedSignature,
}) {}

/** Bytes signed by several keys. */
export class MultiSigned extends struct("MultiSigned", {
  untrustedRawValue: bytes({ max: BLOB_MAX }),
  signatures: nullable(list(KeyedSignature, { max: SIGNATURES_MAX })),
}) {}

/** Signs a message and names the key. */
export function signKeyed(
  signer: Signer,
  context: SignatureContext,
  message: Uint8Array,
  domain: Domain = {},
): KeyedSignature {
  return { publicKey: signer.publicKey, signature: signer.sign(context, message, domain) };
}

/** What a signed type can do besides being a wire type. `E` is the envelope, `T` the value inside. */
export interface Envelope<E, T, S> {
  /** The context every signature of this type is made under. */
  readonly context: SignatureContext;
  /** Whether the signatures are valid; says nothing about what is inside. */
  verifies(envelope: E, options?: VerifyOptions): boolean;
  /**
   * Verifies the signatures, then decodes the value strictly.
   *
   * @throws SignatureInvalid when a signature does not count
   * @throws DecodeError when the signed bytes are not the encoding of the type
   */
  open(envelope: E, options?: VerifyOptions): T;
  /** Encodes and signs a value. */
  sign(signer: S, value: T, domain?: Domain): E;
}

/** An envelope type made by `signed`. */
export type SignedClass<T> = StructClass<Signed> & Envelope<Signed, T, Signer>;
/** An envelope type made by `multiSigned`. */
export type MultiSignedClass<T> = StructClass<MultiSigned> & Envelope<MultiSigned, T, readonly Signer[]>;

function opening<E extends { untrustedRawValue: Uint8Array }, T>(
  typeName: string,
  body: Schema<T>,
  verifies: (envelope: E, options?: VerifyOptions) => boolean,
): (envelope: E, options?: VerifyOptions) => T {
  return (envelope, options) => {
    if (!verifies(envelope, options)) {
      throw new SignatureInvalid(`${typeName}: signature verification failed`);
    }
    return body.decode(envelope.untrustedRawValue, "untrusted");
  };
}

/**
 * Declares a type that travels signed by one key: `class SignedEntity extends signed("SignedEntity", Entity, context) {}`.
 *
 * @param typeName name in error texts
 * @param body what is inside
 * @param context the context of its signatures
 */
export function signed<T>(typeName: string, body: Schema<T>, context: SignatureContext): SignedClass<T> {
  const verifies = ({ untrustedRawValue, signature }: Signed, options: VerifyOptions = {}): boolean =>
    verify(signature.publicKey, context, untrustedRawValue, signature.signature, options);
  const envelope = struct(typeName, { untrustedRawValue: bytes({ max: BLOB_MAX }), signature: KeyedSignature });
  return Object.assign(envelope, {
    context,
    verifies,
    open: opening(typeName, body, verifies),
    sign(signer: Signer, value: T, domain: Domain = {}): Signed {
      const untrustedRawValue = body.encode(value);
      return { untrustedRawValue, signature: signKeyed(signer, context, untrustedRawValue, domain) };
    },
  });
}

/**
 * Declares a type that travels signed by several keys, e.g. a node descriptor. At least one signature is needed and all
 * must be valid; which keys must have signed is for the type's owner to check with `isOnlySignedBy`.
 */
export function multiSigned<T>(typeName: string, body: Schema<T>, context: SignatureContext): MultiSignedClass<T> {
  const verifies = ({ untrustedRawValue, signatures }: MultiSigned, options: VerifyOptions = {}): boolean =>
    verifyManyToOne(context, untrustedRawValue, signatures ?? [], options);
  const envelope = struct(typeName, {
    untrustedRawValue: bytes({ max: BLOB_MAX }),
    signatures: nullable(list(KeyedSignature, { max: SIGNATURES_MAX })),
  });
  return Object.assign(envelope, {
    context,
    verifies,
    open: opening(typeName, body, verifies),
    sign(signers: readonly Signer[], value: T, domain: Domain = {}): MultiSigned {
      const untrustedRawValue = body.encode(value);
      const signatures = signers.map((signer) => signKeyed(signer, context, untrustedRawValue, domain));
      return { untrustedRawValue, signatures };
    },
  });
}

/** Whether an envelope names this key (32 bytes) among its signers. Verifies nothing. */
export function isSignedBy(envelope: MultiSigned, publicKey: Uint8Array): boolean {
  return (envelope.signatures ?? []).some((signature) => compareBytes(signature.publicKey, publicKey) === 0);
}

/**
 * Whether the signers of an envelope are exactly these keys, which must be distinct. A signature given twice is not
 * noticed, as in the reference. Verifies nothing.
 */
export function isOnlySignedBy(envelope: MultiSigned, publicKeys: readonly Uint8Array[]): boolean {
  const signers = (envelope.signatures ?? []).map(({ publicKey }) => publicKey).sort(compareBytes);
  const distinct = signers.filter((key, i) => i === 0 || compareBytes(signers[i - 1] as Uint8Array, key) !== 0);
  return distinct.length === publicKeys.length && publicKeys.every((key) => isSignedBy(envelope, key));
}
