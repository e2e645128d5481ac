/** What stake is needed for and what it is lost for; runtime descriptors use these too (staking: types). */
import { Quantity } from "#common/quantity.js";
import { enumeration, type Schema, struct, u64 } from "#common/schema/index.js";

/** Purposes that need escrowed stake. */
export const THRESHOLD_ENTITY = 0;
export const THRESHOLD_NODE_VALIDATOR = 1;
export const THRESHOLD_NODE_COMPUTE = 2;
export const THRESHOLD_NODE_OBSERVER = 3;
export const THRESHOLD_NODE_KEY_MANAGER = 4;
export const THRESHOLD_RUNTIME_COMPUTE = 5;
export const THRESHOLD_RUNTIME_KEY_MANAGER = 6;
export const THRESHOLD_KEY_MANAGER_CHURP = 7;
/** Of storage committees, an extension. */
export const THRESHOLD_NODE_STORAGE = 8;

export type ThresholdKind = number;
export const ThresholdKind: Schema<number> = enumeration(
  "ThresholdKind",
  {
    entity: THRESHOLD_ENTITY,
    "node-validator": THRESHOLD_NODE_VALIDATOR,
    "node-compute": THRESHOLD_NODE_COMPUTE,
    "node-observer": THRESHOLD_NODE_OBSERVER,
    "node-keymanager": THRESHOLD_NODE_KEY_MANAGER,
    "runtime-compute": THRESHOLD_RUNTIME_COMPUTE,
    "runtime-keymanager": THRESHOLD_RUNTIME_KEY_MANAGER,
    "keymanager-churp": THRESHOLD_KEY_MANAGER_CHURP,
  },
  { max: Number.MAX_SAFE_INTEGER, extensions: { "node-storage": THRESHOLD_NODE_STORAGE } },
);

/** Misbehaviour that is punished. */
export const SLASH_CONSENSUS_EQUIVOCATION = 0x00;
export const SLASH_CONSENSUS_LIGHT_CLIENT_ATTACK = 0x04;
export const SLASH_RUNTIME_INCORRECT_RESULTS = 0x80;
export const SLASH_RUNTIME_EQUIVOCATION = 0x81;
export const SLASH_RUNTIME_LIVENESS = 0x82;
/** Of storage committees, an extension: a storage node did not prove that it has what it signed for. */
export const SLASH_RUNTIME_STORAGE_UNAVAILABLE = 0x83;

export type SlashReason = number;
export const SlashReason: Schema<number> = enumeration(
  "SlashReason",
  {
    "consensus-equivocation": SLASH_CONSENSUS_EQUIVOCATION,
    "consensus-light-client-attack": SLASH_CONSENSUS_LIGHT_CLIENT_ATTACK,
    "runtime-incorrect-results": SLASH_RUNTIME_INCORRECT_RESULTS,
    "runtime-equivocation": SLASH_RUNTIME_EQUIVOCATION,
    "runtime-liveness": SLASH_RUNTIME_LIVENESS,
  },
  { extensions: { "runtime-storage-unavailable": SLASH_RUNTIME_STORAGE_UNAVAILABLE } },
);

/** The penalty for one reason: an amount, and epochs during which the node stays frozen. */
export class Slash extends struct("Slash", { amount: Quantity, freezeInterval: u64 }) {}
