/** Blocks, results and light blocks in the form in which clients get them (consensus: gRPC). */
import type { AbciEvent, TransactionResult } from "#consensus/transaction/results.js";
import { type Block, Block as BlockMessage } from "#consensus/block/block.js";
import { Commit } from "#consensus/block/commit.js";
import { Header, headerHash } from "#consensus/block/header.js";
import { LightBlock as LightBlockMessage } from "#consensus/block/light-block.js";
import { totalVotingPower, ValidatorSet } from "#consensus/block/validator.js";
import { EMPTY_COMMIT } from "#consensus/block/commit.js";
import { STATE_NAMESPACE, STATE_ROOT } from "#consensus/app/state-root.js";
import {
  BlockMeta,
  type BlockResults,
  BlockResultsMeta,
  type ConsensusBlock,
  type DeliverResult,
  type ResultEvent,
} from "#consensus/rpc.js";
import type { LightBlock, Validators } from "#consensus/light/rpc.js";
import type { ChainView, ExecutedBlock } from "./chain-view.js";
import { orNull } from "./or-null.js";

/** A block; its state root is that of the state before it. */
export function consensusBlock(block: Block): ConsensusBlock {
  const { header, lastCommit } = block;
  return {
    height: header.height,
    hash: headerHash(header),
    time: { seconds: header.time.seconds, nanos: 0 },
    stateRoot: { namespace: STATE_NAMESPACE, version: header.height - 1n, type: STATE_ROOT, hash: header.appHash },
    size: BigInt(BlockMessage.encode(block).length),
    meta: BlockMeta.encode({ header: Header.encode(header), lastCommit: Commit.encode(lastCommit ?? EMPTY_COMMIT) }),
  };
}

function resultEvent({ type, attributes }: AbciEvent): ResultEvent {
  return { type, attributes: attributes.map(({ key, value }) => ({ key, value })) };
}

function deliverResult(result: TransactionResult): DeliverResult {
  const { code, data, log, gasWanted, gasUsed, codespace, events } = result;
  return { code, data, log, gasWanted, gasUsed, codespace, events: events.map(resultEvent) };
}

/** Results of a block. */
export function blockResults({ height, outcome }: ExecutedBlock): BlockResults {
  const meta = BlockResultsMeta.encode({
    txsResults: orNull(outcome.results.map(deliverResult)),
    beginBlockEvents: orNull(outcome.beginEvents.map(resultEvent)),
    endBlockEvents: orNull(outcome.endEvents.map(resultEvent)),
  });
  return { height, meta };
}

function validatorsAt(view: ChainView, requested: bigint): { height: bigint; set: ValidatorSet } {
  const height = requested === 0n ? view.latestHeight() : requested;
  const found = view.backend.validators(height);
  if (found === undefined) throw view.notKept(height);
  return { height, set: { ...found, totalVotingPower: totalVotingPower(found) } };
}

/** The validators of a height, of the next ones too (0 = latest). @throws CodedError consensus/3 */
export function validators(view: ChainView, requested: bigint): Validators {
  const { height, set } = validatorsAt(view, requested);
  return { height, meta: ValidatorSet.encode(set) };
}

/** What a light client needs of a height; for coming heights only the validators. @throws CodedError consensus/3 */
export function lightBlock(view: ChainView, requested: bigint): LightBlock {
  const { height, set } = validatorsAt(view, requested);
  const header = view.backend.block(height)?.header;
  const signedHeader = header === undefined ? undefined : { header, commit: view.backend.commit(height) };
  return { height, meta: LightBlockMessage.encode({ signedHeader, validatorSet: set }) };
}
