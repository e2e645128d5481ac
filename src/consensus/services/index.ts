import type { Service } from "../app/define-service.js";
import { beacon } from "./beacon/index.js";
import { governance } from "./governance/index.js";
import { keymanager } from "./keymanager/index.js";
import { registry } from "./registry/index.js";
import { roothash } from "./roothash/index.js";
import { scheduler } from "./scheduler/index.js";
import { staking } from "./staking/index.js";
import { vault } from "./vault/index.js";

/** Services in the order of InitChain, BeginBlock and EndBlock. */
export const EXECUTION_ORDER: readonly Service[] = [
  beacon,
  staking,
  registry,
  scheduler,
  governance,
  vault,
  keymanager,
  roothash,
];

/** Services in the order in which they subscribe to messages. */
export const SUBSCRIPTION_ORDER: readonly Service[] = [
  beacon,
  governance,
  keymanager,
  registry,
  roothash,
  scheduler,
  staking,
  vault,
];
