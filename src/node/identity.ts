import { utf8 } from "#common/bytes.js";
import { MemorySigner, type Signer } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";

/** The keys of a node; each signs only what belongs to its role. */
export interface Identity {
  readonly node: Signer;
  readonly p2p: Signer;
  readonly consensus: Signer;
  readonly vrf: Signer;
  readonly tls: Signer;
}

const ROLES = ["node", "p2p", "consensus", "vrf", "tls"] as const;

/**
 * The identity that follows from a secret and a name, so that a network of many nodes keeps one secret instead of
 * dozens of key files.
 * @param secret 32 unpredictable bytes
 */
export function deriveIdentity(secret: Uint8Array, name: string): Identity {
  const derive = (role: string): Signer => MemorySigner.fromSeed(deriveSeed(secret, `${name}/${role}`));
  const [node, p2p, consensus, vrf, tls] = ROLES.map(derive) as [Signer, Signer, Signer, Signer, Signer];
  return { node, p2p, consensus, vrf, tls };
}

/** A key seed of 32 bytes that follows from a secret and a label. */
export function deriveSeed(secret: Uint8Array, label: string): Uint8Array {
  return hash(utf8("qanat: derived key seed/"), secret, utf8(label));
}
