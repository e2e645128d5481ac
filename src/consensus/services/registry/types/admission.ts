/** Which nodes may register for a runtime (registry: descriptors). */
import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { RolesMask } from "#common/node-roles.js";
import { map, nullable, omitEmpty, optional, struct, u16 } from "#common/schema/index.js";

/** Every node may register. */
export class AnyNodePolicy extends struct("AnyNodePolicy", {}) {}

/** Most nodes per role; no entry at all means no limit, otherwise a missing role means none. */
export class EntityWhitelistConfig extends struct("EntityWhitelistConfig", {
  maxNodes: omitEmpty(map(RolesMask, u16, { max: FRAME_ELEMENTS })),
}) {}

export class EntityWhitelistPolicy extends struct("EntityWhitelistPolicy", {
  entities: nullable(map(PublicKey, EntityWhitelistConfig, { max: FRAME_ELEMENTS })),
}) {}

/** Most nodes in one role; 0 means no limit. */
export class EntityWhitelistRoleConfig extends struct("EntityWhitelistRoleConfig", { maxNodes: omitEmpty(u16) }) {}

export class EntityWhitelistRolePolicy extends struct("EntityWhitelistRolePolicy", {
  entities: nullable(map(PublicKey, EntityWhitelistRoleConfig, { max: FRAME_ELEMENTS })),
}) {}

export class PerRolePolicy extends struct("PerRolePolicy", {
  entityWhitelist: optional(EntityWhitelistRolePolicy),
}) {}

export class RuntimeAdmissionPolicy extends struct("RuntimeAdmissionPolicy", {
  anyNode: optional(AnyNodePolicy),
  entityWhitelist: optional(EntityWhitelistPolicy),
  /** A present but empty map counts as given. */
  perRole: omitEmpty(nullable(map(RolesMask, PerRolePolicy, { max: FRAME_ELEMENTS }))),
}) {}
