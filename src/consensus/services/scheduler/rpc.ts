import { i64, list, nothing, nullable, struct } from "#common/schema/index.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { SchedulerGenesis, SchedulerParameters } from "./params.js";
import { Committee, Validator } from "./types.js";

/** Which committees are asked for. */
export class GetCommitteesRequest extends struct("GetCommitteesRequest", { height: i64, runtimeId: Namespace }) {}

/** Client API of the scheduler (consensus: gRPC). Heights are block heights, 0 for the latest. */
export const schedulerMethods = defineMethods("Scheduler", {
  GetValidators: unary(i64, nullable(list(Validator, { max: FRAME_ELEMENTS }))),
  GetCommittees: unary(GetCommitteesRequest, nullable(list(Committee, { max: FRAME_ELEMENTS }))),
  StateToGenesis: unary(i64, SchedulerGenesis),
  ConsensusParameters: unary(i64, SchedulerParameters),
  WatchCommittees: stream(nothing, Committee),
});
