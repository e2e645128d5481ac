import { assert } from "#common/assert.js";
import { DecodeError } from "#common/errors/index.js";
import type { Schema } from "#common/schema/index.js";
import type { Version } from "#common/version.js";
import type { IncomingMessage } from "#consensus/services/roothash/types.js";
import { Call, type CallTarget } from "./call.js";
import type { BatchContext, CallContext } from "./context.js";
import type { LocalMethod } from "./local.js";
import type { AnyResultHandler } from "./result-handlers.js";
import type { Observers } from "./updates.js";
import type { TrustRoot } from "./verifier.js";
import { refuse } from "./refusal.js";

/** One method that transactions or queries call. */
export interface MethodDefinition<A, R> {
  /** Type of the arguments; `noArguments` when there are none. What is not of this type is refused. */
  readonly args: Schema<A>;
  /** Type of the result; `noArguments` when there is none. */
  readonly result: Schema<R>;
  /** What can be known before the call is in a batch; runs when it enters the pool and again before `execute`. */
  readonly check?: (ctx: CallContext, args: A) => void;
  /** Prefixes of the keys that the call will read, so that those of a whole batch are fetched at once. */
  readonly prefetch?: (args: A) => readonly Uint8Array[];
  /** Carries the call out. Everything it depends on comes from the arguments. */
  readonly execute: (ctx: CallContext, args: A) => R;
}

/** A method whose argument and result types are hidden behind their encodings. */
export interface Method {
  /** Prefixes of the keys that the call will read; none for malformed arguments. */
  prefetch(args: Uint8Array): readonly Uint8Array[];
  /** Throws Refusal when the call would be refused whatever the state. */
  check(ctx: CallContext, args: Uint8Array): void;
  /** The encoded result. Throws Refusal when the call is refused. */
  execute(ctx: CallContext, args: Uint8Array): Uint8Array;
}

/** Declares a method. */
export function method<A, R>(definition: MethodDefinition<A, R>): Method {
  const { args: schema, result, check, prefetch, execute } = definition;
  const decode = (encoded: Uint8Array): A => {
    try {
      return schema.decode(encoded, "runtime");
    } catch (error) {
      if (error instanceof DecodeError) return refuse("malformed call arguments");
      throw error;
    }
  };
  return {
    prefetch(encoded) {
      if (prefetch === undefined) return [];
      try {
        return prefetch(schema.decode(encoded, "runtime"));
      } catch (error) {
        if (error instanceof DecodeError) return [];
        throw error;
      }
    },
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

/** What an author writes. */
export interface RuntimeDefinition {
  /** As the deployment on chain and the bundle name it; `qanat dev` runs any. */
  readonly version: Version;
  /** Module of the errors that clients see; `runtime` when absent. */
  readonly module?: string;
  /** Most transactions of one batch, 100 when absent; the descriptor on chain must allow as many. */
  readonly maxBatchSize?: number;
  /** By name, called by transactions. */
  readonly methods: Readonly<Record<string, Method>>;
  /** By name, called by queries; what they write is dropped. */
  readonly queries?: Readonly<Record<string, Method>>;
  /** Learn what became of messages to the consensus layer, first thing in a round. */
  readonly resultHandlers?: readonly AnyResultHandler[];
  /** Runs once per round, after the results of messages, before incoming messages and transactions. */
  readonly beginBlock?: (ctx: BatchContext) => void;
  /**
   * Takes a message that came by way of the consensus layer. Its tokens and fee are on the runtime's account already,
   * whatever happens here; a refusal undoes only what was written. Without it the message's data is executed as a
   * transaction.
   */
  readonly incoming?: (ctx: CallContext, message: IncomingMessage) => void;
  /** Most incoming messages that one round takes; all that wait when absent. */
  readonly maxIncomingMessages?: number;
  /** Runs once per round, after the last transaction. */
  readonly endBlock?: (ctx: BatchContext) => void;
  /**
   * Opens a transaction, checking its signature if it has one: `openSignedCall` for signed calls. When absent, the sender
   * is whatever the transaction says, for tests only. Throws DecodeError for one that is malformed.
   */
  readonly decodeCall?: (transaction: Uint8Array, target: CallTarget) => Call;
  /** Further check of a call before it enters the pool; returns its priority. Throws Refusal. */
  readonly checkTx?: (ctx: CallContext, call: Call) => bigint;
  /** Whether a refused call keeps what it has written and sent; its nonce is used up in any case. */
  readonly keepRefused?: boolean;
  /** By name, called by the node itself and never by transactions: what they do is no part of the replicated state. */
  readonly localMethods?: Readonly<Record<string, LocalMethod>>;
  /** What the runtime is told between its batches; what is done then is no part of the replicated state either. */
  readonly observe?: Observers;
  /** A block from which on the consensus layer is verified; without it the host is believed. */
  readonly trustRoot?: TrustRoot | undefined;
}

/** A runtime that a host can run. */
export interface RuntimeProgram extends Required<Omit<RuntimeDefinition, "incoming" | "trustRoot">> {
  readonly incoming: RuntimeDefinition["incoming"];
  readonly trustRoot: TrustRoot | undefined;
}

const DEFAULT_MAX_BATCH_SIZE = 100;

/**
 * Defines a runtime: a deterministic program that every member of a committee runs over the same transactions and state
 * with the same result. Its code must not look at clocks, random numbers or anything else but its arguments.
 *
 * @throws AssertionFailure when the largest batch is not a positive integer, or two result handlers have one name
 */
export function defineRuntime(definition: RuntimeDefinition): RuntimeProgram {
  const maxBatchSize = definition.maxBatchSize ?? DEFAULT_MAX_BATCH_SIZE;
  assert(Number.isSafeInteger(maxBatchSize) && maxBatchSize > 0, "maxBatchSize must be a positive integer.");
  const resultHandlers = definition.resultHandlers ?? [];
  resultHandlers.forEach(({ name }, i) => {
    const first = resultHandlers.findIndex((other) => other.name === name);
    assert(first === i, `two result handlers are named "${name}"`);
  });
  return {
    version: definition.version,
    module: definition.module ?? "runtime",
    maxBatchSize,
    methods: definition.methods,
    queries: definition.queries ?? {},
    resultHandlers,
    beginBlock: definition.beginBlock ?? (() => undefined),
    incoming: definition.incoming,
    maxIncomingMessages: definition.maxIncomingMessages ?? Number.MAX_SAFE_INTEGER,
    endBlock: definition.endBlock ?? (() => undefined),
    decodeCall: definition.decodeCall ?? ((transaction) => Call.decode(transaction, "runtime")),
    checkTx: definition.checkTx ?? (() => 0n),
    keepRefused: definition.keepRefused ?? false,
    localMethods: definition.localMethods ?? {},
    observe: definition.observe ?? {},
    trustRoot: definition.trustRoot,
  };
}
