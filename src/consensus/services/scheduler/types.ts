/** Committees and the roles in them (scheduler: types). */
import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { define, enumeration, i64, list, map, nullable, type Schema, struct, u64 } from "#common/schema/index.js";

export const COMMITTEE_EXECUTOR = 1;

export type CommitteeKind = number;
export const CommitteeKind: Schema<number> = enumeration("CommitteeKind", { invalid: 0, executor: COMMITTEE_EXECUTOR });

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
