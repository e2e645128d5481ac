import { type CodedError, DecodeError, type ErrorFactory } from "#common/errors/index.js";
import type { Schema } from "#common/schema/index.js";
import type { GasCosts } from "../transaction/gas.js";
import type { ValidatorUpdate } from "../transaction/results.js";
import type { Context, DebugSwitches, EpochSource } from "./context.js";
import type { Subscription } from "./dispatch.js";
import type { Transaction } from "../transaction/transaction.js";

/** One method of a service, without the type of its body. */
export interface TransactionMethod {
  readonly method: string;
  readonly gasOp: string | null;
  /** Type of the body. */
  readonly body: Schema<unknown>;
  readonly inCheckTx: "accept" | "run";
  readonly inSimulation: "stop" | "run";
  /** Whether the chain has the method; one that it does not have counts as unknown. Absent means yes. */
  readonly enabled: ((ctx: Context) => boolean) | undefined;
  /** Decodes the body and runs the method; see `defineTransaction` for the order of steps. */
  run(ctx: Context, body: Uint8Array): void;
}

/** What a service file of a method declares. */
export interface TransactionDefinition<B> {
  readonly method: string;
  readonly body: Schema<B>;
  /** Error of a body that does not decode. */
  readonly invalidBody: ErrorFactory | ((reason: string) => CodedError);
  /** Whether the chain has the method, if an extension brings it: to v26.1 it is an unknown one. */
  readonly enabled?: (ctx: Context) => boolean;
  /** Whether the chain knows the fields that an extension adds to the body; to v26.1 they are unknown ones. */
  readonly extended?: (ctx: Context) => boolean;
  /** Gas operation charged once before `execute`, or null when the method charges by itself. */
  readonly gasOp: string | null;
  /** The service's gas prices in the current state; needed where gasOp is set. */
  readonly gasCosts?: (ctx: Context) => GasCosts;
  /** "accept": the pool's check ends before gas is charged; "run": it goes through everything. */
  readonly inCheckTx: "accept" | "run";
  /** Whether simulation ends after gas ("stop", the rule) or runs everything ("run"). */
  readonly inSimulation?: "stop" | "run";
  /** Checks that come first of all, in the pool's check too. */
  readonly before?: (ctx: Context, body: B) => void;
  readonly execute: (ctx: Context, body: B) => void;
}

/**
 * Declares a transaction method. Steps: decode the body, `before`, leave early in CheckTx, charge gas, leave early in
 * simulation, `execute`. The order is consensus: codes and gas used are hashed into the next header.
 */
export function defineTransaction<B>(definition: TransactionDefinition<B>): TransactionMethod {
  const { body: schema, invalidBody, gasOp, gasCosts } = definition;
  const decode = (ctx: Context, raw: Uint8Array): B => {
    const mode = definition.extended?.(ctx) === true ? "extended" : "untrusted";
    try {
      // An absent body decodes to the zero value, as a nil slice does in the reference.
      return raw.length === 0 ? schema.zero() : schema.decode(raw, mode);
    } catch (error) {
      if (error instanceof DecodeError) throw invalidBody(error.message);
      throw error;
    }
  };
  return {
    method: definition.method,
    gasOp,
    body: schema as Schema<unknown>,
    inCheckTx: definition.inCheckTx,
    inSimulation: definition.inSimulation ?? "stop",
    enabled: definition.enabled,
    run(ctx, raw) {
      const body = decode(ctx, raw);
      definition.before?.(ctx, body);
      if (definition.inCheckTx === "accept" && ctx.isCheckTx) return;
      if (gasOp !== null && gasCosts !== undefined) ctx.gas.use(1n, gasOp, gasCosts(ctx));
      if (definition.inSimulation !== "run" && ctx.isSimulation) return;
      definition.execute(ctx, body);
    },
  };
}

/** What genesis hooks see of the document besides their own section. */
export interface GenesisScope {
  readonly height: bigint;
  /** The engine's first validator set. */
  readonly validators: readonly ValidatorUpdate[];
  /** Section of another service, by its name. */
  section(name: string): unknown;
}

/** What a check of a genesis document sees, and where it reports. */
export interface GenesisCheck {
  readonly baseEpoch: bigint;
  readonly debug: DebugSwitches;
  /** Keys that nobody may use. */
  readonly publicKeyBlacklist: readonly Uint8Array[];
  /** Section of another service, by its name. */
  section(name: string): unknown;
  /** Reports a field, named from the service's section on, e.g. `params.interval`. */
  refuse(field: string, reason: string): void;
  /** Reports a field if `body` throws a CodedError or InvalidInput; for checks that transactions share. */
  attempt(field: string, body: () => void): void;
}

/** Genesis slot of a service. */
export interface GenesisHooks<G> {
  /** Looks for what no network should start with, beyond what `initChain` refuses. Reports all it finds. */
  check?(genesis: G, document: GenesisCheck): void;
  /** Writes the section into the state; throws for a document that cannot be started. */
  initChain(ctx: Context, genesis: G, document: GenesisScope): void;
  /** Reads the section back out of a state (export), if the service can. */
  toGenesis?(ctx: Context): G;
}

/** Checks a signer and takes the fee (staking's duty). */
export interface AuthHandler {
  authenticate(ctx: Context, tx: Transaction): void;
  /** After a successful CheckTx: deducts fee and nonce in the check state. */
  afterCheck(ctx: Context, tx: Transaction): void;
}

/** A service of the consensus layer. A missing slot is fine. */
export interface ServiceDefinition<G> {
  /** Name of the service and of its genesis section. */
  readonly name: string;
  /** Name with the order prefix, as it appears in event types. */
  readonly appName: string;
  /** Pool priority of a method. */
  readonly priority: (method: string) => bigint;
  readonly transactions: readonly TransactionMethod[];
  readonly genesis?: GenesisHooks<G>;
  readonly enabled?: (ctx: Context) => boolean;
  readonly beginBlock?: (ctx: Context) => void;
  /** May return validator updates (the scheduler does). */
  readonly endBlock?: (ctx: Context) => readonly ValidatorUpdate[] | void;
  readonly messages?: readonly Subscription[];
  readonly auth?: AuthHandler;
  readonly epochs?: EpochSource;
}

/** A service as the application runs it. */
export type Service = ServiceDefinition<never>;

/** Assembles a service from its slots. */
export function defineService<G>(definition: ServiceDefinition<G>): Service {
  return definition as unknown as Service;
}
