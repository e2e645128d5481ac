/** Upgrades as a node remembers them (upgrade: pending upgrades). */
import { i64, list, struct, u16, u64 } from "#common/schema/index.js";
import { UpgradeDescriptor } from "../governance/types.js";

const MAX_PENDING = 1024;

export const PENDING_UPGRADE_VERSION = 1;

/** What is already done of an upgrade. */
export const STAGE_NONE = 0n;
/** The program that knows the upgrade has started. */
export const STAGE_STARTUP = 1n;
/** The block of the upgrade is committed. */
export const STAGE_CONSENSUS = 2n;

/** An upgrade that is not over. */
export class PendingUpgrade extends struct("PendingUpgrade", {
  v: u16,
  descriptor: UpgradeDescriptor,
  /** Height of the last block before the upgrade; 0 as long as its epoch has not begun. */
  upgradeHeight: i64,
  lastCompletedStage: u64,
}) {}

export const PendingUpgrades = list(PendingUpgrade, { max: MAX_PENDING });
