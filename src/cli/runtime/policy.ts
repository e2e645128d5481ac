/** Who may serve a runtime, what its committees must be like, and what is at stake, from words of the command line. */
import { InvalidInput } from "#common/errors/index.js";
import { rolesFromText } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import type {
  EntityWhitelistConfig,
  EntityWhitelistRoleConfig,
  PerRolePolicy,
  RuntimeAdmissionPolicy,
} from "#consensus/services/registry/types/admission.js";
import type { Runtime, SchedulingConstraints } from "#consensus/services/registry/types/runtime.js";
import { COMMITTEE_EXECUTOR, COMMITTEE_STORAGE, CommitteeRole } from "#consensus/services/scheduler/types.js";
import { type Slash, SlashReason, ThresholdKind } from "#consensus/services/staking/types/thresholds.js";
import { amount, parsed, publicKey, small, split } from "./words.js";

export interface PolicyOptions {
  readonly admitAny?: boolean;
  readonly admit?: readonly string[];
  readonly admitRole?: readonly string[];
  readonly constraint?: readonly string[];
  readonly dropConstraints?: boolean;
  readonly threshold?: readonly string[];
  readonly slash?: readonly string[];
  readonly rewardEquivocation?: number;
  readonly rewardBadResults?: number;
  readonly minInMessageFee?: string;
}

const numberMap = <V>(): SortedMap<number, V> => SortedMap.int<number, V>();

/** `entity` or `entity:role=n,role=n`: any number of nodes, or so many in the roles that are named. */
function whitelist(words: readonly string[]): SortedMap<Uint8Array, EntityWhitelistConfig> {
  const entities = SortedMap.bytes<EntityWhitelistConfig>();
  for (const word of words) {
    const [key, limits] = split(word, ":");
    const maxNodes = numberMap<number>();
    for (const limit of limits?.split(",") ?? []) {
      const [role, most = ""] = split(limit, "=");
      maxNodes.set(
        parsed("--admit", () => rolesFromText(role)),
        small("--admit", most),
      );
    }
    entities.set(publicKey("--admit", key), { maxNodes });
  }
  return entities;
}

/** `role=entity` or `role=entity:n`; `role=any` for a role that is open to all. */
function perRole(words: readonly string[]): SortedMap<number, PerRolePolicy> {
  const roles = numberMap<PerRolePolicy>();
  for (const word of words) {
    const [name, who = ""] = split(word, "=");
    const role = parsed("--admit-role", () => rolesFromText(name));
    if (who === "any") {
      roles.set(role, { entityWhitelist: undefined });
      continue;
    }
    const [key, most] = split(who, ":");
    const before = roles.get(role)?.entityWhitelist?.entities ?? SortedMap.bytes<EntityWhitelistRoleConfig>();
    before.set(publicKey("--admit-role", key), { maxNodes: most === undefined ? 0 : small("--admit-role", most) });
    roles.set(role, { entityWhitelist: { entities: before } });
  }
  return roles;
}

/** The admission policy that the options tell; undefined when they tell none. */
function admission({ admitAny, admit, admitRole }: PolicyOptions): RuntimeAdmissionPolicy | undefined {
  if (admitAny === true) {
    if (admit !== undefined || admitRole !== undefined) {
      throw new InvalidInput("--admit-any", "excludes --admit and --admit-role");
    }
    return { anyNode: {}, entityWhitelist: undefined, perRole: null };
  }
  if (admit === undefined && admitRole === undefined) return undefined;
  return {
    anyNode: undefined,
    entityWhitelist: admit && { entities: whitelist(admit) },
    perRole: admitRole === undefined ? null : perRole(admitRole),
  };
}

const COMMITTEES: Readonly<Record<string, number>> = { executor: COMMITTEE_EXECUTOR, storage: COMMITTEE_STORAGE };

/** Changes one constraint. @param word `validator-set`, `max-nodes=n` or `min-pool-size=n` */
function constrained(before: SchedulingConstraints, word: string): SchedulingConstraints {
  const [name, text = ""] = split(word, "=");
  const limit = (): { limit: number } => ({ limit: small("--constraint", text) });
  if (name === "validator-set") return { ...before, validatorSet: {} };
  if (name === "max-nodes") return { ...before, maxNodes: limit() };
  if (name === "min-pool-size") return { ...before, minPoolSize: limit() };
  throw new InvalidInput("--constraint", `unknown constraint "${name}": validator-set, max-nodes=n, min-pool-size=n`);
}

/** `[committee.]role:constraint`, where the committee is that of executors unless named. */
function constraints(words: readonly string[]): Runtime["constraints"] {
  const kinds: Runtime["constraints"] = numberMap();
  for (const word of words) {
    const [place, what = ""] = split(word, ":");
    const [committee, role] = place.includes(".") ? split(place, ".") : ["executor", place];
    const kind = COMMITTEES[committee];
    if (kind === undefined) throw new InvalidInput("--constraint", `unknown committee "${committee}"`);
    const seat = parsed("--constraint", () => CommitteeRole.fromJson(role ?? ""));
    const roles = kinds.get(kind) ?? numberMap<SchedulingConstraints>();
    const before = roles.get(seat) ?? { validatorSet: undefined, maxNodes: undefined, minPoolSize: undefined };
    roles.set(seat, constrained(before, what));
    kinds.set(kind, roles);
  }
  return kinds;
}

/** `kind=amount` */
function thresholds(words: readonly string[]): SortedMap<number, bigint> {
  const all = numberMap<bigint>();
  for (const word of words) {
    const [kind, text = ""] = split(word, "=");
    all.set(
      parsed("--threshold", () => ThresholdKind.fromJson(kind)),
      amount("--threshold", text),
    );
  }
  return all;
}

/** `reason=amount` or `reason=amount:epochs`, for which the node is frozen. */
function slashing(words: readonly string[]): SortedMap<number, Slash> {
  const all = numberMap<Slash>();
  for (const word of words) {
    const [reason, penalty = ""] = split(word, "=");
    const [text, epochs = "0"] = split(penalty, ":");
    const slash = { amount: amount("--slash", text), freezeInterval: BigInt(small("--slash", epochs)) };
    all.set(
      parsed("--slash", () => SlashReason.fromJson(reason)),
      slash,
    );
  }
  return all;
}

/** A descriptor with the policies that the options tell; what they do not tell stays. */
export function withPolicies(runtime: Runtime, options: PolicyOptions): Runtime {
  const { threshold, slash, rewardEquivocation, rewardBadResults, minInMessageFee } = options;
  const { staking } = runtime;
  const constraintWords = options.dropConstraints === true ? [] : options.constraint;
  return {
    ...runtime,
    admissionPolicy: admission(options) ?? runtime.admissionPolicy,
    constraints: constraintWords === undefined ? runtime.constraints : constraints(constraintWords),
    staking: {
      thresholds: threshold === undefined ? staking.thresholds : thresholds(threshold),
      slashing: slash === undefined ? staking.slashing : slashing(slash),
      rewardEquivocation: rewardEquivocation ?? staking.rewardEquivocation,
      rewardBadResults: rewardBadResults ?? staking.rewardBadResults,
      minInMessageFee:
        minInMessageFee === undefined ? staking.minInMessageFee : amount("--min-in-message-fee", minInMessageFee),
    },
  };
}
