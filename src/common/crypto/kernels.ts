/**
 * The cryptographic kernels: `#kernels` resolves to OpenSSL (and libsodium where it is installed) on Node.js and to
 * @noble elsewhere. This file holds types only. All kernels are synchronous and return fresh plain `Uint8Array`s. The
 * two implementations answer identically, except where "decides nothing" is said of an answer.
 */

/** SHA-512/256, 32 bytes: the hash of this protocol. */
export declare function sha512_256(data: Uint8Array): Uint8Array;
/** SHA-512, 64 bytes. */
export declare function sha512(data: Uint8Array): Uint8Array;
/** SHA-256, 32 bytes: the hash of the consensus engine's blocks. */
export declare function sha256(data: Uint8Array): Uint8Array;
/** SHA3-256, 32 bytes. */
export declare function sha3_256(data: Uint8Array): Uint8Array;
/** HMAC with SHA-512, 64 bytes. */
export declare function hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array;
/** HMAC with SHA-512/256 (block of 128 bytes), 32 bytes. */
export declare function hmacSha512_256(key: Uint8Array, data: Uint8Array): Uint8Array;
/** HMAC with SHA-256, 32 bytes. */
export declare function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;

/**
 * Quick Ed25519 check of a 64-byte signature by a 32-byte key. `true` means that the cofactored equation holds and that
 * S is reduced; small-order points are *not* refused here. `false` decides nothing: OpenSSL and libsodium check a
 * stricter equation than the protocol. Only `verifyRaw` of the signature file gives the protocol's answer.
 */
export declare function ed25519Accepts(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;

/** That a 32-byte key made a 64-byte signature over a message. */
export interface Ed25519Claim {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The same for many signatures at once: `true` means that `ed25519Accepts` could say so of each, `false` decides nothing.
 * An empty list is accepted.
 */
export declare function ed25519AcceptsAll(claims: readonly Ed25519Claim[]): boolean;

/** An Ed25519 private key that is ready to sign. */
export interface Ed25519Key {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** RFC 8032 signature, 64 bytes, over the message as it is: no context, no prehash. */
  sign(message: Uint8Array): Uint8Array;
}

/** Expands a 32-byte RFC 8032 seed. Expensive compared with a signature: keep the result. */
export declare function ed25519Key(seed: Uint8Array): Ed25519Key;

/**
 * A multiple of a point, 32 bytes. Undefined means that the kernel cannot tell, and decides nothing: only quick kernels
 * answer at all, and only for points of the prime-order group that are encoded canonically and a result that is not zero.
 *
 * @param scalar 32 bytes, little-endian, reduced
 * @param point 32 bytes
 */
export declare function ed25519Multiply(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined;
/** The same of the base point. @param scalar 32 bytes, little-endian, reduced */
export declare function ed25519MultiplyBase(scalar: Uint8Array): Uint8Array | undefined;
/** The difference of two points of 32 bytes each, under the same conditions. */
export declare function ed25519Subtract(p: Uint8Array, q: Uint8Array): Uint8Array | undefined;

/** X25519 public key (32 bytes) of a 32-byte private key. */
export declare function x25519PublicKey(privateKey: Uint8Array): Uint8Array;
/** X25519 shared secret (32 bytes), all zeros for a small-order peer: the caller decides what that means. */
export declare function x25519(privateKey: Uint8Array, peerPublicKey: Uint8Array): Uint8Array;

/**
 * Whether an ECDSA signature on P-256 holds over the SHA-256 of a message. Both halves of the range of s are accepted.
 *
 * @param point x and y, 64 bytes; a point off the curve never verifies
 * @param signature r and s, 64 bytes
 */
export declare function p256Verify(point: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
/**
 * Whether an RSA signature (PKCS #1 v1.5) holds over the SHA-256 of a message.
 *
 * @param modulus odd, big-endian, without leading zeros
 * @param exponent odd, 3..2^31-1
 * @param signature as long as the modulus
 */
export declare function rsaSha256Verify(
  modulus: Uint8Array,
  exponent: number,
  message: Uint8Array,
  signature: Uint8Array,
): boolean;
