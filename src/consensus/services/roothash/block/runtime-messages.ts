import { runtimeAddress } from "#common/address.js";
import { CodedError } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { isNoSubscribers } from "../../../app/dispatch.js";
import { FREE_GAS } from "../../../transaction/gas.js";
import { runtimeGovernanceMessage } from "../../governance/types.js";
import { runtimeRegistryMessage } from "../../registry/types/messages.js";
import { runtimeStakingMessage } from "../../staking/types/transactions.js";
import { rootHashErrors } from "../errors.js";
import type { Message, MessageEvent } from "../types.js";

/** Result of a message that failed or has nothing to say: CBOR null, which is written out. */
const NOTHING = Uint8Array.of(0xf6);

function dispatch(ctx: Context, { staking, registry, governance }: Message): Uint8Array | undefined {
  if (staking !== undefined) return ctx.publish(runtimeStakingMessage, staking);
  if (registry !== undefined) return ctx.publish(runtimeRegistryMessage, registry);
  if (governance !== undefined) return ctx.publish(runtimeGovernanceMessage, governance);
  throw rootHashErrors.invalidArgument("unsupported message");
}

function deliver(ctx: Context, message: Message, index: number): MessageEvent {
  try {
    return { module: "", code: 0, index, result: dispatch(ctx, message) ?? NOTHING };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { module, code } = isNoSubscribers(error) ? rootHashErrors.invalidArgument() : error;
    return { module, code, index, result: NOTHING };
  }
}

/**
 * Carries out what a runtime asks for, message by message, on behalf of the runtime's account. A message that fails
 * does not undo what it did before. Gas counts in simulation only: it was paid with the commitment.
 */
export function deliverMessages(ctx: Context, runtimeId: Uint8Array, messages: readonly Message[]): MessageEvent[] {
  return ctx.withCaller(runtimeAddress(runtimeId), (child) => {
    if (!child.isSimulation) child.gas = FREE_GAS;
    return messages.map((message, index) => deliver(child, message, index));
  });
}
