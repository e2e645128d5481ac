/** Open challenges of storage nodes (root hash: storage challenges; an extension). */
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { hashedPart, hashPart, i64Part, keySet, table } from "../../../app/table.js";
import { challengeId, OpenChallenge } from "../types/challenges.js";

const challenges = table(0x2b, [hashedPart, hashPart], OpenChallenge);
/** Height, runtime, challenge: first when the key is to be drawn, then when the time for an answer is up. */
const queue = keySet(0x2c, [i64Part, hashedPart, hashPart]);
/** The same families with keys as they are read back. */
const challengesByHash = table(0x2b, [hashPart, hashPart], OpenChallenge);
const queueByHash = keySet(0x2c, [i64Part, hashPart, hashPart]);

/** The challenge with an identifier of 32 bytes. */
export function getChallenge(
  state: KeyValueReader,
  runtimeId: Uint8Array,
  challenge: Uint8Array,
): OpenChallenge | undefined {
  return challenges.get(state, runtimeId, challenge);
}

/** Open challenges of a runtime, or of all, in the order of hashed runtimes and then of identifiers. */
export function challengeList(state: KeyValueReader, ...runtimeId: [] | [Uint8Array]): OpenChallenge[] {
  return challenges.entries(state, ...runtimeId).map(([, value]) => value);
}

/** Stores a challenge that waits for its key until a height. */
export function addChallenge(state: KeyValueStore, value: OpenChallenge, drawnAt: bigint): void {
  const id = challengeId(value);
  challenges.set(state, [value.id, id], value);
  queue.set(state, [drawnAt, value.id, id], true);
}

/** What is to be done with challenges at a height: those without a key get one, for the others time is up. */
export function challengesDue(state: KeyValueReader, height: bigint): OpenChallenge[] {
  return queueByHash.entries(state, height).flatMap(([[, runtime, id]]) => {
    const value = challengesByHash.get(state, runtime, id);
    return value === undefined ? [] : [value];
  });
}

/** Gives a challenge its key, at the height at which it waited for it. */
export function setChallengeKey(state: KeyValueStore, value: OpenChallenge, key: Uint8Array, height: bigint): void {
  const id = challengeId(value);
  challenges.set(state, [value.id, id], { ...value, key });
  queue.remove(state, height, value.id, id);
  queue.set(state, [value.deadline, value.id, id], true);
}

/** Forgets a challenge that has its key. */
export function removeChallenge(state: KeyValueStore, value: OpenChallenge): void {
  const id = challengeId(value);
  challenges.remove(state, value.id, id);
  queue.remove(state, value.deadline, value.id, id);
}
