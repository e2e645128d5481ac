import { optional, struct, u16 } from "#common/schema/index.js";
import { defineTopic } from "../../../app/topics.js";
import { Runtime } from "./runtime.js";

/** What a runtime asks of this service. */
export class RegistryMessage extends struct("RegistryMessage", { v: u16, updateRuntime: optional(Runtime) }) {}

/** A message of a runtime, sent by the root hash service with the runtime as caller; answer: the encoded result. */
export const runtimeRegistryMessage = defineTopic<RegistryMessage, Uint8Array>("runtime message: registry");
