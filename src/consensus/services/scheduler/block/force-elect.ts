import { equalBytes } from "#common/bytes.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Node } from "../../registry/types/node.js";
import type { ForceElectRole } from "../params.js";
import { COMMITTEE_WORKER, type CommitteeNode } from "../types.js";
import type { Election } from "./election.js";

/** Seats that a test network reserves; undefined where the switch is off. */
export type ReservedSeats = SortedMap<Uint8Array, ForceElectRole>;

/** Seats reserved for a runtime; undefined unless the node runs in debug mode and the parameter is set. */
export function reservedSeats(election: Election, runtimeId: Uint8Array): ReservedSeats | undefined {
  const { params, ctx } = election;
  if (!ctx.env.debug.dontBlameOasis || params.debugForceElect === undefined) return undefined;
  return params.debugForceElect.get(runtimeId) ?? SortedMap.bytes();
}

/** Nodes that take their reserved seats in a role first; undefined when not all of them can. */
export function forcedMembers(
  seats: ReservedSeats,
  kind: number,
  role: number,
  nodes: readonly Node[],
  wanted: number,
): CommitteeNode[] | undefined {
  const due = Array.from(seats.entries()).filter(([, seat]) => seat.kind === kind && seat.roles.includes(role));
  const elected: CommitteeNode[] = [];
  for (const [id] of due) {
    if (elected.length >= wanted) break;
    if (nodes.some((node) => equalBytes(node.id, id))) elected.push({ role, publicKey: id });
  }
  return elected.length === due.length ? elected : undefined;
}

/** Puts forced workers at their reserved positions; undefined for an impossible or doubled position. */
export function placeForced(
  seats: ReservedSeats,
  forced: readonly CommitteeNode[],
  elected: CommitteeNode[],
  role: number,
): CommitteeNode[] | undefined {
  if (forced.length === 0 || role !== COMMITTEE_WORKER) return elected;
  const placed: (CommitteeNode | undefined)[] = elected.map(() => undefined);
  const queue: CommitteeNode[] = [];
  for (const member of elected) {
    const isForced = forced.some((f) => equalBytes(f.publicKey, member.publicKey));
    const seat = isForced ? seats.get(member.publicKey) : undefined;
    if (seat === undefined) {
      queue.push(member);
      continue;
    }
    const index = Number(seat.index);
    if (index >= placed.length || placed[index] !== undefined) return undefined;
    placed[index] = member;
  }
  return placed.map((member) => member ?? (queue.shift() as CommitteeNode));
}
