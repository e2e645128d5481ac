import { defineService } from "../../app/define-service.js";
import { beginBlock, endBlock } from "./block/index.js";
import { APP_NAME } from "./errors.js";
import { genesis } from "./genesis.js";
import { messages } from "./messages.js";
import type { SchedulerGenesis } from "./params.js";

/** Elections of validators and committees. */
export const scheduler = defineService<SchedulerGenesis>({
  name: "scheduler",
  appName: APP_NAME,
  priority: () => 0n,
  transactions: [],
  genesis,
  beginBlock,
  endBlock,
  messages,
});
