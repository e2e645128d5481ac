/** Calls of the node into its runtime that leave no trace in the replicated state (runtime host protocol: local RPC). */
import { DecodeError } from "#common/errors/index.js";
import { raw, type Schema, struct, text, unionOf } from "#common/schema/index.js";
import type { ServiceEvent } from "#consensus/rpc.js";
import { dispatcherErrors } from "../rhp/errors.js";
import { CallOutput } from "./call.js";
import type { ConsensusClient, EventSource } from "./consensus-client.js";
import type { ConsensusState } from "./consensus-state.js";
import type { HostAsk } from "./host-port.js";
import { Refusal, refuse } from "./refusal.js";

/** What the node asks. */
export class LocalRequest extends struct("LocalRequest", { method: text({ max: 1024 }), args: raw }) {}

class LocalResponse extends struct("LocalResponse", { body: CallOutput }) {}

/** What it is answered. */
export const LocalAnswer = unionOf("LocalAnswer", { Response: LocalResponse });

/** What a local call works with. Nothing of it may find its way into a batch: other members have other hosts. */
export class LocalContext {
  constructor(
    /** Identifier of this runtime, 32 bytes. */
    readonly runtimeId: Uint8Array,
    /** Asks the host for anything. */
    readonly ask: HostAsk,
    private readonly client: ConsensusClient,
  ) {}

  /**
   * The newest state of the consensus layer that is known; verified in a runtime with a trust root.
   *
   * @throws CodedError verifier
   */
  get consensus(): ConsensusState {
    return this.client.latestState;
  }

  /** The newest height of the consensus layer that is known. @throws CodedError verifier */
  get consensusHeight(): bigint {
    return this.client.latestHeight;
  }

  /** The state of the consensus layer after a block. @throws CodedError verifier, when the host does not have it */
  consensusAfter(height: bigint): ConsensusState {
    return this.client.stateAfter(height);
  }

  /** What happened in a block of the consensus layer; nobody can prove it. @throws CodedError of the host */
  consensusEvents(source: EventSource, height: bigint): readonly ServiceEvent[] {
    return this.client.eventsAt(height, source);
  }

  /** The public key of the node, 32 bytes. */
  get nodeId(): Uint8Array {
    return this.ask("HostIdentityRequest", {}).nodeId;
  }

  /** What this node keeps for the runtime under a key; nobody vouches for it. @throws CodedError for an empty key */
  load(key: Uint8Array): Uint8Array | undefined {
    const { value } = this.ask("HostLocalStorageGetRequest", { key });
    return value === null || value.length === 0 ? undefined : value;
  }

  /** Has the node keep something; nothing empty. @throws CodedError for an empty key */
  store(key: Uint8Array, value: Uint8Array): void {
    this.ask("HostLocalStorageSetRequest", { key, value });
  }
}

/** What an author writes. */
export interface LocalMethodDefinition<A, R> {
  /** Type of the arguments; `noArguments` when there are none. */
  readonly args: Schema<A>;
  /** Type of the result; `noArguments` when there is none. */
  readonly result: Schema<R>;
  /** Carries the call out. */
  readonly execute: (ctx: LocalContext, args: A) => R;
}

/** A method whose argument and result types are hidden behind their encodings. */
export interface LocalMethod {
  /** The encoded result. Throws Refusal. */
  call(ctx: LocalContext, args: Uint8Array): Uint8Array;
}

/** Declares a method that only the node itself calls. */
export function localMethod<A, R>({ args, result, execute }: LocalMethodDefinition<A, R>): LocalMethod {
  return {
    call(ctx, encoded) {
      return result.encode(execute(ctx, decodeArguments(args, encoded)));
    },
  };
}

function decodeArguments<A>(schema: Schema<A>, encoded: Uint8Array): A {
  try {
    return schema.decode(encoded, "runtime");
  } catch (error) {
    if (error instanceof DecodeError) return refuse("malformed call arguments");
    throw error;
  }
}

/** Answers calls into a runtime that is in no enclave: those that only its node makes, and that it has no others. */
export class RuntimeCalls {
  constructor(
    private readonly methods: Readonly<Record<string, LocalMethod>>,
    private readonly context: () => LocalContext,
  ) {}

  /**
   * Answers a call of the node.
   *
   * @throws CodedError when the request cannot be read
   */
  answerLocal(encoded: Uint8Array): Uint8Array {
    const { method, args } = requestIn(encoded);
    return LocalAnswer.encode({ type: "Response", value: { body: this.local(method, args) } });
  }

  /**
   * Answers a call that anybody may have made, in plain text.
   *
   * @throws CodedError when the request cannot be read
   */
  answerInsecure(encoded: Uint8Array): Uint8Array {
    const { method } = requestIn(encoded);
    const isLocal = this.find(method) !== undefined;
    const value = isLocal ? `invalid RPC kind: "${method}" (InsecureQuery)` : unknownMethod(method);
    return LocalResponse.encode({ body: { type: "Error", value } });
  }

  private find(name: string): LocalMethod | undefined {
    return Object.hasOwn(this.methods, name) ? this.methods[name] : undefined;
  }

  private local(name: string, args: Uint8Array): LocalResponse["body"] {
    const found = this.find(name);
    if (found === undefined) return { type: "Error", value: unknownMethod(name) };
    try {
      return { type: "Success", value: found.call(this.context(), args) };
    } catch (error) {
      if (error instanceof Refusal) return { type: "Error", value: error.message };
      throw error;
    }
  }
}

const unknownMethod = (name: string): string => `method not found: "${name}"`;

function requestIn(encoded: Uint8Array): LocalRequest {
  try {
    return LocalRequest.decode(encoded, "runtime");
  } catch (error) {
    if (error instanceof DecodeError) throw dispatcherErrors.malformedRequest();
    throw error;
  }
}
