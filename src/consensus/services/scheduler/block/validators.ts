import { compareBytes, toHex } from "#common/bytes.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { hasRoles, ROLE_VALIDATOR } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Node } from "../../registry/types/node.js";
import { votingPower } from "../params.js";
import { pendingValidatorsCell } from "../state.js";
import type { Validator } from "../types.js";
import { type Election, entityAddress } from "./election.js";
import { permuted, sharedRandom, sortByHashedBeta } from "../logic/sortition.js";

const CONTEXT_ENTITIES = "EkS-ABCI-Entities";
const CONTEXT_VALIDATORS = "EkS-ABCI-Validators";

/** Whether the stake of an entity covers its claims; any error is a no. */
export function hasStake(election: Election, entity: Uint8Array): boolean {
  if (election.params.debugBypassStake) return true;
  try {
    election.claims.check(entity);
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

/** Entities by descending stake, equal ones in an order that the beacon decides. */
function entitiesByStake(election: Election, entities: SortedMap<Uint8Array, true>): Uint8Array[] {
  const addresses = Array.from(entities.keys()).sort(compareBytes);
  sharedRandom(election.entropy, undefined, CONTEXT_ENTITIES).shuffle(addresses.length, (i, j) => {
    [addresses[i], addresses[j]] = [addresses[j] as Uint8Array, addresses[i] as Uint8Array];
  });
  if (election.params.debugBypassStake) return addresses;
  const balance = (address: Uint8Array): bigint => election.claims.escrowBalance(address);
  return addresses.sort((a, b) => (balance(b) > balance(a) ? 1 : balance(b) < balance(a) ? -1 : 0));
}

function shuffleValidators(election: Election, nodes: readonly Node[]): Node[] {
  const { useVrf, vrf, params, ctx, epoch } = election;
  const proofs = vrf.pi ?? SortedMap.bytes();
  const proven = nodes.filter((node) => proofs.has(node.id)).length;
  if (useVrf && BigInt(proven) >= params.minValidators) {
    const domain = { label: "oasis-core:vrf/validator", chainContext: ctx.env.chainContext, epoch, election: [] };
    return sortByHashedBeta(nodes, proofs, domain);
  }
  return permuted(nodes, sharedRandom(election.entropy, undefined, CONTEXT_VALIDATORS));
}

function powerOf(election: Election, entity: Uint8Array): bigint {
  if (election.params.debugBypassStake) return 1n;
  return votingPower(election.claims.escrowBalance(entity), election.params.votingPowerDistribution);
}

/**
 * Elects the validators of an epoch and stores them as pending (scheduler: validators).
 * @throws Fault when there are too few, because a chain without validators cannot go on
 */
export function electValidators(election: Election): void {
  const entities = SortedMap.bytes<true>();
  const eligible = election.nodes.filter((node) => {
    if (!hasRoles(node.roles, ROLE_VALIDATOR) || !hasStake(election, entityAddress(node))) return false;
    entities.set(entityAddress(node), true);
    return true;
  });
  const byEntity = new Map<string, Node[]>();
  const order = entitiesByStake(election, entities);
  for (const node of shuffleValidators(election, eligible)) {
    const key = toHex(entityAddress(node));
    const list = byEntity.get(key) ?? [];
    list.push(node);
    byEntity.set(key, list);
  }
  const validators = SortedMap.bytes<Validator>();
  const { maxValidators, minValidators, maxValidatorsPerEntity } = election.params;
  elect: for (const entity of order) {
    for (const node of (byEntity.get(toHex(entity)) ?? []).slice(0, Number(maxValidatorsPerEntity))) {
      election.rewardable.set(entity, true);
      election.validatorEntities.set(entity, true);
      const votingPower = powerOf(election, entity);
      validators.set(node.consensus.id, { id: node.id, entityId: node.entityId, votingPower });
      if (BigInt(validators.size) >= maxValidators) break elect;
    }
  }
  if (validators.size === 0) throw new Fault("scheduler: failed to elect any validators");
  if (BigInt(validators.size) < minValidators) throw new Fault("scheduler: insufficient validators");
  pendingValidatorsCell.set(election.ctx.state, validators);
}
