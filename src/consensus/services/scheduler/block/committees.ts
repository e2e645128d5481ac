import { binaryText, equalBytes } from "#common/bytes.js";
import { hasRoles, ROLE_COMPUTE, ROLE_STORAGE } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import { hasStorageCommittees } from "../../registry/params.js";
import { activeDeployment } from "../../registry/types/deployments.js";
import type { Node } from "../../registry/types/node.js";
import {
  RUNTIME_COMPUTE,
  type Runtime,
  type SchedulingConstraints,
  storageCommitteeOf,
} from "../../registry/types/runtime.js";
import { isSuitableTee } from "../../registry/types/suitability.js";
import { committees } from "../state.js";
import {
  COMMITTEE_BACKUP_WORKER,
  COMMITTEE_EXECUTOR,
  COMMITTEE_STORAGE,
  COMMITTEE_WORKER,
  type CommitteeNode,
} from "../types.js";
import { type Candidate, type Election, entityAddress } from "./election.js";
import { forcedMembers, placeForced, reservedSeats } from "./force-elect.js";
import { limitPerEntity, permuted, sharedRandom, sortByHashedBeta } from "../logic/sortition.js";
import { hasStake } from "./validators.js";

const ROLES = [COMMITTEE_WORKER, COMMITTEE_BACKUP_WORKER] as const;
const ROLE_NAMES: Readonly<Record<number, string>> = {
  [COMMITTEE_WORKER]: "Worker",
  [COMMITTEE_BACKUP_WORKER]: "Backup-Worker",
};

/** A kind of committees. */
interface Kind {
  readonly kind: number;
  /** What the shared random source of a role is named by, in front of the role's own name. */
  readonly randomContext: string;
  /** Seats by role. */
  readonly sizes: (runtime: Runtime) => Readonly<Record<number, number>>;
  readonly isSuitable: (election: Election, candidate: Candidate, runtime: Runtime) => boolean;
}

/** One election for one runtime. */
interface RuntimeElection {
  readonly election: Election;
  readonly runtime: Runtime;
  readonly kind: Kind;
  readonly sizes: Readonly<Record<number, number>>;
}

function constraintsOf({ runtime, kind }: RuntimeElection, role: number): SchedulingConstraints | undefined {
  return runtime.constraints.get(kind.kind)?.get(role) ?? undefined;
}

function isSuitableExecutor(election: Election, { node, status }: Candidate, runtime: Runtime): boolean {
  if (!hasRoles(node.roles, ROLE_COMPUTE)) return false;
  const deployment = activeDeployment(runtime, election.epoch);
  if (deployment === undefined) return false;
  const fault = status.faults.get(runtime.id);
  const suspended = fault !== undefined && fault !== null && fault.suspendedUntil > election.epoch;
  return isSuitableTee(election.ctx, node, runtime, deployment, election.feature261) && !suspended;
}

/** A storage node needs the runtime in its descriptor, in whatever version, and no trusted hardware. */
function isSuitableStorage(_: Election, { node }: Candidate, { id }: Runtime): boolean {
  const isListed = (node.runtimes ?? []).some((entry) => entry !== null && equalBytes(entry.id, id));
  return isListed && hasRoles(node.roles, ROLE_STORAGE);
}

const EXECUTOR: Kind = {
  kind: COMMITTEE_EXECUTOR,
  randomContext: "EkS-ABCI-Compute",
  sizes: ({ executor }) => ({
    [COMMITTEE_WORKER]: executor.groupSize,
    [COMMITTEE_BACKUP_WORKER]: executor.groupBackupSize,
  }),
  isSuitable: isSuitableExecutor,
};

const STORAGE: Kind = {
  kind: COMMITTEE_STORAGE,
  randomContext: "EkS-ABCI-Storage",
  sizes: ({ storage }) => ({ [COMMITTEE_WORKER]: storage.committee?.groupSize ?? 0, [COMMITTEE_BACKUP_WORKER]: 0 }),
  isSuitable: isSuitableStorage,
};

function hasProof({ election, runtime, kind }: RuntimeElection, node: Node): boolean {
  if (!election.useVrf || election.vrf.pi?.has(node.id) === true) return true;
  return reservedSeats(election, runtime.id)?.get(node.id)?.kind === kind.kind;
}

