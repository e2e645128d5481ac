/** A first runtime: everybody has a counter. */
import {
  bytesPart,
  defineEvent,
  defineRuntime,
  method,
  openSignedCall,
  PublicKey,
  refuse,
  struct,
  table,
  u64,
} from "qanat/runtime";

/** Arguments, results and events have types that say how they are written and what is refused when they are read. */
export class Step extends struct("Step", { by: u64 }) {}
export class Owner extends struct("Owner", { key: PublicKey }) {}

export const stepped = defineEvent("counter.stepped", Step);

/** The state: the public key of each caller -> its counter. */
const counters = table(0x01, [bytesPart(32)], u64);

export const counter = defineRuntime({
  version: { major: 0, minor: 1, patch: 0 },
  // Transactions are signed; the sender is the public key.
  decodeCall: openSignedCall,
  methods: {
    /** Counts up, and answers with what the counter has become. */
    step: method({
      args: Step,
      result: u64,
      check: (_, { by }) => by <= 10n || refuse("at most ten at a time"),
      execute(ctx, { by }) {
        const value = (counters.get(ctx.state, ctx.sender) ?? 0n) + by;
        counters.set(ctx.state, [ctx.sender], value);
        ctx.emitEvent(stepped, { by });
        return value;
      },
    }),
  },
  queries: {
    value: method({ args: Owner, result: u64, execute: (ctx, { key }) => counters.get(ctx.state, key) ?? 0n }),
  },
});
