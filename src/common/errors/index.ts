export { CodedError, type ErrorFactory, UNKNOWN_MODULE, defineErrors, unknown } from "./coded-error.js";
export { DecodeError, Fault, InvalidInput } from "./fault.js";
export { reasonOf } from "./reason.js";
