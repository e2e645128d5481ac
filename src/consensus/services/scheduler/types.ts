/** Committees and the roles in them (scheduler: types). */
import { equalBytes } from "#common/bytes.js";
import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { define, enumeration, i64, list, map, nullable, type Schema, struct, u64 } from "#common/schema/index.js";

export const COMMITTEE_EXECUTOR = 1;
/** Signs receipts for what executors compute; an extension, elected only for runtimes that ask for it. */
export const COMMITTEE_STORAGE = 2;

export type CommitteeKind = number;
export const CommitteeKind: Schema<number> = enumeration(
  "CommitteeKind",
  { invalid: 0, executor: COMMITTEE_EXECUTOR },
  { extensions: { storage: COMMITTEE_STORAGE } },
);

export const COMMITTEE_WORKER = 1;
export const COMMITTEE_BACKUP_WORKER = 2;

export type CommitteeRole = number;
export const CommitteeRole: Schema<number> = enumeration("CommitteeRole", {
  invalid: 0,
  worker: COMMITTEE_WORKER,
  "backup-worker": COMMITTEE_BACKUP_WORKER,
});

/** A seat in a committee. */
export class CommitteeNode extends struct("CommitteeNode", { role: CommitteeRole, publicKey: PublicKey }) {}

/** The committee of a runtime for one epoch; workers come before backup workers. */
export class Committee extends struct("Committee", {
  kind: CommitteeKind,
  members: nullable(list(CommitteeNode, { max: FRAME_ELEMENTS })),
  runtimeId: Namespace,
  validFor: u64,
}) {}

/** Members of a role, in committee order. */
function membersOf({ members }: Committee, role: CommitteeRole): CommitteeNode[] {
  return (members ?? []).filter((member) => member.role === role);
}

/** Whether a node sits in the committee; in a role, if one is given. */
export function isMember(committee: Committee, id: Uint8Array, role?: CommitteeRole): boolean {
  const members = role === undefined ? (committee.members ?? []) : membersOf(committee, role);
  return members.some((member) => equalBytes(member.publicKey, id));
}

/**
 * Rank of a node in the order in which workers may schedule a round; 0 is first. Undefined when it is no worker
 * (scheduler: committees).
 */
export function schedulerRank(committee: Committee, round: bigint, id: Uint8Array): bigint | undefined {
  const workers = membersOf(committee, COMMITTEE_WORKER);
  // A node with two seats schedules by its last one.
  const index = workers.findLastIndex((worker) => equalBytes(worker.publicKey, id));
  if (index < 0) return undefined;
  return BigInt.asUintN(64, round + BigInt(index)) % BigInt(workers.length);
}

/** Index of the worker with a rank in the order of a round, undefined when there are not as many workers. */
export function schedulerIndex(committee: Committee, round: bigint, rank: bigint): number | undefined {
  const total = BigInt(membersOf(committee, COMMITTEE_WORKER).length);
  return rank < total ? Number((rank + total - (round % total)) % total) : undefined;
}

/** A list of enumeration members, which are single bytes: a byte string on the wire, words in JSON. */
export function byteEnumList(member: Schema<number>): Schema<number[]> {
  return define<number[]>({
    typeName: `[${member.typeName}]`,
    write: (w, value) => w.bytes(Uint8Array.from(value)),
    readValue: (r) => Array.from(r.readBytes(FRAME_ELEMENTS)),
    toJson: (value) => value.map((item) => member.toJson(item)),
    fromJson: (json) => list(member, { max: FRAME_ELEMENTS }).fromJson(json),
    zero: () => [],
    isEmpty: (value) => value.length === 0,
  });
}

/** A member of the validator set. */
export class Validator extends struct("Validator", { id: PublicKey, entityId: PublicKey, votingPower: i64 }) {}

/** Validators by consensus key. */
export const ValidatorMap = map(PublicKey, Validator, { max: 100_000 });
