import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { i64, list, map, nullable, omitEmpty, struct, u32, u64 } from "#common/schema/index.js";
import { RootHashGenesis, RootHashParameters } from "./params.js";
import {
  AnnotatedBlock,
  Block,
  Event,
  ExecutorCommitment,
  IncomingMessage,
  IncomingMessageQueueMeta,
  RoundResults,
  RoundRoots,
  RuntimeState,
} from "./types.js";
import { OpenChallenge } from "./types/challenges.js";

/** A runtime at a height; 0 is the latest. */
export class RuntimeRequest extends struct("RuntimeRequest", { runtimeId: Namespace, height: i64 }) {}
export class RoundRootsRequest extends struct("RoundRootsRequest", { runtimeId: Namespace, height: i64, round: u64 }) {}
export class IncomingMessageQueueRequest extends struct("InMessageQueueRequest", {
  runtimeId: Namespace,
  height: i64,
  offset: omitEmpty(u64),
  limit: omitEmpty(u32),
}) {}

const many = { max: FRAME_ELEMENTS };

/** Methods of the client API; heights of 0 mean the latest. */
export const rootHashMethods = defineMethods("RootHash", {
  GetGenesisBlock: unary(RuntimeRequest, nullable(Block)),
  GetLatestBlock: unary(RuntimeRequest, nullable(Block)),
  GetRuntimeState: unary(RuntimeRequest, RuntimeState),
  GetRoundRoots: unary(RoundRootsRequest, nullable(RoundRoots)),
  GetPastRoundRoots: unary(RuntimeRequest, map(u64, RoundRoots, many)),
  GetLastRoundResults: unary(RuntimeRequest, RoundResults),
  GetIncomingMessageQueueMeta: unary(RuntimeRequest, IncomingMessageQueueMeta),
  GetIncomingMessageQueue: unary(IncomingMessageQueueRequest, nullable(list(IncomingMessage, many))),
  /** Of storage committees, an extension. */
  GetStorageChallenges: unary(RuntimeRequest, list(OpenChallenge, many)),
  StateToGenesis: unary(i64, RootHashGenesis),
  ConsensusParameters: unary(i64, RootHashParameters),
  GetEvents: unary(i64, nullable(list(Event, many))),
  WatchBlocks: stream(Namespace, AnnotatedBlock),
  WatchEvents: stream(Namespace, Event),
  WatchExecutorCommitments: stream(Namespace, ExecutorCommitment),
});
