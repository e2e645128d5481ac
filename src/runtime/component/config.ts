/** What a component wants to be told about (runtime host protocol: local endpoints). */
import { bool, bytes, list, omitEmpty, struct } from "#common/schema/index.js";
import { MAX_TAG_KEY_BYTES } from "../transaction/artifacts.js";

/** Most tags that a component can follow. */
const MAX_TAGS = 1024;

/** Blocks of the runtime, and events by the keys of their tags. */
export class Notifications extends struct("Notifications", {
  blocks: omitEmpty(bool),
  events: omitEmpty(list(bytes({ max: MAX_TAG_KEY_BYTES }), { max: MAX_TAGS })),
}) {}

/** The answer of a component to the query for its configuration. */
export class ComponentConfig extends struct("Config", { notifications: omitEmpty(Notifications) }) {}

/** The query for it: it has no block to look at. */
export const CONFIG_QUERY = "rofl.GetConfig";
