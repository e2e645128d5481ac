/** Roles of a node: a bit mask on the wire, comma-joined words in JSON (common: versions, roles, descriptors). */
import { DecodeError } from "./errors/index.js";
import { define, type Schema, u32 } from "./schema/index.js";

export const ROLE_COMPUTE = 1;
export const ROLE_OBSERVER = 2;
export const ROLE_KEY_MANAGER = 4;
export const ROLE_VALIDATOR = 8;
/** Was the consensus RPC role of version 2 descriptors. */
export const ROLE_CONSENSUS_RPC_V2 = 16;
export const ROLE_STORAGE_RPC = 32;
/** Member of storage committees; an extension, valid only where the chain has them. */
export const ROLE_STORAGE = 64;
/** Bits that must not be set; to v26.1 that of the storage role is one of them. */
export const ROLES_RESERVED = 0xffffff90;

/** Each valid role of v26.1 alone, in the order in which the protocol walks over them. */
export const SINGLE_ROLES: readonly number[] = [
  ROLE_COMPUTE,
  ROLE_OBSERVER,
  ROLE_KEY_MANAGER,
  ROLE_VALIDATOR,
  ROLE_STORAGE_RPC,
];

const WORDS: readonly (readonly [number, string])[] = [
  [ROLE_COMPUTE, "compute"],
  [ROLE_OBSERVER, "observer"],
  [ROLE_KEY_MANAGER, "key-manager"],
  [ROLE_VALIDATOR, "validator"],
  [ROLE_STORAGE_RPC, "storage-rpc"],
  [ROLE_STORAGE, "storage"],
];

/** Whether a mask has at least one of the given roles. */
export function hasRoles(mask: number, roles: number): boolean {
  return (mask & roles) !== 0;
}

/** Whether a mask is exactly one valid role of v26.1. */
export function isSingleRole(mask: number): boolean {
  return SINGLE_ROLES.includes(mask);
}

/** "compute,validator"; a mask with reserved bits has no text of its own. */
export function rolesToText(mask: number): string {
  if (hasRoles(mask, ROLES_RESERVED)) return "[invalid roles]";
  return WORDS.filter(([bit]) => hasRoles(mask, bit))
    .map(([, word]) => word)
    .join(",");
}

/**
 * Parses comma-joined role words, in any order and without spaces.
 *
 * @throws DecodeError on an unknown or repeated word; the empty text is unknown too
 */
export function rolesFromText(text: string): number {
  let mask = 0;
  for (const part of text.split(",")) {
    const bit = WORDS.find(([, word]) => word === part)?.[0];
    if (bit === undefined) throw new DecodeError(`unknown role "${part}"`);
    if (hasRoles(mask, bit)) throw new DecodeError(`duplicate role "${part}"`);
    mask += bit;
  }
  return mask;
}

/** A mask of roles. */
export type RolesMask = number;
export const RolesMask: Schema<number> = define<number>({
  typeName: "RolesMask",
  write: u32.write,
  readValue: u32.read,
  toJson: rolesToText,
  fromJson(json) {
    if (json === null) return 0;
    if (typeof json !== "string") throw new DecodeError("expected role words");
    return rolesFromText(json);
  },
  zero: () => 0,
  isEmpty: (value) => value === 0,
  equals: (a, b) => a === b,
});