/** Candidates by role, before limits and order (scheduler: candidate filter). */
function candidatesByRole(run: RuntimeElection): SortedMap<number, Node[]> {
  const { election, runtime, kind, sizes } = run;
  const out = SortedMap.int<number, Node[]>();
  for (const candidate of election.candidates) {
    const { node } = candidate;
    const entity = entityAddress(node);
    if (!hasStake(election, entity) || !kind.isSuitable(election, candidate, runtime) || !hasProof(run, node)) continue;
    let eligible = false;
    for (const role of ROLES) {
      if (sizes[role] === 0) continue;
      const mustValidate = constraintsOf(run, role)?.validatorSet !== undefined;
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

function sorted(
  { election, runtime, kind }: RuntimeElection,
  nodes: readonly Node[],
  role: number,
  label: string,
): Node[] {
  const { ctx, epoch, vrf } = election;
  const parts = [runtime.id, Uint8Array.of(kind.kind), Uint8Array.of(role)];
  const domain = { label, chainContext: ctx.env.chainContext, epoch, election: parts };
  return sortByHashedBeta(nodes, vrf.pi ?? SortedMap.bytes(), domain);
}

/** Nodes of a role in the order in which they are elected. */
function electionOrder(run: RuntimeElection, nodes: readonly Node[], role: number): Node[] {
  const { election, runtime, kind } = run;
  if (election.useVrf) return sorted(run, nodes, role, "oasis-core:vrf/committee");
  const context = `${kind.randomContext}${ROLE_NAMES[role] as string}`;
  return permuted(nodes, sharedRandom(election.entropy, runtime.id, context));
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
  const { election, runtime, kind, sizes } = run;
  const wanted = sizes[role] as number;
  const constraints = constraintsOf(run, role);
  const seats = reservedSeats(election, runtime.id);
  const limit = constraints?.maxNodes?.limit;
  let nodes = eligible;
  if (limit !== undefined && limit > 0) {
    if (seats !== undefined) return undefined;
    nodes = limitPerEntity(election.useVrf ? sorted(run, nodes, role, "oasis-core:vrf/dedup") : nodes, limit);
  }
  if (nodes.length < (constraints?.minPoolSize?.limit ?? 0) || wanted > nodes.length) return undefined;
  const order = electionOrder(run, nodes, role);
  const forced = seats === undefined ? [] : forcedMembers(seats, kind.kind, role, nodes, wanted);
  if (forced === undefined) return undefined;
  const elected = take(order, forced, role, wanted, limit);
  if (elected === undefined || seats === undefined) return elected;
  return placeForced(seats, forced, elected, role);
}

function electMembers(election: Election, runtime: Runtime, kind: Kind): CommitteeNode[] {
  if (election.useVrf && !election.vrf.canElect && !election.params.debugAllowWeakAlpha) return [];
  const sizes = kind.sizes(runtime);
  if (sizes[COMMITTEE_WORKER] === 0) return [];
  const run: RuntimeElection = { election, runtime, kind, sizes };
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

/** Elects a committee, or drops the one that was when the election fails. */
function elect(election: Election, runtime: Runtime, kind: Kind): void {
  const { ctx, epoch } = election;
  const members = electMembers(election, runtime, kind);
  if (members.length === 0) {
    committees.remove(ctx.state, kind.kind, runtime.id);
    return;
  }
  const committee = { kind: kind.kind, members, runtimeId: runtime.id, validFor: epoch };
  committees.set(ctx.state, [kind.kind, runtime.id], committee);
}

/** Elects the executor committee of a runtime, or drops it when the election fails (scheduler: committees). */
export function electCommittee(election: Election, runtime: Runtime): void {
  if (election.feature261 && runtime.kind !== RUNTIME_COMPUTE) return;
  elect(election, runtime, EXECUTOR);
}

/**
 * Elects the storage committees of the runtimes that have them in this epoch, and drops those of runtimes that gave them
 * up (scheduler: storage committees, an extension).
 * @returns whether there was anything to elect
 */
export function electStorageCommittees(election: Election, runtimes: readonly Runtime[]): boolean {
  const { ctx, epoch } = election;
  const isEnabled = hasStorageCommittees(ctx.state);
  let any = false;
  for (const runtime of runtimes) {
    if (isEnabled && storageCommitteeOf(runtime, epoch) !== undefined) {
      elect(election, runtime, STORAGE);
      any = true;
    } else if (committees.get(ctx.state, COMMITTEE_STORAGE, runtime.id) !== undefined) {
      committees.remove(ctx.state, COMMITTEE_STORAGE, runtime.id);
    }
  }
  return any;
}
