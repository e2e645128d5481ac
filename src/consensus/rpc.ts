/** Client API of the consensus layer itself (consensus: gRPC). Heights are block heights, 0 for the latest. */
import { Address } from "#common/address.js";
import { PublicKey } from "#common/crypto/keys.js";
import { Hash } from "#common/hash.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import {
  bool,
  bytes,
  enumeration,
  i64,
  list,
  nothing,
  nullable,
  omitEmpty,
  optional,
  raw,
  struct,
  text,
  time,
  u32,
  u64,
  u8,
} from "#common/schema/index.js";
import { Version } from "#common/version.js";
import { Root } from "#mkvs/node/root.js";
import { ConsensusParameters } from "./app/parameters.js";
import { GenesisDocument } from "./genesis/document.js";
import { lightMethods } from "./light/rpc.js";
import { GovernanceEvent } from "./services/governance/events.js";
import { RegistryEvent } from "./services/registry/events.js";
import { ConsensusAddress } from "./services/registry/types/node-address.js";
import { Event as RootHashEvent } from "./services/roothash/types.js";
import { StakingEvent } from "./services/staking/events.js";
import { submissionMethods } from "./transaction/rpc.js";

const many = { max: FRAME_ELEMENTS };
const content = bytes({ max: FRAME_BYTES });
const words = text({ max: FRAME_BYTES });

/** A block; most of it is in the engine's own format. */
export class ConsensusBlock extends struct("Block", {
  height: i64,
  hash: Hash,
  /** Cut to seconds. */
  time,
  /** Root of the state *before* the block, which the header carries. */
  stateRoot: Root,
  /** Bytes of the whole block in the engine's encoding. */
  size: omitEmpty(u64),
  /** A `BlockMeta`. */
  meta: raw,
}) {}

/** Header and last commit in the engine's encoding. */
export class BlockMeta extends struct("BlockMeta", { header: content, lastCommit: content }) {}

/** Results of a block; `meta` is a `BlockResultsMeta`. */
export class BlockResults extends struct("BlockResults", { height: i64, meta: raw }) {}

/** Attribute of an event as the engine keeps it. */
export class ResultAttribute extends struct("EventAttribute", { key: omitEmpty(words), value: omitEmpty(words) }) {}

/** An event as the engine keeps it. */
export class ResultEvent extends struct("Event", {
  type: omitEmpty(words),
  attributes: omitEmpty(list(ResultAttribute, many)),
}) {}

/** Result of a transaction as the engine keeps it. */
export class DeliverResult extends struct("ResponseDeliverTx", {
  code: omitEmpty(u32),
  data: omitEmpty(content),
  log: omitEmpty(words),
  gasWanted: omitEmpty(i64),
  gasUsed: omitEmpty(i64),
  events: omitEmpty(list(ResultEvent, many)),
  codespace: omitEmpty(words),
}) {}

export class BlockResultsMeta extends struct("BlockResultsMeta", {
  txsResults: nullable(list(DeliverResult, many)),
  beginBlockEvents: nullable(list(ResultEvent, many)),
  endBlockEvents: nullable(list(ResultEvent, many)),
}) {}

/** Parameters of the layer, and those of the engine in its own encoding. */
export class Parameters extends struct("Parameters", { height: i64, parameters: ConsensusParameters, meta: content }) {}

/** An event of a service; exactly one is set. */
export class ServiceEvent extends struct("ServiceEvent", {
  staking: optional(StakingEvent),
  registry: optional(RegistryEvent),
  roothash: optional(RootHashEvent),
  governance: optional(GovernanceEvent),
}) {}

/** How a transaction failed; empty for success. */
export class TransactionError extends struct("Error", {
  module: omitEmpty(words),
  code: omitEmpty(u32),
  message: omitEmpty(words),
}) {}

