import { defineService } from "../../app/define-service.js";
import { beginBlock, endBlock } from "./block/index.js";
import { APP_NAME } from "./events.js";
import { genesis } from "./genesis.js";
import { messages } from "./messages.js";
import { addEscrow } from "./transactions/add-escrow.js";
import { allow } from "./transactions/allow.js";
import { amendCommissionSchedule } from "./transactions/amend-commission-schedule.js";
import { auth } from "./transactions/authenticate.js";
import { burn } from "./transactions/burn.js";
import { reclaimEscrow } from "./transactions/reclaim-escrow.js";
import { transfer } from "./transactions/transfer.js";
import { withdraw } from "./transactions/withdraw.js";
import type { StakingGenesis } from "./types/index.js";

/** Tokens: accounts, delegations, fees, rewards and slashing. */
export const staking = defineService<StakingGenesis>({
  name: "staking",
  appName: APP_NAME,
  priority: () => 1000n,
  transactions: [transfer, burn, addEscrow, reclaimEscrow, amendCommissionSchedule, allow, withdraw],
  genesis,
  beginBlock,
  endBlock,
  messages,
  auth,
});
