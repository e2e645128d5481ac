import { equalBytes } from "#common/bytes.js";
import { getNode } from "#consensus/services/registry/state.js";
import type { Runtime, StorageCommitteeParameters } from "#consensus/services/registry/types/runtime.js";
import { committees } from "#consensus/services/scheduler/state.js";
import { COMMITTEE_STORAGE, COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import type { KeyValueReader } from "#mkvs/key-value.js";

/** What a runtime demands of receipts in an epoch; undefined when commitments need none. */
export function storageParameters(descriptor: Runtime, epoch: bigint): StorageCommitteeParameters | undefined {
  const { committee } = descriptor.storage;
  return committee === undefined || epoch < committee.validFrom ? undefined : committee;
}

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
 * @returns undefined when commitments need no receipts
 */
export function storageCommittee(
  state: KeyValueReader,
  descriptor: Runtime,
  epoch: bigint,
): StorageCommittee | undefined {
  const parameters = storageParameters(descriptor, epoch);
  if (parameters === undefined) return undefined;
  const elected = committees.get(state, COMMITTEE_STORAGE, descriptor.id);
  const seats = elected?.validFor === epoch ? (elected.members ?? []) : [];
  const members = seats.flatMap(({ role, publicKey }): StorageMember[] => {
    const peer = role === COMMITTEE_WORKER ? getNode(state, publicKey)?.p2p.id : undefined;
    return peer === undefined ? [] : [{ id: publicKey, peer }];
  });
  return { members, replication: parameters.minWriteReplication };
}

/** The member with an identity. */
export function memberOf({ members }: StorageCommittee, id: Uint8Array): StorageMember | undefined {
  return members.find((member) => equalBytes(member.id, id));
}
