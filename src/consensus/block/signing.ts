import { prepareMessage } from "#common/crypto/context.js";
import { verifyRaw, verifyRawAll } from "#common/crypto/ed25519.js";
import { defineContext, type Signer } from "#common/crypto/signature.js";
import { proposalSignBytes, type Proposal, type Vote, voteSignBytes } from "./vote.js";

/**
 * The context of everything that a consensus key signs. It has no chain part: the chain id is inside the signed bytes
 * (consensus: CometBFT, signature separation).
 */
export const CONSENSUS_SIGNATURE_CONTEXT = defineContext("oasis-core/tendermint");

/** Completes a vote with the signature of the validator's consensus key. */
export function signVote(chainId: string, signer: Signer, vote: Omit<Vote, "signature">): Vote {
  return { ...vote, signature: signer.sign(CONSENSUS_SIGNATURE_CONTEXT, voteSignBytes(chainId, vote)) };
}

/** Completes a proposal with the signature of the proposer's consensus key. */
export function signProposal(chainId: string, signer: Signer, proposal: Omit<Proposal, "signature">): Proposal {
  return { ...proposal, signature: signer.sign(CONSENSUS_SIGNATURE_CONTEXT, proposalSignBytes(chainId, proposal)) };
}

/**
 * Whether a 32-byte consensus key signed the vote. The engine knows no forbidden keys, so unlike in transactions none
 * are refused here.
 */
export function verifyVote(chainId: string, publicKey: Uint8Array, vote: Vote): boolean {
  return verifyRaw(publicKey, voteDigest(chainId, vote), vote.signature);
}

/**
 * Whether every vote is signed by the 32-byte consensus key beside it.
 *
 * @returns undefined, or the position of the first vote that is not
 */
export function verifyVotes(
  chainId: string,
  votes: readonly { readonly publicKey: Uint8Array; readonly vote: Vote }[],
): number | undefined {
  const claims = votes.map(({ publicKey, vote }) => ({
    publicKey,
    message: voteDigest(chainId, vote),
    signature: vote.signature,
  }));
  if (verifyRawAll(claims)) return undefined;
  const wrong = claims.findIndex(({ publicKey, message, signature }) => !verifyRaw(publicKey, message, signature));
  return wrong < 0 ? undefined : wrong;
}

function voteDigest(chainId: string, vote: Vote): Uint8Array {
  return prepareMessage(CONSENSUS_SIGNATURE_CONTEXT, voteSignBytes(chainId, vote));
}

/** Whether a 32-byte consensus key signed the proposal. */
export function verifyProposal(chainId: string, publicKey: Uint8Array, proposal: Proposal): boolean {
  const digest = prepareMessage(CONSENSUS_SIGNATURE_CONTEXT, proposalSignBytes(chainId, proposal));
  return verifyRaw(publicKey, digest, proposal.signature);
}
