import { equalBytes } from "#common/bytes.js";
import { getNode } from "#consensus/services/registry/state.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
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
  return { members, replication: rules.limits.minWriteReplication };
}

/** The member with an identity. */
export function memberOf({ members }: StorageCommittee, id: Uint8Array): StorageMember | undefined {
  return members.find((member) => equalBytes(member.id, id));
}
