import { unknown } from "#common/errors/index.js";
import type { Call, Handlers } from "#common/rpc/index.js";
import { decodeEvent } from "#consensus/app/events.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import { epochEvent } from "#consensus/services/beacon/events.js";
import * as queries from "#consensus/services/beacon/queries.js";
import type { beaconMethods } from "#consensus/services/beacon/rpc.js";
import { carriers, type ChainView } from "./chain-view.js";
import { watch } from "./watch.js";

/** Epochs that began with a block. */
function* newEpochs(block: CommittedBlock): Generator<bigint, void, void> {
  for (const { event } of carriers(block)) {
    const epoch = decodeEvent(epochEvent, event)?.epoch;
    if (epoch !== undefined) yield epoch;
  }
}

/** The current epoch, then every later one, each once. */
async function* watchEpochs(view: ChainView, call: Call): AsyncGenerator<bigint, void, void> {
  let last: bigint | undefined;
  for await (const epoch of watch(view, call, () => [queries.getEpoch(view.state(0n))], newEpochs)) {
    if (epoch === last) continue;
    last = epoch;
    yield epoch;
  }
}

/**
 * The height at which an epoch began.
 * @throws CodedError for one that has not begun, or that began before the kept heights
 */
function epochBlock(view: ChainView, epoch: bigint): bigint {
  const { base } = view.genesis.beacon;
  const now = view.state(0n);
  if (epoch === queries.getEpoch(now)) return queries.getEpochHeight(now);
  if (epoch < base) throw unknown(`epoch predates base (base: ${base} requested: ${epoch})`);
  if (epoch === base) return view.genesis.height;
  let height = view.latestHeight();
  while (height >= view.backend.earliestHeight) {
    const state = view.state(height);
    const found = queries.getEpoch(state);
    if (found === epoch) return queries.getEpochHeight(state);
    if (found < epoch) break;
    // The state before the block that began this epoch is the last one of the epoch before.
    height = queries.getEpochHeight(state) - 1n;
  }
  throw unknown(`failed to find historic epoch ${epoch}`);
}

/** Methods of the beacon. */
export function beaconHandlers(view: ChainView): Handlers<(typeof beaconMethods)["methods"]> {
  return {
    GetBaseEpoch: () => view.genesis.beacon.base,
    GetEpoch: (height) => queries.getEpoch(view.state(height)),
    GetNextEpoch(requested) {
      const height = view.height(requested);
      const state = view.state(height);
      const future = queries.getFutureEpoch(state);
      return future?.height === height + 1n ? future.epoch : queries.getEpoch(state);
    },
    GetFutureEpoch: (height) => queries.getFutureEpoch(view.state(height)) ?? null,
    GetEpochBlock: (epoch) => epochBlock(view, epoch),
    async WaitEpoch(epoch, call) {
      for await (const current of watchEpochs(view, call)) if (current >= epoch) return null;
      call.cancellation.throwIfCancelled();
      return null;
    },
    GetBeacon: (height) => queries.getBeacon(view.state(height)),
    StateToGenesis: (height) => queries.toGenesis(view.state(height)),
    ConsensusParameters: (height) => queries.getParameters(view.state(height)),
    WatchEpochs: (_, call) => watchEpochs(view, call),
    WatchLatestEpoch: (_, call) => watchEpochs(view, call),
  };
}
