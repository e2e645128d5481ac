import { CodedError, Fault } from "#common/errors/index.js";
import type { DiskTable } from "#common/ports/disk.js";
import { CONSENSUS_PROTOCOL, isCompatible } from "#common/version.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { type Context, EPOCH_INVALID } from "../../../app/context.js";
import { on, type Subscription } from "../../../app/dispatch.js";
import { currentEpoch } from "../../../app/epoch.js";
import { StopForUpgrade, type Upgrader } from "../../../app/upgrade.js";
import { pendingUpgradeList } from "../../governance/state.js";
import { upgradeCanceled, upgradeDue, upgradeScheduled, type UpgradeDescriptor } from "../../governance/types.js";
import { PendingList } from "../state.js";
import { type PendingUpgrade, STAGE_CONSENSUS, STAGE_STARTUP } from "../types.js";
import { upgradeHandler } from "./handlers.js";

function compatible({ target }: UpgradeDescriptor): boolean {
  return isCompatible(target.consensusProtocol, CONSENSUS_PROTOCOL);
}

/** Whether this process can go through an upgrade without a restart. */
function inPlace(descriptor: UpgradeDescriptor): boolean {
  return compatible(descriptor) && upgradeHandler(descriptor.handler)?.hasStartupStage === false;
}

/** A change that the reference only reports when it cannot be made. */
function attempt(change: () => void): true {
  try {
    change();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
  return true;
}

/**
 * Carries upgrades out (upgrade: descriptors). An upgrade begins with the first block of its epoch, of which the first
 * block of a chain knows nothing yet; its handler runs before and after the services of that block.
 */
export class UpgradeManager implements Upgrader {
  readonly messages: readonly Subscription[];
  private readonly pending: PendingList;
  private stop: StopForUpgrade | undefined;

  /**
   * Making a manager over memory of an earlier one is a restart: upgrades that stopped the node then may go on now.
   * @param table the node's memory of upgrades; without one it lasts as long as the manager
   * @throws Fault when the chain has reached an upgrade that this program does not know
   */
  constructor(table?: DiskTable) {
    this.pending = new PendingList(table);
    for (const upgrade of this.pending.all) this.startUp(upgrade);
    this.pending.save();
    this.messages = [
      on(upgradeScheduled, (_ctx, descriptor): true => attempt(() => this.pending.add(descriptor))),
      on(upgradeCanceled, (_ctx, descriptor): true => attempt(() => this.pending.remove(descriptor))),
      on(upgradeDue, (ctx, descriptor): true => this.checkDue(ctx, descriptor)),
    ];
  }

  private startUp(upgrade: PendingUpgrade): void {
    if (upgrade.upgradeHeight === 0n) return;
    const { descriptor } = upgrade;
    if (!compatible(descriptor) || upgradeHandler(descriptor.handler) === undefined) {
      throw new Fault(`the chain has reached upgrade "${descriptor.handler}", which this program does not know`);
    }
    if (upgrade.lastCompletedStage < STAGE_STARTUP) upgrade.lastCompletedStage = STAGE_STARTUP;
  }

  /** Upgrades that are not over, in the order in which the node learned of them. */
  get upgrades(): readonly PendingUpgrade[] {
    return this.pending.all;
  }

  /**
   * The operator's order to carry an upgrade out; call it between blocks.
   * @throws CodedError upgrade/5 when it is already pending
   */
  submit(descriptor: UpgradeDescriptor): void {
    this.pending.add(descriptor);
    this.pending.save();
  }

  /**
   * Takes the operator's order back; call it between blocks.
   * @throws CodedError upgrade/6 when the upgrade has begun
   */
  cancel(descriptor: UpgradeDescriptor): void {
    this.pending.remove(descriptor);
    this.pending.save();
  }

  resume(state: KeyValueReader): void {
    for (const { descriptor } of pendingUpgradeList(state)) attempt(() => this.pending.add(descriptor));
    this.pending.save();
  }

  reset(): void {
    this.pending.revert();
  }

  private checkDue(ctx: Context, descriptor: UpgradeDescriptor): true {
    const upgrade = this.pending.find(descriptor);
    if (upgrade !== undefined && upgrade.lastCompletedStage >= STAGE_STARTUP) return true;
    throw new StopForUpgrade(ctx.lastHeight, descriptor.epoch, descriptor.handler);
  }

  /** Upgrades whose block follows a height; those of earlier heights are over. */
  private due(epoch: bigint, lastHeight: bigint): PendingUpgrade[] {
    if (this.stop !== undefined) throw this.stop;
    const due: PendingUpgrade[] = [];
    // The first block of a chain has no epoch yet.
    if (epoch === EPOCH_INVALID) return due;
    for (const upgrade of this.pending.all) {
      if (upgrade.upgradeHeight === 0n) {
        if (epoch < upgrade.descriptor.epoch) continue;
        this.begin(upgrade, lastHeight);
      }
      if (upgrade.upgradeHeight < lastHeight) upgrade.lastCompletedStage = STAGE_CONSENSUS;
      else due.push(upgrade);
    }
    return due;
  }

  private begin(upgrade: PendingUpgrade, lastHeight: bigint): void {
    const { descriptor } = upgrade;
    upgrade.upgradeHeight = lastHeight;
    if (inPlace(descriptor)) {
      upgrade.lastCompletedStage = STAGE_STARTUP;
      return;
    }
    this.stop = new StopForUpgrade(lastHeight, descriptor.epoch, descriptor.handler);
    // Nothing after this is kept by a commit, but the restarted node must know where it stopped.
    this.pending.save();
    throw this.stop;
  }

  beginBlock(ctx: Context): void {
    for (const { descriptor } of this.due(currentEpoch(ctx), ctx.lastHeight)) {
      upgradeHandler(descriptor.handler)?.beginBlock?.(ctx);
    }
  }

  endBlock(ctx: Context): void {
    for (const { descriptor } of this.due(currentEpoch(ctx), ctx.lastHeight)) {
      upgradeHandler(descriptor.handler)?.endBlock?.(ctx);
    }
  }

  commit(ctx: Context): StopForUpgrade | undefined {
    try {
      this.due(currentEpoch(ctx), ctx.lastHeight);
    } catch (error) {
      if (!(error instanceof StopForUpgrade)) throw error;
    }
    this.pending.save();
    return this.stop;
  }

  hasPendingAt(height: bigint): boolean {
    return this.pending.all.some(({ upgradeHeight }) => upgradeHeight !== 0n && upgradeHeight === height);
  }
}
