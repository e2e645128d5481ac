/** What an application may have to tell apart when it believes nobody. */
export { CodedError, DecodeError } from "#common/errors/index.js";
export { RpcError } from "#common/rpc/index.js";
export { VerificationError, type VerificationReason } from "#consensus/block/verification-error.js";
export { LightClientAttack } from "#consensus/light/attack.js";
export {
  LightClientError,
  type LightClientProblem,
  ProviderError,
  type ProviderProblem,
} from "#consensus/light/errors.js";
