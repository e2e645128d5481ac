/** What happens at the begin and the end of every block (staking: BeginBlock, EndBlock). */
import { addressFromPublicKey } from "#common/address.js";
import type { BlockKey, Context } from "../../../app/context.js";
import { newEpoch } from "../../../app/epoch.js";
import { nodeByConsensusAddress } from "../../registry/state.js";
import { countBlock } from "../logic/epoch-signing.js";
import { getEpochSigning, setEpochSigning } from "../state/index.js";
import { releaseDebonded } from "./debonding.js";
import { disburseProposerFees, disburseVoterFees } from "./fees.js";
import { rewardProposer, rewardSigners } from "./rewards.js";
import { punishMisbehavior } from "./slashing.js";

/** Account of the entity that proposed the block. */
const blockProposer: BlockKey<Uint8Array | undefined> = { name: "staking: proposer", initial: () => undefined };

function entityOf(ctx: Context, consensusAddress: Uint8Array): Uint8Array | undefined {
  return nodeByConsensusAddress(ctx.state, consensusAddress)?.entityId;
}

export function beginBlock(ctx: Context): void {
  const { proposerAddress, lastCommit, misbehavior } = ctx.block;
  const proposerEntity = entityOf(ctx, proposerAddress);
  const proposer = proposerEntity === undefined ? undefined : addressFromPublicKey(proposerEntity);
  // An entity with several validators is listed once for each that voted.
  const voters: Uint8Array[] = [];
  for (const vote of lastCommit) {
    const entity = vote.signed ? entityOf(ctx, vote.address) : undefined;
    if (entity !== undefined) voters.push(entity);
  }
  const validators = BigInt(lastCommit.length);
  disburseVoterFees(ctx, { proposer, voters: voters.map(addressFromPublicKey), validators });
  ctx.block.set(blockProposer, proposer);
  if (proposer !== undefined) rewardProposer(ctx, proposer, [BigInt(voters.length), validators]);
  setEpochSigning(ctx.state, countBlock(getEpochSigning(ctx.state), voters));
  for (const fault of misbehavior) punishMisbehavior(ctx, fault);
}

export function endBlock(ctx: Context): void {
  disburseProposerFees(ctx, ctx.block.get(blockProposer));
  const epoch = newEpoch(ctx);
  if (epoch === undefined) return;
  releaseDebonded(ctx, epoch);
  rewardSigners(ctx, epoch);
}
