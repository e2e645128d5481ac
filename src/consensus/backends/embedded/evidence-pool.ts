import { sha256 } from "#kernels";
import { concatBytes, u64be } from "#common/bytes.js";
import { DecodeError, unknown } from "#common/errors/index.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { Evidence } from "../../block/evidence.js";
import type { EvidenceParams } from "../../block/params.js";
import { compareTimestamps, type Timestamp, timestampToNanos } from "../../block/timestamp.js";
import { VerificationError, verifyThat } from "../../block/verification-error.js";
import { verifyDuplicateVote } from "../../block/verify-evidence.js";
import { consensusErrors } from "../../transaction/errors.js";
import type { BlockStore } from "./block-store.js";

/** Marks of records: evidence that waits for a block, and evidence that has been in one. */
const PENDING = 0;
const COMMITTED = 1;

/** Parameters of a chain that does not say: two days. */
const DEFAULT_PARAMS: EvidenceParams = {
  maxAgeNumBlocks: 100_000n,
  maxAgeDuration: 172_800_000_000_000n,
  maxBytes: 1_048_576n,
};

/** Evidence of misbehaviour that waits for a block, and what blocks have had already (consensus: CometBFT, evidence). */
export class EvidencePool {
  private readonly table: DiskTable;

  constructor(
    disk: Disk,
    private readonly store: BlockStore,
    private readonly chainId: string,
    private readonly params: EvidenceParams = DEFAULT_PARAMS,
  ) {
    this.table = disk.openTable("evidence");
  }

  /**
   * Takes evidence in; what is known already is taken silently, as the engine does.
   * @param encoded evidence in the engine's encoding
   * @returns whether it is new
   * @throws CodedError unknown/1 when it does not decode or proves nothing, consensus/4 for attacks on light clients
   */
  add(encoded: Uint8Array): boolean {
    const evidence = decode(encoded);
    const bytes = Evidence.encode(evidence);
    const key = keyOf(evidence, bytes);
    if (this.table.has(key)) return false;
    try {
      this.verify(evidence);
    } catch (error) {
      if (error instanceof VerificationError) throw unknown(`cometbft: broadcast evidence failed: ${error.message}`);
      throw error;
    }
    this.table.put(key, concatBytes(Uint8Array.of(PENDING), bytes));
    return true;
  }

  private verify(evidence: Evidence): void {
    if (evidence.type !== "duplicateVote") {
      throw consensusErrors.unsupported("this backend does not judge attacks on light clients");
    }
    const { timestamp } = evidence.value;
    const height = heightOf(evidence);
    const time = this.store.block(height)?.header.time;
    verifyThat(time !== undefined, "mismatch", `there is no block at height ${height}`);
    verifyThat(compareTimestamps(time, timestamp) === 0, "mismatch", "the time is not that of the block");
    verifyThat(!this.isExpired(height, timestamp), "expired", `evidence from height ${height} is too old`);
    const set = this.store.validators(height);
    verifyThat(set !== undefined, "mismatch", `the validators of height ${height} are not known any more`);
    verifyDuplicateVote(this.chainId, evidence.value, set);
  }

  /** Evidence is too old only when it is so in blocks and in time. */
  private isExpired(height: bigint, time: Timestamp): boolean {
    const { latestHeight } = this.store;
    const now = this.store.block(latestHeight)?.header.time;
    if (now === undefined || latestHeight - height <= this.params.maxAgeNumBlocks) return false;
    return timestampToNanos(now) - timestampToNanos(time) > this.params.maxAgeDuration;
  }

  /** Evidence for the next block, oldest first, as much as a block may have. */
  pending(): Evidence[] {
    const out: Evidence[] = [];
    let size = 0n;
    for (const [, value] of this.table.range()) {
      if (value[0] !== PENDING) continue;
      size += BigInt(value.length);
      if (size > this.params.maxBytes) break;
      const evidence = Evidence.decode(value.subarray(1));
      if (!this.isExpired(heightOf(evidence), evidence.value.timestamp)) out.push(evidence);
    }
    return out;
  }

  /** Remembers that a block had evidence; to be called within the block's batch. */
  committed(evidence: readonly Evidence[]): void {
    for (const piece of evidence) this.table.put(keyOf(piece, Evidence.encode(piece)), Uint8Array.of(COMMITTED));
  }
}

function decode(encoded: Uint8Array): Evidence {
  try {
    return Evidence.decode(encoded);
  } catch (error) {
    if (error instanceof DecodeError) throw unknown(`cometbft: malformed evidence: ${error.message}`);
    throw error;
  }
}

function heightOf(evidence: Evidence): bigint {
  return evidence.type === "duplicateVote" ? (evidence.value.voteA?.height ?? 0n) : evidence.value.commonHeight;
}

function keyOf(evidence: Evidence, bytes: Uint8Array): Uint8Array {
  return concatBytes(u64be(heightOf(evidence)), sha256(bytes));
}
