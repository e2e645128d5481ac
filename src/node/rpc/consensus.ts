import { follow, type Handlers } from "#common/rpc/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { CONSENSUS_PROTOCOL } from "#common/version.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { Root } from "#mkvs/node/root.js";
import { consensusParametersCell } from "#consensus/app/parameters.js";
import { type Inclusion, inclusionError } from "#consensus/backends/backend.js";
import { consensusAddress } from "#consensus/block/block-id.js";
import { ConsensusParams } from "#consensus/block/params.js";
import { ZERO_TIME } from "#consensus/block/timestamp.js";
import { findValidator, totalVotingPower } from "#consensus/block/validator.js";
import {
  type ConsensusBlock,
  type consensusMethods,
  type ConsensusStatus,
  NO_VOTES,
  type NextBlockState,
  FEATURE_FULL_NODE,
  FEATURE_SERVICES,
  STATUS_READY,
} from "#consensus/rpc.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { nonceOf } from "#consensus/services/staking/queries.js";
import { estimateGas } from "#consensus/submission.js";
import { encodedProofs } from "#consensus/transaction-proofs.js";
import { consensusErrors } from "#consensus/transaction/errors.js";
import { SignedTransaction } from "#consensus/transaction/transaction.js";
import type { ChainView } from "./chain-view.js";
import { transactionResults } from "./consensus-events.js";
import { blockResults, consensusBlock, lightBlock, validators } from "./consensus-forms.js";
import { engineParams } from "./engine-params.js";
import { stateToGenesis } from "./state-to-genesis.js";

/** Name under which the reference reports its block engine; clients compare it. */
const BACKEND_NAME = "tendermint";

type ConsensusHandlers = Handlers<(typeof consensusMethods)["methods"]>;

/**
 * What a node says about its chain.
 * @param publicKey the node's consensus key
 */
export function consensusStatus(view: ChainView, publicKey: Uint8Array): ConsensusStatus {
  const { backend } = view;
  const { app, latestHeight } = backend;
  const block = (height: bigint): ConsensusBlock | undefined => {
    const found = height === 0n ? undefined : backend.block(height);
    return found === undefined ? undefined : consensusBlock(found);
  };
  const latest = block(latestHeight);
  const retained = latestHeight === 0n ? app.initialHeight : backend.earliestHeight;
  const next = backend.validators(latestHeight === 0n ? app.initialHeight : latestHeight + 1n);
  return {
    status: STATUS_READY,
    version: CONSENSUS_PROTOCOL,
    backend: BACKEND_NAME,
    features: FEATURE_SERVICES | FEATURE_FULL_NODE,
    latestHeight,
    latestHash: latest?.hash ?? EMPTY_HASH,
    latestTime: latest?.time ?? ZERO_TIME,
    latestEpoch: latest === undefined ? 0n : getEpoch(backend.stateAt(latestHeight)),
    latestStateRoot: latest?.stateRoot ?? Root.zero(),
    latestBlockSize: latest?.size ?? 0n,
    genesisHeight: app.initialHeight,
    genesisHash: block(app.initialHeight)?.hash ?? EMPTY_HASH,
    lastRetainedHeight: retained,
    lastRetainedHash: block(retained)?.hash ?? EMPTY_HASH,
    chainContext: app.chainContext,
    isValidator: next !== undefined && findValidator(next, consensusAddress(publicKey)) >= 0,
    p2p: undefined,
  };
}

/**
 * How the voting on the next block stands. Blocks of this backend are signed by all at once, so between two of them
 * nobody has voted yet.
 */
function nextBlockState(view: ChainView): NextBlockState {
  const height = view.latestHeight() + 1n;
  const set = view.backend.validators(height);
  if (set === undefined) throw view.notKept(height);
  return {
    height,
    numValidators: BigInt(set.validators.length),
    votingPower: totalVotingPower(set),
    prevotes: NO_VOTES,
    precommits: NO_VOTES,
  };
}

/** Submits a transaction and waits until it is in a block. @throws CodedError of the transaction */
async function include(view: ChainView, tx: SignedTransaction): Promise<Inclusion> {
  const outcome = await view.backend.submitAndWait(SignedTransaction.encode(tx));
  if ("rejected" in outcome) throw outcome.rejected;
  const error = inclusionError(outcome);
  if (error !== undefined) throw error;
  return outcome.included;
}

const submission = (view: ChainView) =>
  ({
    async SubmitTx(tx) {
      await include(view, tx);
      return null;
    },
    SubmitTxNoWait(tx) {
      view.backend.submit(SignedTransaction.encode(tx));
      return null;
    },
    async SubmitTxWithProof(tx) {
      const { height, index } = await include(view, tx);
      const rawProof = encodedProofs(view.block(height).data.txs)[index];
      if (rawProof === undefined) throw view.notKept(height);
      return { height, rawProof };
    },
    EstimateGas({ signer, transaction }) {
      if (transaction === null) throw consensusErrors.invalidArgument();
      view.latestHeight();
      return estimateGas(view.backend, signer, transaction);
    },
    MinGasPrice: () => consensusParametersCell.load(view.state(0n)).minGasPrice,
    GetSignerNonce: ({ accountAddress, height }) => nonceOf(view.state(height), accountAddress),
    SubmitEvidence({ meta }) {
      view.backend.submitEvidence(meta);
      return null;
    },
    GetUnconfirmedTransactions: () => view.backend.unconfirmed(),
  }) satisfies ConsensusHandlers;

const blocks = (view: ChainView) =>
  ({
    GetBlock: (height) => consensusBlock(view.block(height)),
    GetBlockResults: (height) => blockResults(view.executed(height)),
    GetLightBlock: (height) => lightBlock(view, height),
    GetValidators: (height) => validators(view, height),
    GetLatestHeight: () => view.latestHeight(),
    GetLastRetainedHeight: () => view.backend.earliestHeight || view.backend.app.initialHeight,
    GetTransactions: (height) => [...view.block(height).data.txs],
    GetTransactionsWithResults(height) {
      const executed = view.executed(height);
      return { transactions: [...executed.block.data.txs], results: transactionResults(executed, height) };
    },
    GetTransactionsWithProofs(height) {
      const transactions = [...view.block(height).data.txs];
      return { transactions, proofs: encodedProofs(transactions) };
    },
    GetParameters(requested) {
      const height = view.height(requested);
      const parameters = consensusParametersCell.load(view.state(height));
      return { height, parameters, meta: ConsensusParams.encode(engineParams(view.genesis)) };
    },
    GetNextBlockState: () => nextBlockState(view),
    WatchBlocks: (_, call) => follow(call, view.follow(), ({ block }) => [consensusBlock(block)]),
  }) satisfies ConsensusHandlers;

/** Methods of the consensus layer. @param publicKey the node's consensus key */
export function consensusHandlers(view: ChainView, publicKey: Uint8Array): ConsensusHandlers {
  const syncer = new NodeDbSyncer(view.backend.app.stateDb);
  return {
    ...submission(view),
    ...blocks(view),
    GetStatus: () => consensusStatus(view, publicKey),
    GetChainContext: () => view.backend.app.chainContext,
    GetGenesisDocument: () => view.genesis,
    StateToGenesis: (height) => stateToGenesis(view, height),
    StateSyncGet: (request) => syncer.syncGet(request),
    StateSyncGetPrefixes: (request) => syncer.syncGetPrefixes(request),
    StateSyncIterate: (request) => syncer.syncIterate(request),
  };
}
