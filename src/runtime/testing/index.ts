/** What authors test their runtimes with, as `qanat/runtime/testing`. */
export { LocalRuntime, type LocalRuntimeOptions, type RoundInput, type RoundOutcome } from "./local-runtime.js";
