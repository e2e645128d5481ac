import { equalBytes } from "#common/bytes.js";
import { getNode } from "#consensus/services/registry/state.js";
import { consensusParametersCell } from "#consensus/app/parameters.js";
import type { Runtime, StorageCommitteeParameters } from "#consensus/services/registry/types/runtime.js";
import { receiptRules } from "#consensus/services/roothash/logic/receipt-rules.js";
import { COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import type { KeyValueReader } from "#mkvs/key-value.js";

/** A member of a storage committee. */
export interface StorageMember {
  /** Identity, with which it signs receipts; 32 bytes. */
  readonly id: Uint8Array;
  /** Where it is found in the peer-to-peer network; 32 bytes. */
  readonly peer: Uint8Array;
}

/** A storage committee as executors see it. */
export interface StorageCommittee {
  readonly members: readonly StorageMember[];
  /** Fewest receipts that a commitment needs. */
  readonly replication: number;
  readonly limits: StorageLimits;
}

/** What storage nodes take of one round. */
export interface StorageLimits {
  /** Most entries of a write log. */
  readonly entries: bigint;
  /** Most bytes of a key and its value; no limit when undefined. */
  readonly entryBytes: number | undefined;
}

/**
 * What storage nodes take of one round. Where they can be challenged, the proof of any entry has to fit into a
 * transaction: half of it is for the entry, the rest for the way to it.
 */
export function storageLimits(state: KeyValueReader, limits: StorageCommitteeParameters): StorageLimits {
  const { maxApplyWriteLogEntries: entries, challenge } = limits;
  const maxTxSize = consensusParametersCell.get(state)?.maxTxSize ?? 0n;
  const isLimited = challenge !== undefined && maxTxSize > 0n;
  return { entries, entryBytes: isLimited ? Number(maxTxSize / 2n) : undefined };
}

/**
 * The storage committee beside the executor committee of an epoch.
 *
 * @param runtime the descriptor that counts for the epoch
 * @returns undefined when commitments need no receipts
 */
export function storageCommittee(state: KeyValueReader, runtime: Runtime, epoch: bigint): StorageCommittee | undefined {
  const rules = receiptRules(state, runtime, epoch);
  if (rules === undefined) return undefined;
  const seats = rules.committee?.validFor === epoch ? (rules.committee.members ?? []) : [];
  const members = seats.flatMap(({ role, publicKey }): StorageMember[] => {
    const peer = role === COMMITTEE_WORKER ? getNode(state, publicKey)?.p2p.id : undefined;
    return peer === undefined ? [] : [{ id: publicKey, peer }];
  });
  const { minWriteReplication: replication } = rules.limits;
  return { members, replication, limits: storageLimits(state, rules.limits) };
}

/** The member with an identity. */
export function memberOf({ members }: StorageCommittee, id: Uint8Array): StorageMember | undefined {
  return members.find((member) => equalBytes(member.id, id));
}
