/** What authors of off-chain logic import, as `qanat/runtime/component`; types of values come from `qanat/runtime`. */
export type { AnnotatedBlock, Header } from "#consensus/services/roothash/types.js";
export { LABEL_ATTESTATION_CONTEXT, LabelAttestation } from "#common/tee/label-attestation.js";
export { type ManagerMethod, managers } from "./api.js";
export type { ComponentHost, FoundEvent, IncludedTransaction } from "./component-host.js";
export {
  type ComponentDefinition,
  type ComponentProgram,
  type ComponentQuery,
  componentQuery,
  defineComponent,
  type EventHandler,
  onEvents,
  onTag,
} from "./define-component.js";
