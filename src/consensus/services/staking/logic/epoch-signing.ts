/** Who signed how many blocks of an epoch (staking: epoch signing). */
import { compareBytes } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import type { EpochSigning } from "../types/account.js";

const U64_MAX = 0xffffffffffffffffn;

function checked(product: bigint): bigint {
  if (product > U64_MAX) throw new Fault("overflow in epoch signing counts");
  return product;
}

/** Counts one more block and its signers; who is listed twice counts twice. */
export function countBlock(signing: EpochSigning, entities: readonly Uint8Array[]): EpochSigning {
  const byEntity = signing.byEntity?.clone() ?? SortedMap.bytes<bigint>();
  for (const entity of entities) byEntity.set(entity, checked((byEntity.get(entity) ?? 0n) + 1n));
  return { total: checked(signing.total + 1n), byEntity };
}

/**
 * Entities that signed at least the fraction `numerator / denominator` of the blocks, by public key.
 * @throws Fault when a product does not fit 64 bits, where the reference stops
 */
export function eligibleEntities(signing: EpochSigning, numerator: bigint, denominator: bigint): Uint8Array[] {
  const threshold = checked(signing.total * numerator);
  const eligible: Uint8Array[] = [];
  for (const [entity, count] of signing.byEntity?.entries() ?? []) {
    if (checked(count * denominator) >= threshold) eligible.push(entity);
  }
  return eligible.sort(compareBytes);
}
