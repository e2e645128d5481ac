import { addressFromPublicKey } from "#common/address.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Context } from "../../../app/context.js";
import { isFeature261 } from "../../../app/parameters.js";
import { beaconParametersCell } from "../../beacon/params.js";
import { beaconCell, vrfStateCell } from "../../beacon/state.js";
import { BACKEND_VRF, type PrevVrfState } from "../../beacon/types.js";
import { loadNodeStatus, nodeList } from "../../registry/state.js";
import { isNodeExpired, type Node } from "../../registry/types/node.js";
import type { NodeStatus } from "../../registry/types/status.js";
import { StakeClaims } from "../../staking/state/index.js";
import { type SchedulerParameters, schedulerParametersCell } from "../params.js";

/** A node with its status, as a candidate for committees. */
export interface Candidate {
  readonly node: Node;
  readonly status: NodeStatus;
}

/** Everything one election looks at. */
export interface Election {
  readonly ctx: Context;
  readonly epoch: bigint;
  readonly params: SchedulerParameters;
  /** Whether the VRF backend is in use; `vrf` then holds the proofs of the previous epoch. */
  readonly useVrf: boolean;
  readonly vrf: PrevVrfState;
  /** The epoch's beacon, 32 bytes. */
  readonly entropy: Uint8Array;
  readonly claims: StakeClaims;
  readonly feature261: boolean;
  /** Nodes that are neither frozen nor expired. */
  readonly nodes: readonly Node[];
  /** Those of them that may enter committees. */
  readonly candidates: readonly Candidate[];
  /** Entities with a node considered in some election. */
  readonly rewardable: SortedMap<Uint8Array, true>;
  /** Entities with a node in the new validator set. */
  readonly validatorEntities: SortedMap<Uint8Array, true>;
}

const NO_PROOFS: PrevVrfState = { pi: SortedMap.bytes(), canElect: false };

/** Gathers what the elections of an epoch need (scheduler: prepare). */
export function prepareElection(ctx: Context, epoch: bigint): Election {
  const params = schedulerParametersCell.load(ctx.state);
  const useVrf = beaconParametersCell.load(ctx.state).backend === BACKEND_VRF;
  const vrf = useVrf ? vrfStateCell.load(ctx.state).prevState : undefined;
  const onlyEligible = useVrf && !params.debugAllowWeakAlpha;
  const nodes: Node[] = [];
  const candidates: Candidate[] = [];
  for (const node of nodeList(ctx.state)) {
    const status = loadNodeStatus(ctx.state, node.id);
    if (status.freezeEndTime > 0n || isNodeExpired(node, epoch)) continue;
    nodes.push(node);
    if (!onlyEligible || epoch > status.electionEligibleAfter) candidates.push({ node, status });
  }
  return {
    ctx,
    epoch,
    params,
    useVrf,
    vrf: vrf ?? NO_PROOFS,
    entropy: beaconCell.load(ctx.state),
    claims: new StakeClaims(ctx),
    feature261: isFeature261(ctx.state),
    nodes,
    candidates,
    rewardable: SortedMap.bytes(),
    validatorEntities: SortedMap.bytes(),
  };
}

/** Address of the entity that runs a node. */
export function entityAddress(node: Node): Uint8Array {
  return addressFromPublicKey(node.entityId);
}
