import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Context } from "./context.js";
import type { Subscription } from "./dispatch.js";

/**
 * The chain has reached an upgrade that this process cannot carry out in place: it makes no further block. After a
 * restart, with a program that knows the upgrade, the node goes on.
 */
export class StopForUpgrade extends Error {
  constructor(
    /** Height of the last block before the upgrade. */
    readonly height: bigint,
    readonly epoch: bigint,
    /** Name of the upgrade's handler. */
    readonly handler: string,
  ) {
    super(`reached upgrade "${handler}" at epoch ${epoch}: the node stops after height ${height}`);
    this.name = "StopForUpgrade";
  }
}

/**
 * Who carries upgrades out on this node. What it does to the state is consensus; what it remembers is local. Changes of
 * its memory belong to the block that is being executed, until `commit` keeps them.
 */
export interface Upgrader {
  /** What it answers to services that decide about upgrades. */
  readonly messages: readonly Subscription[];
  /** Takes note of the upgrades that are pending in a state that is being continued. */
  resume(state: KeyValueReader): void;
  /** Forgets what an abandoned execution has changed. */
  reset(): void;
  /** Runs before the services. @throws StopForUpgrade */
  beginBlock(ctx: Context): void;
  /** Runs after the services. @throws StopForUpgrade */
  endBlock(ctx: Context): void;
  /**
   * Keeps what the executed block has changed, and looks whether the next block is one this process cannot make.
   * @param ctx a context on the state after the block
   */
  commit(ctx: Context): StopForUpgrade | undefined;
  /** Whether an upgrade that is not over belongs to a height. */
  hasPendingAt(height: bigint): boolean;
}
