import { equalBytes } from "#common/bytes.js";
import { PublicKey } from "#common/crypto/keys.js";
import { struct } from "#common/schema/index.js";
import { defineTransaction } from "../../../app/define-service.js";
import { epochInState } from "../../../app/epoch.js";
import { registryErrors } from "../errors.js";
import { nodeUnfrozenEvent } from "../events.js";
import { GAS_UNFREEZE_NODE, gasCosts } from "../params.js";
import { loadNode, loadNodeStatus, setNodeStatus } from "../state.js";

/** Asks to let a frozen node take part again. */
export class UnfreezeNode extends struct("UnfreezeNode", { nodeId: PublicKey }) {}

/** `registry.UnfreezeNode`: for the node's entity, once the freeze is over; a node that is not frozen passes too. */
export const unfreezeNodeTransaction = defineTransaction({
  method: "registry.UnfreezeNode",
  body: UnfreezeNode,
  invalidBody: registryErrors.invalidArgument,
  gasOp: GAS_UNFREEZE_NODE,
  gasCosts,
  inCheckTx: "accept",
  execute(ctx, { nodeId }) {
    const node = loadNode(ctx.state, nodeId);
    if (!equalBytes(ctx.signer, node.entityId)) throw registryErrors.badEntityForNode();
    const status = loadNodeStatus(ctx.state, nodeId);
    if (status.freezeEndTime > epochInState(ctx)) throw registryErrors.nodeCannotBeUnfrozen();
    setNodeStatus(ctx.state, nodeId, { ...status, freezeEndTime: 0n });
    ctx.emit(nodeUnfrozenEvent, { nodeId });
  },
});
