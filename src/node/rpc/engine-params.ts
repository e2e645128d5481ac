import { versionToU64, CONSENSUS_PROTOCOL } from "#common/version.js";
import type { ConsensusParams } from "#consensus/block/params.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { engineBlockParams } from "#consensus/genesis/start.js";

/** Blocks of an epoch where the document sets no interval, which only mock epochs may. */
const DEFAULT_EPOCH_BLOCKS = 100n;
const NANOS_PER_SECOND = 1_000_000_000n;

/**
 * Parameters that the block engine starts with (consensus: CometBFT, genesis): evidence is good for as long as stake
 * takes to debond.
 */
export function engineParams(document: GenesisDocument): ConsensusParams {
  const { maxEvidenceSize, timeoutCommit } = document.consensus.params;
  const { insecureParameters, vrfParameters } = document.beacon.params;
  const interval = (vrfParameters ?? insecureParameters)?.interval ?? 0n;
  const epochBlocks = interval === 0n ? DEFAULT_EPOCH_BLOCKS : interval;
  const maxAgeNumBlocks = document.staking.parameters.debondingInterval * epochBlocks;
  return {
    block: engineBlockParams(document),
    evidence: {
      maxAgeNumBlocks,
      maxAgeDuration: maxAgeNumBlocks * (timeoutCommit + NANOS_PER_SECOND),
      maxBytes: maxEvidenceSize,
    },
    validator: { pubKeyTypes: ["ed25519"] },
    version: { app: versionToU64({ ...CONSENSUS_PROTOCOL, minor: 0, patch: 0 }) },
  };
}
