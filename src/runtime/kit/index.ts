/** What authors of runtimes import, as `qanat/runtime`. */
export { fromHex, fromUtf8, toHex, u64be, utf8 } from "#common/bytes.js";
export {
  bool,
  bytes,
  list,
  map,
  nullable,
  omitEmpty,
  optional,
  struct,
  text,
  tuple,
  u16,
  u32,
  u64,
  u8,
} from "#common/schema/index.js";
export { Call } from "./call.js";
export { BatchContext, CallContext } from "./context.js";
export {
  defineRuntime,
  type Method,
  method,
  type MethodDefinition,
  noArguments,
  type RuntimeDefinition,
  type RuntimeProgram,
} from "./define-runtime.js";
export { Dispatcher } from "./dispatcher.js";
export type { HostPort } from "./host-port.js";
export { Refusal, refuse } from "./refusal.js";
export { StateStore } from "./state.js";
