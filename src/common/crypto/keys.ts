/** Keys and signatures as wire types: byte strings of a fixed size, base64 text in JSON (common: signatures). */
import { fixedBytes, type Schema } from "../schema/index.js";

/** An Ed25519 public key, 32 bytes. It also names a node or an entity. */
export type PublicKey = Uint8Array;
export const PublicKey: Schema<Uint8Array> = fixedBytes("PublicKey", 32, { json: "base64" });

/** An Ed25519 signature, 64 bytes. */
export type Signature = Uint8Array;
export const Signature: Schema<Uint8Array> = fixedBytes("Signature", 64, { json: "base64" });

/** An X25519 public key, 32 bytes. */
export type X25519PublicKey = Uint8Array;
export const X25519PublicKey: Schema<Uint8Array> = fixedBytes("X25519PublicKey", 32, { json: "base64" });
