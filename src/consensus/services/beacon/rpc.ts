import { bytes, i64, nothing, nullable, u64 } from "#common/schema/index.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { BeaconGenesis, BeaconParameters, EpochHeight } from "./types.js";

/** Client API of the beacon (consensus: gRPC). Heights are block heights, 0 for the latest. */
export const beaconMethods = defineMethods("Beacon", {
  GetBaseEpoch: unary(nothing, u64),
  GetEpoch: unary(i64, u64),
  GetNextEpoch: unary(i64, u64),
  GetFutureEpoch: unary(i64, nullable(EpochHeight)),
  GetEpochBlock: unary(u64, i64),
  WaitEpoch: unary(u64, nothing),
  GetBeacon: unary(i64, bytes({ max: 64 })),
  StateToGenesis: unary(i64, BeaconGenesis),
  ConsensusParameters: unary(i64, BeaconParameters),
  WatchEpochs: stream(nothing, u64),
  /** Dropped by v26.1, still called by the JavaScript client. */
  WatchLatestEpoch: stream(nothing, u64),
});
