/** Changes of parameters by vote, as the services see them (governance: change parameters). */
import { FRAME_BYTES } from "#common/limits.js";
import { raw, struct, text } from "#common/schema/index.js";
import { defineTopic } from "../../../app/topics.js";

/** Changes for one module; their form is the module's own. */
export class ChangeParametersProposal extends struct("ChangeParametersProposal", {
  module: text({ max: FRAME_BYTES }),
  changes: raw,
}) {}

/**
 * Asks the services whether changes are acceptable. A service answers true for its own module, undefined for any
 * other, and throws when the changes are not acceptable.
 */
export const validateParameterChanges = defineTopic<ChangeParametersProposal, true>("validate parameter changes");

/** Asks the services to make accepted changes; answers as above. */
export const changeParameters = defineTopic<ChangeParametersProposal, true>("change parameters");
