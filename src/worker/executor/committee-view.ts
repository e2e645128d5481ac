import { equalBytes, toHex } from "#common/bytes.js";
import { getNode } from "#consensus/services/registry/state.js";
import { HEADER_EPOCH_TRANSITION, NO_RANK } from "#consensus/services/roothash/types.js";
import {
  Committee,
  COMMITTEE_BACKUP_WORKER,
  COMMITTEE_WORKER,
  isMember,
  schedulerRank,
} from "#consensus/services/scheduler/types.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Dispatch } from "../dispatch.js";
import type { CommitteeMembership } from "../options.js";

/** A committee as one node sees it. */
export class CommitteeView {
  readonly isWorker: boolean;
  readonly isBackupWorker: boolean;
  private readonly peers: ReadonlySet<string>;

  /**
   * @param state consensus state in which the members are registered
   * @param self the node's identity
   */
  constructor(
    readonly committee: Committee,
    state: KeyValueReader,
    private readonly self: Uint8Array,
  ) {
    this.isWorker = isMember(committee, self, COMMITTEE_WORKER);
    this.isBackupWorker = isMember(committee, self, COMMITTEE_BACKUP_WORKER);
    const keys = (committee.members ?? []).map(({ publicKey }) => getNode(state, publicKey)?.p2p.id);
    this.peers = new Set(keys.filter((key) => key !== undefined).map(toHex));
  }

  get membership(): CommitteeMembership {
    return this.isWorker ? "worker" : this.isBackupWorker ? "backup-worker" : "none";
  }

  /**
   * Whether the committee of a block is this one, and elected when this one was. Within an epoch others may be elected
   * too, when stake is slashed; a block of the kind of epoch transitions tells.
   */
  isAsElectedFor({ header, state: { committee } }: Dispatch): boolean {
    const isNew = header.headerType === HEADER_EPOCH_TRANSITION;
    return !isNew && committee !== undefined && Committee.equals(committee, this.committee);
  }

  /** The epoch that the committee serves in. */
  get epoch(): bigint {
    return this.committee.validFor;
  }

  /** The node's own rank as a scheduler; the worst of all when it is no worker. */
  ownRank(round: bigint): bigint {
    return this.rankOf(round, this.self) ?? NO_RANK;
  }

  /** A node's rank as a scheduler; undefined when it is no worker. */
  rankOf(round: bigint, nodeId: Uint8Array): bigint | undefined {
    return schedulerRank(this.committee, round, nodeId);
  }

  /** A node's first seat in the committee; -1 when it has none. */
  placeOf(nodeId: Uint8Array): number {
    return (this.committee.members ?? []).findIndex(({ publicKey }) => equalBytes(publicKey, nodeId));
  }

  /** The node's own first seat; 0 when it has none. */
  get ownPlace(): number {
    return Math.max(0, this.placeOf(this.self));
  }

  /** Whether a P2P key belongs to a member. */
  hasPeer(p2pKey: Uint8Array): boolean {
    return this.peers.has(toHex(p2pKey));
  }
}
