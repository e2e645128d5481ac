import { bytes, i64, omitEmpty, struct, u64 } from "#common/schema/index.js";
import { defineEvent } from "../../app/events.js";
import { APP_NAME } from "./errors.js";

export class EpochEvent extends struct("EpochEvent", { epoch: omitEmpty(u64) }) {}
export class BeaconEvent extends struct("BeaconEvent", { beacon: omitEmpty(bytes({ max: 64 })) }) {}
export class VrfEvent extends struct("VrfEvent", {
  epoch: omitEmpty(u64),
  alpha: omitEmpty(bytes({ max: 64 })),
  submitAfter: i64,
}) {}

export const epochEvent = defineEvent(APP_NAME, "epoch", EpochEvent);
export const beaconEvent = defineEvent(APP_NAME, "beacon", BeaconEvent);
export const vrfEvent = defineEvent(APP_NAME, "vrf", VrfEvent);
