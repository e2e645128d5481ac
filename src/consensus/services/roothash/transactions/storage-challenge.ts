import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction, type TransactionMethod } from "../../../app/define-service.js";
import { hasStorageCommittees } from "../../registry/params.js";
import { getNode } from "../../registry/state.js";
import { type StorageChallengeParameters, storageCommitteeOf } from "../../registry/types/runtime.js";
import { takeDeposit } from "../../staking/state/index.js";
import { SLASH_RUNTIME_STORAGE_UNAVAILABLE } from "../../staking/types/thresholds.js";
import { CHALLENGE_DEPOSITS } from "../block/challenges.js";
import { penaltyFor } from "../block/slashing.js";
import { challengeErrors, rootHashErrors } from "../errors.js";
import { emitRuntimeEvent, storageChallenged } from "../events.js";
import { isSignedReceipt } from "../logic/receipt-rules.js";
import { GAS_STORAGE_CHALLENGE, gasCosts } from "../params.js";
import { getRoundRoots, lastBlockOf, loadRunning, type RunningRuntime, runtimeOf } from "../state.js";
import { addChallenge, getChallenge } from "../state/challenges.js";
import { challengeId, StorageChallenge } from "../types/challenges.js";

function rulesOf(value: RunningRuntime): StorageChallengeParameters {
  const runtime = runtimeOf(value);
  const rules = storageCommitteeOf(runtime, value.committee.validFor)?.challenge;
  if (rules === undefined) throw challengeErrors.notChallengeable();
  if (penaltyFor(runtime, SLASH_RUNTIME_STORAGE_UNAVAILABLE) === 0n) throw rootHashErrors.runtimeDoesNotSlash();
  return rules;
}

/** Both roots of a round that is final and young enough. */
function rootsOf(ctx: Context, value: RunningRuntime, round: bigint, maxAge: bigint): [Uint8Array, Uint8Array] {
  const last = lastBlockOf(value).header.round;
  const roots =
    round > last || last - round > maxAge ? undefined : getRoundRoots(ctx.state, value.committee.runtimeId, round);
  if (roots === undefined) throw challengeErrors.roundNotKept(`round ${round}, the last one is ${last}`);
  return roots;
}

/** The root that a challenge is about, once it is clear that the node has signed for it. */
function signedRoot(ctx: Context, value: RunningRuntime, challenge: StorageChallenge, maxAge: bigint): Uint8Array {
  const { id: namespace, node: publicKey, round, rootType, signature } = challenge;
  const [stateRoot, ioRoot] = rootsOf(ctx, value, round, maxAge);
  const root = rootType === ROOT_STATE ? stateRoot : ioRoot;
  if (equalBytes(root, EMPTY_HASH)) throw challengeErrors.nothingStored();
  const { chainContext, policy } = ctx.env;
  const rules = { chainContext, policy };
  const isSigned = isSignedReceipt({ publicKey, signature }, { namespace, round, ioRoot, stateRoot }, rules);
  if (!isSigned) throw challengeErrors.badReceipt();
  return root;
}

/**
 * `roothash.StorageChallenge`: somebody wants proof that a storage node has what it signed for, and puts down a deposit
 * (root hash: storage challenges; an extension).
 */
export const storageChallengeTransaction: TransactionMethod = defineTransaction({
  method: "roothash.StorageChallenge",
  body: StorageChallenge,
  enabled: (ctx) => hasStorageCommittees(ctx.state),
  before(_ctx, { rootType }) {
    if (rootType === ROOT_STATE || rootType === ROOT_IO) return;
    throw rootHashErrors.invalidArgument(`root type ${rootType}`);
  },
  invalidBody: rootHashErrors.invalidArgument,
  gasOp: GAS_STORAGE_CHALLENGE,
  gasCosts,
  inCheckTx: "accept",
  execute(ctx, challenge) {
    const value = loadRunning(ctx.state, challenge.id);
    const { deposit, responseBlocks, maxAgeRounds } = rulesOf(value);
    const node = getNode(ctx.state, challenge.node);
    if (node === undefined) throw challengeErrors.unknownNode();
    const root = signedRoot(ctx, value, challenge, maxAgeRounds);
    const id = challengeId(challenge);
    if (getChallenge(ctx.state, challenge.id, id) !== undefined) throw challengeErrors.alreadyChallenged();
    const { id: runtimeId, node: nodeId, round, rootType } = challenge;
    const deadline = ctx.height + responseBlocks;
    ctx.transaction((child) => {
      const { caller: challenger } = child;
      takeDeposit(child, challenger, CHALLENGE_DEPOSITS, deposit);
      const subject = { id: runtimeId, node: nodeId, round, rootType };
      const { entityId } = node;
      const open = { ...subject, root, entityId, challenger, deposit, responseBlocks, deadline };
      addChallenge(child.state, open, child.height + 1n);
      emitRuntimeEvent(child, runtimeId, storageChallenged, { challenge: id, node: nodeId, round, rootType, deadline });
    });
  },
});
