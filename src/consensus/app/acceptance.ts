import { type AcceptancePolicy, alsoForbidding, STRICT_POLICY, TEST_KEYS_POLICY } from "#common/crypto/signature.js";
import type { DebugSwitches } from "./context.js";

/**
 * Which keys may sign on a chain with these node flags.
 * @param blacklist keys that the genesis document forbids, 32 bytes each (consensus: `public_key_blacklist`)
 */
export function acceptancePolicy(debug: DebugSwitches, blacklist: readonly Uint8Array[] = []): AcceptancePolicy {
  const policy = debug.dontBlameOasis && debug.allowTestKeys ? TEST_KEYS_POLICY : STRICT_POLICY;
  return blacklist.length === 0 ? policy : alsoForbidding(policy, blacklist);
}
