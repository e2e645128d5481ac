import { addressFromPublicKey } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import { hasRoles, ROLE_VALIDATOR } from "#common/node-roles.js";
import { votingPower } from "../services/scheduler/params.js";
import { isNodeExpired, Node } from "../services/registry/types/node.js";
import type { ValidatorUpdate } from "../transaction/results.js";
import type { GenesisDocument } from "./document.js";
import { sortLikeGo } from "./go-sort.js";

function powerOf(document: GenesisDocument, entityId: Uint8Array): bigint {
  const { params } = document.scheduler;
  if (params.debugBypassStake) return 1n;
  const account = document.staking.ledger.get(addressFromPublicKey(entityId));
  if (account === undefined || account === null) return 1n;
  return votingPower(account.escrow.active.balance, params.votingPowerDistribution);
}

/** The descriptor that a document has at a place. */
function nodeIn(untrustedRawValue: Uint8Array, place: number): Node {
  try {
    return Node.decode(untrustedRawValue);
  } catch (error) {
    throw error instanceof DecodeError ? error.within(`registry.nodes[${place}]`) : error;
  }
}

/**
 * The engine's first validator set (consensus: genesis validators): validator nodes of the document in its order,
 * limited per entity, by descending power, cut at max_validators.
 * @throws InvalidInput when no validator remains, DecodeError for a descriptor that cannot be read
 */
export function genesisValidators(document: GenesisDocument): ValidatorUpdate[] {
  const { params } = document.scheduler;
  const perEntity = new Map<string, number>();
  const candidates: ValidatorUpdate[] = [];
  for (const [i, envelope] of document.registry.nodes.entries()) {
    if (envelope === null) continue;
    const node = nodeIn(envelope.untrustedRawValue, i);
    if (!hasRoles(node.roles, ROLE_VALIDATOR) || isNodeExpired(node, document.beacon.base)) continue;
    const entity = toHex(node.entityId);
    const n = perEntity.get(entity) ?? 0;
    if (BigInt(n) >= params.maxValidatorsPerEntity) continue;
    perEntity.set(entity, n + 1);
    candidates.push({ publicKey: node.consensus.id, power: powerOf(document, node.entityId) });
  }
  const sorted = sortLikeGo(candidates, (a, b) => a.power > b.power);
  const validators = sorted.slice(0, Number(params.maxValidators));
  if (validators.length === 0) throw new InvalidInput("registry.nodes", "the document has no validator");
  return validators;
}
