import { concatBytes, toHex, u64be } from "#common/bytes.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { ExecutorCommitment, Proposal } from "#consensus/services/roothash/types.js";

const PROPOSAL = Uint8Array.of(1);
const COMMITMENT = Uint8Array.of(2);

/**
 * What the node has signed for the round under way. It is on disk before anybody else sees it, so that a node that
 * starts again in the middle of a round repeats itself instead of contradicting itself, which it would be slashed for.
 */
export class SignedRecords {
  private readonly table: DiskTable;
  /** Rounds before this one are over. */
  private oldest = 0n;

  constructor(
    private readonly disk: Disk,
    runtimeId: Uint8Array,
  ) {
    this.table = disk.openTable(`signed/${toHex(runtimeId)}`);
  }

  keepProposal(proposal: Proposal): void {
    this.keep(concatBytes(PROPOSAL, u64be(proposal.header.round)), Proposal.encode(proposal));
  }

  /** The node's own proposal for a round. */
  proposal(round: bigint): Proposal | undefined {
    const stored = round < this.oldest ? undefined : this.table.get(concatBytes(PROPOSAL, u64be(round)));
    return stored === undefined ? undefined : Proposal.decode(stored, "trusted");
  }

  keepCommitment(commitment: ExecutorCommitment): void {
    const { header, schedulerId } = commitment.header;
    this.keep(concatBytes(COMMITMENT, u64be(header.round), schedulerId), ExecutorCommitment.encode(commitment));
  }

  /** The node's own commitments for a round, one for each scheduler. */
  commitments(round: bigint): ExecutorCommitment[] {
    if (round < this.oldest) return [];
    const bounds = {
      gte: concatBytes(COMMITMENT, u64be(round)),
      lt: concatBytes(COMMITMENT, u64be(round + 1n)),
    };
    return Array.from(this.table.range(bounds), ([, value]) => ExecutorCommitment.decode(value, "trusted"));
  }

  /** Forgets what was signed for rounds before the given one; it leaves the disk when something new is written. */
  forgetBefore(round: bigint): void {
    this.oldest = round;
  }

  private keep(record: Uint8Array, value: Uint8Array): void {
    const old = [PROPOSAL, COMMITMENT].flatMap((kind) =>
      Array.from(this.table.range({ gte: kind, lt: concatBytes(kind, u64be(this.oldest)) }), ([key]) => key),
    );
    this.disk.batch(() => {
      for (const key of old) this.table.delete(key);
      this.table.put(record, value);
    });
  }
}
