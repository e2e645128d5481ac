/** Descriptors as they are signed, sent and stored (registry: descriptors). */
import { defineContext } from "#common/crypto/signature.js";
import { multiSigned, signed } from "#common/crypto/signed.js";
import { Entity } from "./entity.js";
import { Node } from "./node.js";

export const REGISTER_ENTITY_CONTEXT = defineContext("oasis-core/registry: register entity");
export const REGISTER_NODE_CONTEXT = defineContext("oasis-core/registry: register node");

/** An entity descriptor signed by the entity. */
export class SignedEntity extends signed("SignedEntity", Entity, REGISTER_ENTITY_CONTEXT) {}

/** A node descriptor signed by the node's identity, consensus, VRF, TLS and P2P keys. */
export class MultiSignedNode extends multiSigned("MultiSignedNode", Node, REGISTER_NODE_CONTEXT) {}
