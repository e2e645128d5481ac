import { defineService } from "../../app/define-service.js";
import { beginBlock, endBlock } from "./block/index.js";
import { APP_NAME, MODULE_NAME } from "./errors.js";
import { genesis } from "./genesis.js";
import { messages } from "./messages.js";
import type { RootHashGenesis } from "./params.js";
import { evidenceTransaction } from "./transactions/evidence.js";
import { executorCommitTransaction } from "./transactions/executor-commit.js";
import { storageChallengeTransaction } from "./transactions/storage-challenge.js";
import { storageResponseTransaction } from "./transactions/storage-response.js";
import { submitMessageTransaction } from "./transactions/submit-message.js";

/** Blocks of runtimes: commitments to them, their decision, and messages from and to runtimes. */
export const roothash = defineService<RootHashGenesis>({
  name: MODULE_NAME,
  appName: APP_NAME,
  priority: () => 15_000n,
  transactions: [
    executorCommitTransaction,
    evidenceTransaction,
    submitMessageTransaction,
    storageChallengeTransaction,
    storageResponseTransaction,
  ],
  genesis,
  beginBlock,
  endBlock,
  messages,
});
