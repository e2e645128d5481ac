/** Parameters, gas operations and what governance may change of them (root hash: parameters). */
import { unknown } from "#common/errors/index.js";
import { Hash } from "#common/hash.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import {
  bool,
  extension,
  list,
  map,
  named,
  nullable,
  omitEmpty,
  optional,
  struct,
  u32,
  u64,
} from "#common/schema/index.js";
import type { Context, DebugSwitches } from "../../app/context.js";
import { GasCostTable } from "../../app/parameters.js";
import { sharedCell } from "../../app/table.js";
import type { GasCosts } from "../../transaction/gas.js";
import type { Runtime } from "../registry/types/runtime.js";
import { rootHashErrors } from "./errors.js";
import { OpenChallenge } from "./types/challenges.js";
import { MessageEvent } from "./types.js";

export const GAS_COMPUTE_COMMIT = "compute_commit";
/** Of storage committees, an extension; the first one is charged per receipt of a commitment. */
export const GAS_STORAGE_RECEIPT = "storage_receipt";
export const GAS_STORAGE_CHALLENGE = "storage_challenge";
export const GAS_STORAGE_RESPONSE = "storage_response";
export const GAS_EVIDENCE = "evidence";
export const GAS_SUBMIT_MESSAGE = "submit_msg";

export class RootHashParameters extends struct("RootHashParameters", {
  gasCosts: omitEmpty(GasCostTable),
  debugDoNotSuspendRuntimes: omitEmpty(bool),
  debugBypassStake: omitEmpty(bool),
  /** Most messages that a runtime may emit in a round. */
  maxRuntimeMessages: u32,
  /** Most messages that may wait for a runtime. */
  maxIncomingMessages: named("max_in_runtime_messages", u32),
  /** Rounds. */
  maxEvidenceAge: u64,
  /** Rounds per runtime whose roots are kept; 0 keeps none. */
  maxPastRootsStored: omitEmpty(u64),
}) {}

/** State that a runtime has at genesis. */
export class GenesisRuntimeState extends struct("GenesisRuntimeState", {
  stateRoot: Hash,
  round: u64,
  messageResults: omitEmpty(list(nullable(MessageEvent), { max: FRAME_ELEMENTS })),
}) {}

/** Section `roothash` of the genesis document. */
export class RootHashGenesis extends struct("RootHashGenesis", {
  params: RootHashParameters,
  runtimeStates: omitEmpty(map(Namespace, nullable(GenesisRuntimeState), { max: FRAME_ELEMENTS })),
  /** Challenges that are open; each begins anew. */
  storageChallenges: extension(optional(list(OpenChallenge, { min: 1, max: FRAME_ELEMENTS }))),
}) {}

/** What governance may change; null or undefined leaves a parameter as it is. */
export class RootHashParameterChanges extends struct("RootHashParameterChanges", {
  gasCosts: omitEmpty(nullable(GasCostTable)),
  maxRuntimeMessages: nullable(u32),
  maxIncomingMessages: named("max_in_runtime_messages", nullable(u32)),
  maxEvidenceAge: nullable(u64),
  maxPastRootsStored: optional(u64),
}) {}

/** Parameters in the current state. */
export const rootHashParameters = sharedCell(0x21, RootHashParameters);

/** Gas prices in the current state. */
export function gasCosts(ctx: Context): GasCosts {
  return rootHashParameters.load(ctx.state).gasCosts;
}

/**
 * Checks parameters that are about to count.
 * @throws CodedError unknown/1 when a debug flag is set outside of development chains
 */
export function checkParameters(params: RootHashParameters, debug: DebugSwitches): void {
  const unsafe = params.debugDoNotSuspendRuntimes || params.debugBypassStake;
  if (unsafe && !debug.dontBlameOasis) throw unknown("roothash: one or more unsafe debug flags set");
}

/**
 * The parameters after a governance proposal.
 * @throws CodedError unknown/1 for a proposal that changes nothing
 */
export function changedParameters(params: RootHashParameters, changes: RootHashParameterChanges): RootHashParameters {
  const { gasCosts, maxRuntimeMessages, maxIncomingMessages, maxEvidenceAge, maxPastRootsStored } = changes;
  const given = [gasCosts, maxRuntimeMessages, maxIncomingMessages, maxEvidenceAge, maxPastRootsStored ?? null];
  if (given.every((change) => change === null)) {
    throw unknown("roothash: consensus parameter changes should not be empty");
  }
  return {
    ...params,
    gasCosts: gasCosts ?? params.gasCosts,
    maxRuntimeMessages: maxRuntimeMessages ?? params.maxRuntimeMessages,
    maxIncomingMessages: maxIncomingMessages ?? params.maxIncomingMessages,
    maxEvidenceAge: maxEvidenceAge ?? params.maxEvidenceAge,
    maxPastRootsStored: maxPastRootsStored ?? params.maxPastRootsStored,
  };
}

/**
 * Checks what a runtime demands of this service.
 * @throws CodedError roothash/7 and roothash/13 when it wants more messages than the network allows, roothash/1 when its
 *   storage nodes could be challenged for rounds whose roots the network does not keep
 */
export function checkRuntime(runtime: Runtime, params: RootHashParameters): void {
  if (runtime.executor.maxMessages > params.maxRuntimeMessages) throw rootHashErrors.maxMessagesTooBig();
  if (runtime.txnScheduler.maxInMessages > params.maxIncomingMessages) throw rootHashErrors.maxIncomingMessagesTooBig();
  const age = runtime.storage.committee?.challenge?.maxAgeRounds ?? 0n;
  if (age > params.maxPastRootsStored) {
    throw rootHashErrors.invalidArgument(
      `storage challenges of ${age} rounds, of which ${params.maxPastRootsStored} are kept`,
    );
  }
}
