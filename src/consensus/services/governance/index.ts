import { defineService } from "../../app/define-service.js";
import { beginBlock, endBlock } from "./block.js";
import { MODULE_NAME } from "./errors.js";
import { APP_NAME } from "./events.js";
import { genesis } from "./genesis.js";
import { messages } from "./messages.js";
import { castVote } from "./transactions/cast-vote.js";
import { submitProposal } from "./transactions/submit-proposal.js";
import type { GovernanceGenesis } from "./types.js";

/** Proposals and votes: upgrades and changes of parameters. */
export const governance = defineService<GovernanceGenesis>({
  name: MODULE_NAME,
  appName: APP_NAME,
  priority: () => 25_000n,
  transactions: [submitProposal, castVote],
  genesis,
  beginBlock,
  endBlock,
  messages,
});
