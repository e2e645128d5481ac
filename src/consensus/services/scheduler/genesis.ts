import { addressFromPublicKey } from "#common/address.js";
import { InvalidInput } from "#common/errors/index.js";
import { hasRoles, ROLE_VALIDATOR } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Context } from "../../app/context.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { nodeList } from "../registry/state.js";
import type { Node } from "../registry/types/node.js";
import { getAccount, totalSupply } from "../staking/state/index.js";
import {
  checkParameters,
  MAX_TOTAL_POWER,
  type SchedulerGenesis,
  type SchedulerParameters,
  schedulerParametersCell,
  votingPower,
} from "./params.js";
import { toGenesis } from "./queries.js";
import { currentValidatorsCell } from "./state.js";
import type { Validator } from "./types.js";

function expectedPower(ctx: Context, params: SchedulerParameters, node: Node): bigint {
  if (params.debugBypassStake) return 1n;
  const account = getAccount(ctx.state, addressFromPublicKey(node.entityId));
  return votingPower(account.escrow.active.balance, params.votingPowerDistribution);
}

function positive(field: string, value: bigint): void {
  if (value <= 0n) throw new InvalidInput(`scheduler.params.${field}`, "must be above zero");
}

/** Genesis of the scheduler: the engine's first validator set must be what the registry and stake say. */
export const genesis: GenesisHooks<SchedulerGenesis> = {
  check({ params }, document) {
    document.attempt("params", () => checkParameters(params, document.debug));
  },
  initChain(ctx, { params }, document) {
    schedulerParametersCell.set(ctx.state, params);
    positive("min_validators", params.minValidators);
    positive("max_validators", params.maxValidators);
    positive("max_validators_per_entity", params.maxValidatorsPerEntity);
    const registered = SortedMap.bytes<Node>();
    for (const node of nodeList(ctx.state)) {
      if (hasRoles(node.roles, ROLE_VALIDATOR)) registered.set(node.consensus.id, node);
    }
    const current = SortedMap.bytes<Validator>();
    for (const { publicKey, power } of document.validators) {
      const node = registered.get(publicKey);
      if (node === undefined) throw new InvalidInput("validators", "genesis validator is not in the registry");
      const expected = expectedPower(ctx, params, node);
      if (power !== expected) throw new InvalidInput("validators", `power ${power}, expected ${expected}`);
      current.set(publicKey, { id: node.id, entityId: node.entityId, votingPower: power });
    }
    currentValidatorsCell.set(ctx.state, current);
    const supplyPower = votingPower(totalSupply.get(ctx.state), params.votingPowerDistribution);
    if (!params.debugBypassStake && supplyPower > MAX_TOTAL_POWER) {
      throw new InvalidInput("staking.total_supply", `voting power ${supplyPower} exceeds ${MAX_TOTAL_POWER}`);
    }
  },
  toGenesis: (ctx) => toGenesis(ctx.state),
};