/** What a transaction led to. Where the block has a gas limit, the gas is counted over the block. */
export class Result extends struct("Result", {
  error: TransactionError,
  events: nullable(list(ServiceEvent, many)),
  gasUsed: omitEmpty(u64),
}) {}

export class TransactionsWithResults extends struct("TransactionsWithResults", {
  transactions: nullable(list(content, many)),
  results: nullable(list(Result, many)),
}) {}

/** A merkle proof of the engine (consensus: transactions, proofs). */
export class EncodedProof extends struct("Proof", {
  total: i64,
  index: i64,
  leafHash: content,
  aunts: omitEmpty(list(content, many)),
}) {}

/** Transactions, each with an `EncodedProof` against the block's data hash. */
export class TransactionsWithProofs extends struct("TransactionsWithProofs", {
  transactions: nullable(list(content, many)),
  proofs: nullable(list(content, many)),
}) {}

export const STATUS_READY = 0;
export const FEATURE_SERVICES = 1;
export const FEATURE_FULL_NODE = 2;

const StatusState = enumeration("StatusState", { ready: STATUS_READY, syncing: 1 });

/** How the engine's peer-to-peer network sees this node. */
export class ConsensusP2pStatus extends struct("P2PStatus", {
  pubKey: PublicKey,
  peerId: words,
  addresses: nullable(list(ConsensusAddress, many)),
  peers: nullable(list(words, many)),
}) {}

/** What a node knows of its chain. */
export class ConsensusStatus extends struct("Status", {
  status: StatusState,
  version: Version,
  backend: words,
  features: u8,
  latestHeight: i64,
  latestHash: Hash,
  latestTime: time,
  latestEpoch: u64,
  latestStateRoot: Root,
  latestBlockSize: omitEmpty(u64),
  genesisHeight: i64,
  genesisHash: Hash,
  lastRetainedHeight: i64,
  lastRetainedHash: Hash,
  chainContext: words,
  isValidator: bool,
  p2p: optional(ConsensusP2pStatus),
}) {}

/** Votes for a block of some validators. */
export class NextBlockVote extends struct("Vote", {
  nodeId: PublicKey,
  entityId: PublicKey,
  entityAddress: Address,
  votingPower: u64,
}) {}

/** Votes of one kind. The ratio is a float, which no other type of the protocol has: it stays encoded. */
export class NextBlockVotes extends struct("Votes", {
  votingPower: u64,
  ratio: raw,
  votes: nullable(list(NextBlockVote, many)),
}) {}

/** The float 0, as short as it can be. */
const ZERO_RATIO = Uint8Array.of(0xf9, 0x00, 0x00);
export const NO_VOTES: NextBlockVotes = { votingPower: 0n, ratio: ZERO_RATIO, votes: null };

/** How the voting on the next block stands. */
export class NextBlockState extends struct("NextBlockState", {
  height: i64,
  numValidators: u64,
  votingPower: u64,
  prevotes: NextBlockVotes,
  precommits: NextBlockVotes,
}) {}

/** Methods of the consensus layer. */
export const consensusMethods = defineMethods("Consensus", {
  ...submissionMethods.methods,
  ...lightMethods.methods,
  StateToGenesis: unary(i64, GenesisDocument),
  GetBlock: unary(i64, ConsensusBlock),
  GetBlockResults: unary(i64, BlockResults),
  GetLastRetainedHeight: unary(nothing, i64),
  GetTransactions: unary(i64, nullable(list(content, many))),
  GetTransactionsWithResults: unary(i64, TransactionsWithResults),
  GetTransactionsWithProofs: unary(i64, TransactionsWithProofs),
  GetUnconfirmedTransactions: unary(nothing, nullable(list(content, many))),
  GetGenesisDocument: unary(nothing, GenesisDocument),
  GetStatus: unary(nothing, ConsensusStatus),
  GetNextBlockState: unary(nothing, NextBlockState),
  GetParameters: unary(i64, Parameters),
  WatchBlocks: stream(nothing, ConsensusBlock),
});
