import { on, type Subscription } from "../../app/dispatch.js";
import { upgradeDue } from "../governance/types.js";
import { canCarryOut } from "./block/index.js";

/** Tells governance which upgrades this node goes through. */
export const messages: readonly Subscription[] = [
  on(upgradeDue, (_ctx, descriptor) => (canCarryOut(descriptor) ? true : undefined)),
];
