/** The upgrades that a node has to carry out: local memory, kept on disk, no part of the replicated state. */
import { utf8 } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { DiskTable } from "#common/ports/disk.js";
import { UpgradeDescriptor } from "../governance/types.js";
import { upgradeErrors } from "./errors.js";
import { PENDING_UPGRADE_VERSION, type PendingUpgrade, PendingUpgrades, STAGE_CONSENSUS, STAGE_NONE } from "./types.js";

const KEY = utf8("descriptors");

/** Upgrades in the order in which the node learned of them. `save` makes changes permanent, `revert` drops them. */
export class PendingList {
  private kept: readonly PendingUpgrade[];
  private working: PendingUpgrade[] = [];

  /** @param table where the list is kept; without one it lives as long as this object */
  constructor(private readonly table: DiskTable | undefined) {
    this.kept = load(table);
    this.revert();
  }

  get all(): readonly PendingUpgrade[] {
    return this.working;
  }

  find(descriptor: UpgradeDescriptor): PendingUpgrade | undefined {
    return this.working.find((pending) => UpgradeDescriptor.equals(pending.descriptor, descriptor));
  }

  /** @throws CodedError upgrade/5 when the same upgrade is already there */
  add(descriptor: UpgradeDescriptor): void {
    if (this.find(descriptor) !== undefined) throw upgradeErrors.alreadyPending();
    this.working.push({ v: PENDING_UPGRADE_VERSION, descriptor, upgradeHeight: 0n, lastCompletedStage: STAGE_NONE });
  }

  /** @throws CodedError upgrade/6 when the upgrade has begun; one that is not there is no error */
  remove(descriptor: UpgradeDescriptor): void {
    const found = this.find(descriptor);
    if (found === undefined) return;
    if (found.upgradeHeight !== 0n || found.lastCompletedStage > STAGE_NONE) throw upgradeErrors.inProgress();
    this.working = this.working.filter((pending) => pending !== found);
  }

  revert(): void {
    this.working = this.kept.map((pending) => ({ ...pending }));
  }

  /** Keeps the list without what is over. */
  save(): void {
    this.working = this.working.filter(({ lastCompletedStage }) => lastCompletedStage < STAGE_CONSENSUS);
    const changed = !PendingUpgrades.equals([...this.kept], this.working);
    this.kept = this.working.map((pending) => ({ ...pending }));
    if (!changed || this.table === undefined) return;
    if (this.kept.length === 0) this.table.delete(KEY);
    else this.table.put(KEY, PendingUpgrades.encode([...this.kept]));
  }
}

function load(table: DiskTable | undefined): readonly PendingUpgrade[] {
  const bytes = table?.get(KEY);
  if (bytes === undefined) return [];
  try {
    return PendingUpgrades.decode(bytes);
  } catch (cause) {
    throw new Fault("stored upgrade descriptors do not decode", { cause });
  }
}
