import { binaryText } from "#common/bytes.js";
import { hasRoles, ROLE_COMPUTE } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import { activeDeployment } from "../../registry/types/deployments.js";
import type { Node } from "../../registry/types/node.js";
import { RUNTIME_COMPUTE, type Runtime, type SchedulingConstraints } from "../../registry/types/runtime.js";
import { isSuitableTee } from "../../registry/types/suitability.js";
import { committees } from "../state.js";
import { COMMITTEE_BACKUP_WORKER, COMMITTEE_EXECUTOR, COMMITTEE_WORKER, type CommitteeNode } from "../types.js";
import { type Candidate, type Election, entityAddress } from "./election.js";
import { forcedMembers, placeForced, reservedSeats } from "./force-elect.js";
import { limitPerEntity, permuted, sharedRandom, sortByHashedBeta } from "../logic/sortition.js";
import { hasStake } from "./validators.js";

const KIND = COMMITTEE_EXECUTOR;
const ROLES = [COMMITTEE_WORKER, COMMITTEE_BACKUP_WORKER] as const;
const RANDOM_CONTEXTS: Readonly<Record<number, string>> = {
  [COMMITTEE_WORKER]: "EkS-ABCI-ComputeWorker",
  [COMMITTEE_BACKUP_WORKER]: "EkS-ABCI-ComputeBackup-Worker",
};

/** One election for one runtime. */
interface RuntimeElection {
  readonly election: Election;
  readonly runtime: Runtime;
  readonly sizes: Readonly<Record<number, number>>;
}

function constraintsOf(runtime: Runtime, role: number): SchedulingConstraints | undefined {
  return runtime.constraints.get(KIND)?.get(role) ?? undefined;
}

function isSuitableExecutor(election: Election, { node, status }: Candidate, runtime: Runtime): boolean {
  if (!hasRoles(node.roles, ROLE_COMPUTE)) return false;
  const deployment = activeDeployment(runtime, election.epoch);
  if (deployment === undefined) return false;
  const fault = status.faults.get(runtime.id);
  const suspended = fault !== undefined && fault !== null && fault.suspendedUntil > election.epoch;
  return isSuitableTee(election.ctx, node, runtime, deployment, election.feature261) && !suspended;
}

function hasProof({ election, runtime }: RuntimeElection, node: Node): boolean {
  if (!election.useVrf || election.vrf.pi?.has(node.id) === true) return true;
  return reservedSeats(election, runtime.id)?.get(node.id)?.kind === KIND;
}

/** Candidates by role, before limits and order (scheduler: candidate filter). */
function candidatesByRole(run: RuntimeElection): SortedMap<number, Node[]> {
  const { election, runtime, sizes } = run;
  const out = SortedMap.int<number, Node[]>();
  for (const candidate of election.candidates) {
    const { node } = candidate;
    const entity = entityAddress(node);
    if (!hasStake(election, entity) || !isSuitableExecutor(election, candidate, runtime) || !hasProof(run, node))
      continue;
    let eligible = false;
    for (const role of ROLES) {
      if (sizes[role] === 0) continue;
      const mustValidate = constraintsOf(runtime, role)?.validatorSet !== undefined;
      if (mustValidate && !election.validatorEntities.has(entity)) continue;
      const list = out.get(role) ?? [];
      list.push(node);
      out.set(role, list);
      eligible = true;
    }
    if (eligible) election.rewardable.set(entity, true);
  }
  return out;
}

function sorted({ election, runtime }: RuntimeElection, nodes: readonly Node[], role: number, label: string): Node[] {
  const { ctx, epoch, vrf } = election;
  const parts = [runtime.id, Uint8Array.of(KIND), Uint8Array.of(role)];
  const domain = { label, chainContext: ctx.env.chainContext, epoch, election: parts };
  return sortByHashedBeta(nodes, vrf.pi ?? SortedMap.bytes(), domain);
}

/** Nodes of a role in the order in which they are elected. */
function electionOrder(run: RuntimeElection, nodes: readonly Node[], role: number): Node[] {
  const { election, runtime } = run;
  if (election.useVrf) return sorted(run, nodes, role, "oasis-core:vrf/committee");
  return permuted(nodes, sharedRandom(election.entropy, runtime.id, RANDOM_CONTEXTS[role] as string));
}

/** Takes the first nodes of an order; undefined when an entity would pass its limit or too few remain. */
function take(
  order: readonly Node[],
  forced: CommitteeNode[],
  role: number,
  wanted: number,
  limit: number | undefined,
) {
  const elected = [...forced];
  const isForced = new Set(forced.map((member) => binaryText(member.publicKey)));
  const perEntity = new Map<string, number>();
  for (const node of order) {
    if (elected.length >= wanted) break;
    if (isForced.has(binaryText(node.id))) continue;
    if (limit !== undefined) {
      const entity = binaryText(node.entityId);
      const n = perEntity.get(entity) ?? 0;
      if (n >= limit) return undefined;
      perEntity.set(entity, n + 1);
    }
    elected.push({ role, publicKey: node.id });
  }
  return elected.length === wanted ? elected : undefined;
}

/** Members of one role; undefined when they cannot be elected, which fails the committee. */
function electRole(run: RuntimeElection, eligible: readonly Node[], role: number): CommitteeNode[] | undefined {
  const { election, runtime, sizes } = run;
  const wanted = sizes[role] as number;
  const constraints = constraintsOf(runtime, role);
  const seats = reservedSeats(election, runtime.id);
  const limit = constraints?.maxNodes?.limit;
  let nodes = eligible;
  if (limit !== undefined && limit > 0) {
    if (seats !== undefined) return undefined;
    nodes = limitPerEntity(election.useVrf ? sorted(run, nodes, role, "oasis-core:vrf/dedup") : nodes, limit);
  }
  if (nodes.length < (constraints?.minPoolSize?.limit ?? 0) || wanted > nodes.length) return undefined;
  const order = electionOrder(run, nodes, role);
  const forced = seats === undefined ? [] : forcedMembers(seats, KIND, role, nodes, wanted);
  if (forced === undefined) return undefined;
  const elected = take(order, forced, role, wanted, limit);
  if (elected === undefined || seats === undefined) return elected;
  return placeForced(seats, forced, elected, role);
}

function electMembers(election: Election, runtime: Runtime): CommitteeNode[] {
  if (election.useVrf && !election.vrf.canElect && !election.params.debugAllowWeakAlpha) return [];
  const { groupSize, groupBackupSize } = runtime.executor;
  if (groupSize === 0) return [];
  const sizes = { [COMMITTEE_WORKER]: groupSize, [COMMITTEE_BACKUP_WORKER]: groupBackupSize };
  const run: RuntimeElection = { election, runtime, sizes };
  const byRole = candidatesByRole(run);
  const members: CommitteeNode[] = [];
  for (const role of ROLES) {
    if (sizes[role] === 0) continue;
    const elected = electRole(run, byRole.get(role) ?? [], role);
    if (elected === undefined) return [];
    members.push(...elected);
  }
  return members;
}

/** Elects the executor committee of a runtime, or drops it when the election fails (scheduler: committees). */
export function electCommittee(election: Election, runtime: Runtime): void {
  const { ctx, epoch } = election;
  if (election.feature261 && runtime.kind !== RUNTIME_COMPUTE) return;
  const members = electMembers(election, runtime);
  if (members.length === 0) committees.remove(ctx.state, KIND, runtime.id);
  else committees.set(ctx.state, [KIND, runtime.id], { kind: KIND, members, runtimeId: runtime.id, validFor: epoch });
}
