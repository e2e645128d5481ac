import { assert } from "#common/assert.js";
import { DecodeError } from "#common/errors/index.js";
import { define, type Schema } from "#common/schema/index.js";
import type { Version } from "#common/version.js";
import { Call } from "./call.js";
import type { BatchContext, CallContext } from "./context.js";
import { refuse } from "./refusal.js";

/** One method that transactions or queries call. */
export interface MethodDefinition<A, R> {
  readonly args: Schema<A>;
  readonly result: Schema<R>;
  /** What can be known before the call is in a batch; runs when it enters the pool and again before `execute`. */
  readonly check?: (ctx: CallContext, args: A) => void;
  /** Carries the call out. Everything it depends on comes from the arguments. */
  readonly execute: (ctx: CallContext, args: A) => R;
}

/** A method whose argument and result types are hidden behind their encodings. */
export interface Method {
  /** Throws Refusal when the call would be refused whatever the state. */
  check(ctx: CallContext, args: Uint8Array): void;
  /** The encoded result. Throws Refusal when the call is refused. */
  execute(ctx: CallContext, args: Uint8Array): Uint8Array;
}

/** Declares a method. */
export function method<A, R>(definition: MethodDefinition<A, R>): Method {
  const { args: schema, result, check, execute } = definition;
  const decode = (encoded: Uint8Array): A => {
    try {
      return schema.decode(encoded, "runtime");
    } catch (error) {
      if (error instanceof DecodeError) return refuse("malformed call arguments");
      throw error;
    }
  };
  return {
    check(ctx, encoded) {
      const args = decode(encoded);
      check?.(ctx, args);
    },
    execute(ctx, encoded) {
      const args = decode(encoded);
      check?.(ctx, args);
      return result.encode(execute(ctx, args));
    },
  };
}

/** Arguments of a method that takes none: null. */
export const noArguments: Schema<null> = define<null>({
  typeName: "no arguments",
  ownsNull: true,
  write: (w) => w.null(),
  readValue(r) {
    if (!r.tryNull()) throw new DecodeError("expected null");
    return null;
  },
  toJson: () => null,
  fromJson: () => null,
  zero: () => null,
  isEmpty: () => true,
});

/** What an author writes. */
export interface RuntimeDefinition {
  readonly version: Version;
  /** Module of the errors that clients see. */
  readonly module?: string;
  /** Most transactions of one batch; the descriptor on chain must allow as many. */
  readonly maxBatchSize?: number;
  /** By name, called by transactions. */
  readonly methods: Readonly<Record<string, Method>>;
  /** By name, called by queries; what they write is dropped. */
  readonly queries?: Readonly<Record<string, Method>>;
  /** Runs once per round, before incoming messages and transactions. */
  readonly beginBlock?: (ctx: BatchContext) => void;
  /** Runs once per round, after the last transaction. */
  readonly endBlock?: (ctx: BatchContext) => void;
  /** Opens a transaction, checking its signature if it has one. Throws DecodeError for one that is malformed. */
  readonly decodeCall?: (transaction: Uint8Array) => Call;
  /** Further check of a call before it enters the pool; returns its priority. Throws Refusal. */
  readonly checkTx?: (ctx: CallContext, call: Call) => bigint;
}

/** A runtime that a host can run. */
export interface RuntimeProgram extends Required<RuntimeDefinition> {}

const DEFAULT_MAX_BATCH_SIZE = 100;

/**
 * Defines a runtime: a deterministic program that every member of a committee runs over the same transactions and state
 * with the same result. Its code must not look at clocks, random numbers or anything else but its arguments.
 *
 * @throws AssertionFailure when the largest batch is not a positive integer
 */
export function defineRuntime(definition: RuntimeDefinition): RuntimeProgram {
  const maxBatchSize = definition.maxBatchSize ?? DEFAULT_MAX_BATCH_SIZE;
  assert(Number.isSafeInteger(maxBatchSize) && maxBatchSize > 0, "maxBatchSize must be a positive integer.");
  return {
    version: definition.version,
    module: definition.module ?? "runtime",
    maxBatchSize,
    methods: definition.methods,
    queries: definition.queries ?? {},
    beginBlock: definition.beginBlock ?? (() => undefined),
    endBlock: definition.endBlock ?? (() => undefined),
    decodeCall: definition.decodeCall ?? ((transaction) => Call.decode(transaction, "runtime")),
    checkTx: definition.checkTx ?? (() => 0n),
  };
}
