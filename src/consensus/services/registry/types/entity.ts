/** Entities: who controls nodes and runtimes (registry: descriptors). */
import { PublicKey } from "#common/crypto/keys.js";
import { DecodeError } from "#common/errors/index.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { bool, list, omitEmpty, struct, u16, versionOf, withForms } from "#common/schema/index.js";

/** Version of descriptors that are written today. */
export const ENTITY_VERSION = 2;

const EntityV2 = struct("Entity", {
  v: u16,
  id: PublicKey,
  nodes: omitEmpty(list(PublicKey, { max: FRAME_ELEMENTS })),
});

class EntityV1 extends struct("Entity", {
  v: u16,
  id: PublicKey,
  nodes: omitEmpty(list(PublicKey, { max: FRAME_ELEMENTS })),
  allowEntitySignedNodes: omitEmpty(bool),
}) {}

/** An entity descriptor. Version 1 blobs are read as version 2. */
export class Entity extends withForms(EntityV2, {
  read(r) {
    const item = r.readRaw();
    const version = versionOf(item);
    if (version === 2) return EntityV2.decode(item);
    if (version !== 1) throw new DecodeError(`invalid entity descriptor version ${version ?? "(none)"}`);
    const old = EntityV1.decode(item);
    if (old.allowEntitySignedNodes) throw new DecodeError("allow_entity_signed_nodes must be false");
    return { v: ENTITY_VERSION, id: old.id, nodes: old.nodes };
  },
}) {}
