import { u64 } from "#common/schema/index.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import type { EpochSource } from "../../app/context.js";
import { cell, rawCell, sharedCell } from "../../app/table.js";
import { EpochHeight, VrfState } from "./types.js";

export const currentEpochCell = sharedCell(0x40, EpochHeight);
export const futureEpochCell = sharedCell(0x41, EpochHeight);
/** The random beacon of the epoch, 32 raw bytes. */
export const beaconCell = rawCell(0x42);
export const pendingMockEpochCell = cell(0x45, u64);
export const vrfStateCell = cell(0x46, VrfState);

/** The epoch in a state; 0 at height 0 when none was ever set (insecure mock backend). */
export function epochOf(state: KeyValueReader): EpochHeight {
  return currentEpochCell.get(state) ?? { epoch: 0n, height: 0n };
}

/** Schedules the next transition; a second one while one is pending is refused by the callers. */
export function scheduleEpoch(state: KeyValueStore, epoch: bigint, height: bigint): void {
  futureEpochCell.set(state, { epoch, height });
}

/** How the rest of the application learns the epoch. */
export const epochSource: EpochSource = {
  epoch: (state) => epochOf(state).epoch,
  future: (state) => futureEpochCell.get(state),
};
