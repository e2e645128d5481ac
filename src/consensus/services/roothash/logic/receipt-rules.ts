/** Whether a commitment carries the receipts that its runtime demands (root hash: storage receipts; an extension). */
import { assert } from "#common/assert.js";
import { binaryText, compareBytes, concatBytes } from "#common/bytes.js";
import type { AcceptancePolicy, KeyedSignature } from "#common/crypto/signature.js";
import { RecentMap } from "#common/recent-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { hasStorageCommittees } from "../../registry/params.js";
import { type Runtime, type StorageCommitteeParameters, storageCommitteeOf } from "../../registry/types/runtime.js";
import { committees } from "../../scheduler/state.js";
import { type Committee, COMMITTEE_STORAGE, COMMITTEE_WORKER, isMember } from "../../scheduler/types.js";
import { commitmentErrors } from "../errors.js";
import type { ExecutorCommitment } from "../types.js";
import { type ReceiptSubject, receiptDigest, verifyReceipt } from "./receipt.js";

/** What signatures are made for and which keys may make them. */
export interface SigningRules {
  /** Hexadecimal hash of the genesis document. */
  readonly chainContext: string;
  readonly policy: AcceptancePolicy;
}

/** What the receipts of a commitment are verified against. */
export interface ReceiptRules {
  readonly limits: StorageCommitteeParameters;
  /** Epoch of the executor committee. */
  readonly epoch: bigint;
  /** The storage committee in the state of the scheduler. */
  readonly committee: Committee | undefined;
}

/**
 * What receipts for the rounds of a committee are verified against; undefined when they need none.
 * @param runtime the descriptor that counts for the epoch
 * @param epoch of the executor committee
 */
export function receiptRules(state: KeyValueReader, runtime: Runtime, epoch: bigint): ReceiptRules | undefined {
  const limits = hasStorageCommittees(state) ? storageCommitteeOf(runtime, epoch) : undefined;
  return limits && { limits, epoch, committee: committees.get(state, COMMITTEE_STORAGE, runtime.id) };
}

/** Receipts that a node remembers as valid: every commitment of a round may carry the same ones. */
const REMEMBERED = 4096;
/** By digest, key and signature. A valid signature stays valid, so this is a pure function's answer. */
const valid = new RecentMap<true>(REMEMBERED);

/** Whether a storage node has signed a receipt; those seen before cost nothing. Says nothing about who may sign. */
export function isSignedReceipt(
  receipt: KeyedSignature,
  subject: ReceiptSubject,
  { chainContext, policy }: SigningRules,
): boolean {
  // Which keys may sign is a switch of the node, not a property of the signature.
  if (policy.forbids(receipt.publicKey)) return false;
  const digest = receiptDigest(chainContext, subject);
  const id = binaryText(concatBytes(digest, receipt.publicKey, receipt.signature));
  if (valid.get(id) === true) return true;
  if (!verifyReceipt(receipt, chainContext, subject, policy)) return false;
  valid.set(id, true);
  return true;
}

function isAscending(receipts: readonly KeyedSignature[]): boolean {
  return receipts.every(({ publicKey }, i) => {
    const before = receipts[i - 1];
    return before === undefined || compareBytes(before.publicKey, publicKey) < 0;
  });
}

/**
 * Verifies the receipts of a commitment that reports results.
 * @throws CodedError roothash/commitment: 14 for too few or too many, for keys out of order, outside of the committee or
 * with a wrong signature; 2 when there is no storage committee for the epoch
 */
export function verifyReceipts(
  { header: { header }, storageSigs = [] }: ExecutorCommitment,
  rules: SigningRules & { readonly runtime: { readonly id: Uint8Array } },
  { limits, epoch, committee }: ReceiptRules,
): void {
  const count = storageSigs.length;
  if (count < limits.minWriteReplication || count > limits.groupSize) {
    throw commitmentErrors.badStorageReceipts(`${count}, must be ${limits.minWriteReplication} to ${limits.groupSize}`);
  }
  if (!isAscending(storageSigs)) throw commitmentErrors.badStorageReceipts("keys are not in strictly ascending order");
  if (committee?.validFor !== epoch) throw commitmentErrors.noCommittee("no storage committee");
  const isOurs = storageSigs.every(({ publicKey }) => isMember(committee, publicKey, COMMITTEE_WORKER));
  if (!isOurs) throw commitmentErrors.badStorageReceipts("signer is not in the storage committee");
  const { round, ioRoot, stateRoot } = header;
  assert(ioRoot !== undefined && stateRoot !== undefined, "a well-formed commitment without failure has its roots");
  const subject = { namespace: rules.runtime.id, round, ioRoot, stateRoot };
  if (!storageSigs.every((receipt) => isSignedReceipt(receipt, subject, rules)))
    throw commitmentErrors.badStorageReceipts("invalid signature");
}
