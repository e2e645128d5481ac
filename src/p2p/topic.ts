/** Gossip topics (runtime layer: P2P). */
import { toHex } from "#common/bytes.js";
import { tupleHash256 } from "#common/crypto/tuple-hash.js";
import { utf8 } from "#common/bytes.js";
import { RUNTIME_COMMITTEE_PROTOCOL, type Version } from "#common/version.js";

/** Largest gossiped message, in bytes. */
export const MAX_GOSSIP_BYTES = 1 << 20;
/** How long a message that was seen once is not passed on again, in milliseconds. */
export const SEEN_TTL_MS = 120_000;

const MESSAGE_ID = "oasis-core/p2p: message id";

/**
 * Name of a runtime's topic; it has no leading slash.
 *
 * @param chainContext hexadecimal hash of the genesis document
 * @param kind "tx" for transactions, "committee" for proposals
 * @param runtimeId 32 bytes
 */
export function topicId(
  chainContext: string,
  kind: string,
  runtimeId: Uint8Array,
  version: Version = RUNTIME_COMMITTEE_PROTOCOL,
): string {
  return `oasis/${chainContext}/${kind}/${toHex(runtimeId)}/${version.major}.0.0`;
}

/** Identity of a message, by which it is recognised when it comes again: 32 bytes. */
export function messageId(topic: string, data: Uint8Array): Uint8Array {
  return tupleHash256(MESSAGE_ID, [utf8(topic), data]);
}
