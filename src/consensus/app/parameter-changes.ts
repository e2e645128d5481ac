import { DecodeError, unknown } from "#common/errors/index.js";
import type { Schema } from "#common/schema/index.js";
import type { Context } from "./context.js";
import { on, type Subscription } from "./dispatch.js";
import { defineTopic } from "./topics.js";

/** A governance proposal to change the parameters of one module; the changes are CBOR of that module's own type. */
export interface ParameterChanges {
  readonly module: string;
  readonly changes: Uint8Array;
}

/** A proposal is about to be submitted: would the changes be valid? Answered by the module that they are for. */
export const validateParameterChanges = defineTopic<ParameterChanges, true>("governance: validate parameter changes");
/** A proposal passed: apply the changes. */
export const applyParameterChanges = defineTopic<ParameterChanges, true>("governance: change parameters");

/** How a service takes changes to its parameters. */
export interface ChangeHandler<C> {
  readonly module: string;
  readonly schema: Schema<C>;
  /** Whether the chain knows the parameters of an extension; to v26.1 they are unknown fields. */
  readonly extended?: (ctx: Context) => boolean;
  /** Checks the changes against the state and, if `apply` is set, stores the new parameters; throws CodedErrors. */
  change(ctx: Context, changes: C, apply: boolean): void;
}

/** Subscriptions of a service whose parameters governance may change (governance: change parameters). */
export function parameterChangeSubscriptions<C>(handler: ChangeHandler<C>): readonly Subscription[] {
  const handle =
    (apply: boolean) =>
    (ctx: Context, message: ParameterChanges): true | undefined => {
      if (message.module !== handler.module) return undefined;
      let changes: C;
      try {
        const mode = handler.extended?.(ctx) === true ? "extended" : "untrusted";
        changes = handler.schema.decode(message.changes, mode);
      } catch (error) {
        if (error instanceof DecodeError)
          throw unknown(`${handler.module}: malformed parameter changes: ${error.message}`);
        throw error;
      }
      handler.change(ctx, changes, apply);
      return true;
    };
  return [on(validateParameterChanges, handle(false)), on(applyParameterChanges, handle(true))];
}
