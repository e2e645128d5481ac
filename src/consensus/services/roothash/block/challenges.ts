/** What becomes of challenges with time (root hash: storage challenges; an extension). */
import { addressFromPublicKey, moduleAddress } from "#common/address.js";
import type { Context } from "../../../app/context.js";
import { currentEpoch } from "../../../app/epoch.js";
import { blockEntropy } from "../../../app/entropy.js";
import { hasStorageCommittees } from "../../registry/params.js";
import { payDeposit } from "../../staking/state/index.js";
import { MODULE_NAME } from "../errors.js";
import { emitRuntimeEvent, storageChallengeDrawn, storageUnavailable } from "../events.js";
import { challengeKey } from "../logic/challenge.js";
import { challengesDue, removeChallenge, setChallengeKey } from "../state/challenges.js";
import { challengeId, type OpenChallenge } from "../types/challenges.js";
import { punishUnavailable } from "./slashing.js";

/** Keeps the deposits of open challenges. */
export const CHALLENGE_DEPOSITS = moduleAddress(MODULE_NAME, "storage-challenges");

/** Draws the keys of the challenges of the last block, which nobody could know when they were made. */
export function drawChallengeKeys(ctx: Context): void {
  const waiting = challengesDue(ctx.state, ctx.height).filter(({ key }) => key === undefined);
  if (waiting.length === 0) return;
  const entropy = blockEntropy(ctx);
  for (const value of waiting) {
    const challenge = challengeId(value);
    const key = challengeKey(entropy, challenge);
    setChallengeKey(ctx.state, value, key, ctx.height);
    emitRuntimeEvent(ctx, value.id, storageChallengeDrawn, { challenge, key });
  }
}

function expire(ctx: Context, value: OpenChallenge): void {
  removeChallenge(ctx.state, value);
  payDeposit(ctx, CHALLENGE_DEPOSITS, value.challenger, value.deposit);
  // Without the extension nobody could have answered.
  if (!hasStorageCommittees(ctx.state)) return;
  const slashed = punishUnavailable(ctx, value, currentEpoch(ctx));
  emitRuntimeEvent(ctx, value.id, storageUnavailable, { challenge: challengeId(value), node: value.node, slashed });
}

/** Punishes the nodes whose time for an answer is up with this block. */
export function expireChallenges(ctx: Context): void {
  for (const value of challengesDue(ctx.state, ctx.height)) {
    if (value.key !== undefined) ctx.transaction((child) => expire(child, value));
  }
}

/** A valid answer: the deposit belongs to the node's entity. */
export function answerChallenge(ctx: Context, value: OpenChallenge): void {
  removeChallenge(ctx.state, value);
  payDeposit(ctx, CHALLENGE_DEPOSITS, addressFromPublicKey(value.entityId), value.deposit);
}
