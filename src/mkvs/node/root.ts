/** Roots: which tree is meant (mkvs: root). */
import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH, Hash } from "#common/hash.js";
import { Namespace } from "#common/namespace.js";
import { enumeration, named, struct, u64 } from "#common/schema/index.js";

/** A runtime's or the consensus layer's state; each version follows the one before. */
export const ROOT_STATE = 1;
/** Inputs and outputs of one runtime round; never has a successor. */
export const ROOT_IO = 2;

/** Types of trees. 0 is no type; it decodes, so that whoever uses the root can refuse it. */
export const RootType = enumeration("RootType", { invalid: 0, state: ROOT_STATE, io: ROOT_IO }, { json: "numbers" });

/** A tree: namespace, version, type and hash of its root node. */
export class Root extends struct("Root", {
  namespace: named("ns", Namespace),
  version: u64,
  type: named("root_type", RootType),
  hash: Hash,
}) {}

/** Whether the tree is empty. */
export function isEmptyRoot(root: Root): boolean {
  return equalBytes(root.hash, EMPTY_HASH);
}

/** Whether a root may have been made from another: same namespace and type, the same version or the next. */
export function rootFollows(root: Root, old: Root): boolean {
  return (
    root.type === old.type &&
    equalBytes(root.namespace, old.namespace) &&
    (root.version === old.version || root.version === old.version + 1n)
  );
}
