import { list, raw, type Schema, struct, text, u32 } from "#common/schema/index.js";
import { Message } from "#consensus/services/roothash/types.js";
import { defineEvent, defineRuntime, method, noArguments, openSignedCall, resultHandler } from "#runtime/kit/index.js";

const label = text({ max: 100 });

/** Messages to be sent in one call, and the name under which their results are announced. */
export class Send extends struct("Send", { label, messages: list(Message, { max: 100 }) }) {}
class Sent extends struct("Sent", { label, number: u32 }) {}
/** What became of a message. */
export class Outcome extends struct("Outcome", { module: label, code: u32, result: raw }) {}

const NOTHING = Uint8Array.of(0xf6);

/** Announces the outcome of the n-th message of a call. */
export const outcomeOf = (name: string, number = 0) => defineEvent(`outcome ${name} ${number}`, Outcome);

const heard = resultHandler({
  name: "heard",
  result: raw,
  data: Sent,
  execute(ctx, outcome, { label: name, number }) {
    const told = outcome.ok ? { module: "", code: 0, result: outcome.result } : { ...outcome, result: NOTHING };
    ctx.emitEvent(outcomeOf(name, number), told);
  },
});

/** Sends whatever message it is told to and announces what became of it. */
export const messenger = defineRuntime({
  version: { major: 0, minor: 0, patch: 0 },
  module: "messenger",
  decodeCall: openSignedCall,
  resultHandlers: [heard],
  methods: {
    send: method({
      args: Send,
      result: noArguments,
      execute(ctx, { label: name, messages }) {
        messages.forEach((message, number) => {
          ctx.send({ message, result: raw as Schema<Uint8Array> }, heard, { label: name, number });
        });
        return null;
      },
    }),
  },
});
