import { sha256 } from "#kernels";
import { concatBytes, readU64be, u64be } from "#common/bytes.js";
import { DecodeError, unknown } from "#common/errors/index.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { Evidence, type LightClientAttackEvidence } from "../../block/evidence.js";
import { headerHash } from "../../block/header.js";
import type { EvidenceParams } from "../../block/params.js";
import { compareTimestamps, type Timestamp, timestampToNanos } from "../../block/timestamp.js";
import { VerificationError, verifyThat } from "../../block/verification-error.js";
import type { ValidatorSet } from "../../block/validator.js";
import { verifyDuplicateVote } from "../../block/verify-evidence.js";
import { type ChainHeader, verifyLightClientAttack } from "../../light/attack.js";
import type { BlockStore } from "./block-store.js";

/** Marks of records: evidence that waits for a block, and evidence that has been in one. */
const PENDING = 0;
const COMMITTED = 1;

/** Pieces that may wait: a validator can make any number of contradictions, and one convicts it. */
const MAX_PENDING = 1000;

/** What the list of a block adds to a piece, at most. */
const ENTRY_OVERHEAD = 8;

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
   * @param encoded evidence in the engine's encoding, at most what a block may have
   * @returns whether it is new
   * @throws CodedError unknown/1 when it is too long, does not decode or proves nothing
   */
  add(encoded: Uint8Array): boolean {
    // What no block has room for is not even decoded, which bounds the work of everything that follows.
    if (BigInt(encoded.length) > this.params.maxBytes) {
      throw unknown(`cometbft: evidence of ${encoded.length} bytes, a block may have ${this.params.maxBytes}`);
    }
    try {
      return this.take(decode(encoded));
    } catch (error) {
      if (error instanceof VerificationError) throw unknown(`cometbft: broadcast evidence failed: ${error.message}`);
      throw error;
    }
  }

  private take(evidence: Evidence): boolean {
    verifyThat(heightOf(evidence) > 0n, "malformed", "height of the evidence is not positive");
    const bytes = Evidence.encode(evidence);
    const key = keyOf(evidence, bytes);
    if (this.table.has(key)) return false;
    const set = this.setAt(evidence);
    if (evidence.type === "duplicateVote") verifyDuplicateVote(this.chainId, evidence.value, set);
    else this.verifyAttack(evidence.value, set);
    if (this.waiting() >= MAX_PENDING) throw unknown(`cometbft: ${MAX_PENDING} pieces of evidence wait already`);
    this.table.put(key, concatBytes(Uint8Array.of(PENDING), bytes));
    return true;
  }

  private waiting(): number {
    let count = 0;
    for (const [, value] of this.table.range()) if (value[0] === PENDING) count++;
    return count;
  }

  /** The validators that evidence is against, once it is clear that its height and time are good. */
  private setAt(evidence: Evidence): ValidatorSet {
    const height = heightOf(evidence);
    const time = this.store.block(height)?.header.time;
    verifyThat(time !== undefined, "mismatch", `there is no block at height ${height}`);
    const same = compareTimestamps(time, evidence.value.timestamp) === 0;
    verifyThat(same, "mismatch", "the time is not that of the block");
    verifyThat(!this.isExpired(height, time), "expired", `evidence from height ${height} is too old`);
    const set = this.store.validators(height);
    verifyThat(set !== undefined, "mismatch", `the validators of height ${height} are not known any more`);
    return set;
  }

  private verifyAttack(evidence: LightClientAttackEvidence, validatorSet: ValidatorSet): void {
    const common = this.headerAt(evidence.commonHeight);
    const height = evidence.conflictingBlock?.signedHeader?.header?.height;
    verifyThat(height !== undefined, "malformed", "evidence has no conflicting block");
    // A client may have been shown a block that the chain has not made yet.
    const { latestHeight } = this.store;
    const trusted = this.headerAt(height > latestHeight ? latestHeight : height);
    verifyLightClientAttack(evidence, { header: common.header, validatorSet }, trusted);
  }

  private headerAt(height: bigint): ChainHeader {
    const header = this.store.block(height)?.header;
    const commit = this.store.commit(height);
    verifyThat(header !== undefined && commit !== undefined, "mismatch", `there is no block at height ${height}`);
    return { header, commit };
  }

  /** Evidence is too old only when it is so in blocks and in time. */
  private isExpired(height: bigint, time: Timestamp): boolean {
    const { latestHeight } = this.store;
    if (latestHeight - height <= this.params.maxAgeNumBlocks) return false;
    const now = this.store.block(latestHeight)?.header.time;
    return now !== undefined && timestampToNanos(now) - timestampToNanos(time) > this.params.maxAgeDuration;
  }

  /** Evidence for the next block, oldest first, as much as a block may have. */
  pending(): Evidence[] {
    const out: Evidence[] = [];
    let size = 0n;
    for (const [, value] of this.table.range()) {
      if (value[0] !== PENDING) continue;
      const length = BigInt(value.length + ENTRY_OVERHEAD);
      if (size + length > this.params.maxBytes) continue;
      size += length;
      const evidence = Evidence.decode(value.subarray(1));
      if (!this.isExpired(heightOf(evidence), evidence.value.timestamp)) out.push(evidence);
    }
    return out;
  }

  /** Remembers that a block had evidence, and forgets what is too old; to be called within the block's batch. */
  committed(evidence: readonly Evidence[]): void {
    for (const piece of evidence) this.table.put(keyOf(piece, Evidence.encode(piece)), Uint8Array.of(COMMITTED));
    const expired: Uint8Array[] = [];
    for (const [key] of this.table.range()) {
      const height = readU64be(key);
      const time = this.store.block(height)?.header.time;
      // Without its block evidence cannot be judged, hence not come again either.
      if (time !== undefined && !this.isExpired(height, time)) break;
      expired.push(key);
    }
    for (const key of expired) this.table.delete(key);
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

/** An attack is known by its block: with other signatures below it, it is still the same one. */
function keyOf({ type, value }: Evidence, bytes: Uint8Array): Uint8Array {
  if (type === "duplicateVote") return concatBytes(u64be(value.voteA?.height ?? 0n), sha256(bytes));
  const header = value.conflictingBlock?.signedHeader?.header;
  return concatBytes(u64be(value.commonHeight), header === undefined ? sha256(bytes) : headerHash(header));
}
