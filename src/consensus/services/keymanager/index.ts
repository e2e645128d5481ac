import { defineService } from "../../app/define-service.js";
import { beginBlock } from "./block.js";
import { APP_NAME, MODULE_NAME } from "./errors.js";
import { genesis } from "./genesis.js";
import type { KeyManagerGenesis } from "./params.js";
import { churpCreateTransaction, churpUpdateTransaction } from "./transactions/churp-configure.js";
import { churpApplyTransaction, churpConfirmTransaction } from "./transactions/churp-handoff.js";
import { publishEphemeralSecretTransaction, publishMasterSecretTransaction } from "./transactions/publish-secrets.js";
import { updatePolicyTransaction } from "./transactions/update-policy.js";

/** Key managers: who keeps the secrets of confidential runtimes. */
export const keymanager = defineService<KeyManagerGenesis>({
  name: MODULE_NAME,
  appName: APP_NAME,
  priority: () => 50_000n,
  transactions: [
    updatePolicyTransaction,
    publishMasterSecretTransaction,
    publishEphemeralSecretTransaction,
    churpCreateTransaction,
    churpUpdateTransaction,
    churpApplyTransaction,
    churpConfirmTransaction,
  ],
  genesis,
  beginBlock,
});
