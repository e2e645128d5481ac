import type { Handlers } from "#common/rpc/index.js";
import { u64 } from "#common/schema/index.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { beaconParametersCell } from "#consensus/services/beacon/params.js";
import { nodes } from "#consensus/services/registry/queries.js";
import type { Node } from "../node.js";
import type { ChainView } from "./chain-view.js";
import { controlErrors, type debugControllerMethods } from "./control-methods.js";
import { until } from "./until.js";

/** Methods of development networks. */
export function debugHandlers(view: ChainView, node: Node): Handlers<(typeof debugControllerMethods)["methods"]> {
  return {
    async SetEpoch(epoch, call) {
      // Only chains with a mock epoch let anybody set it.
      if (!beaconParametersCell.load(view.state(0n)).debugMockBackend) throw controlErrors.notImplemented();
      await node.submitter.submit("beacon.SetEpoch", u64.encode(epoch));
      return until(view, call, () => getEpoch(view.state(0n)) >= epoch);
    },
    WaitNodesRegistered: (count, call) =>
      until(view, call, () => {
        if (view.backend.latestHeight === 0n) return false;
        const state = view.state(0n);
        return BigInt(nodes(state, getEpoch(state)).length) >= count;
      }),
  };
}
