import { binaryText, compareBytes, u64be, utf8 } from "#common/bytes.js";
import { HmacDrbg, MathRand } from "#common/crypto/drbg.js";
import { tupleHash256 } from "#common/crypto/tuple-hash.js";
import { proofToBeta } from "#common/crypto/vrf.js";
import { Fault } from "#common/errors/index.js";
import type { SortedMap } from "#common/sorted-map.js";
import type { VrfProof } from "../../beacon/types.js";
import type { Node } from "../../registry/types/node.js";

const EMPTY = new Uint8Array(0);

/** Proofs of the previous epoch by node id. */
export type Proofs = SortedMap<Uint8Array, VrfProof>;

/** A random source that all nodes share, from the epoch's beacon. */
export function sharedRandom(entropy: Uint8Array, nonce: Uint8Array | undefined, context: string): MathRand {
  return new MathRand(new HmacDrbg(entropy, nonce ?? EMPTY, utf8(context)));
}

/** What a beta is hashed with, so that each election has an order of its own. */
export interface BetaDomain {
  readonly label: string;
  readonly chainContext: string;
  readonly epoch: bigint;
  /** Runtime id, committee kind and role; empty for validators. */
  readonly election: readonly Uint8Array[];
}

function hashedBeta(domain: BetaDomain, proof: VrfProof): Uint8Array {
  const beta = proofToBeta(proof.proof);
  if (beta === null) throw new Fault("corrupted state: stored VRF proof does not decode");
  const parts = [utf8(domain.chainContext), u64be(domain.epoch), ...domain.election, beta];
  return tupleHash256(domain.label, parts);
}

/** Nodes with a proof in the order of their hashed betas; of equal hashes the first node stays. */
export function sortByHashedBeta(nodes: readonly Node[], proofs: Proofs, domain: BetaDomain): Node[] {
  const seen = new Set<string>();
  const keyed: { beta: Uint8Array; node: Node }[] = [];
  for (const node of nodes) {
    const proof = proofs.get(node.id);
    if (proof === undefined) continue;
    const beta = hashedBeta(domain, proof);
    const id = binaryText(beta);
    if (seen.has(id)) continue;
    seen.add(id);
    keyed.push({ beta, node });
  }
  keyed.sort((a, b) => compareBytes(a.beta, b.beta));
  return keyed.map(({ node }) => node);
}

/** Nodes in the order of a random permutation. */
export function permuted(nodes: readonly Node[], random: MathRand): Node[] {
  return random.perm(nodes.length).map((i) => nodes[i] as Node);
}

/** At most `limit` nodes of each entity, the first ones of the list. */
export function limitPerEntity(nodes: readonly Node[], limit: number): Node[] {
  const counts = new Map<string, number>();
  return nodes.filter((node) => {
    const entity = binaryText(node.entityId);
    const n = counts.get(entity) ?? 0;
    if (n >= limit) return false;
    counts.set(entity, n + 1);
    return true;
  });
}
