/** Committees and the roles in them (scheduler: types). */
import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { enumeration, list, nullable, type Schema, struct, u64 } from "#common/schema/index.js";

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
