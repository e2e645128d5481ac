import { defineErrors } from "#common/errors/index.js";

export const APP_NAME = "000_beacon";

export const beaconErrors = defineErrors("beacon", {
  invalidArgument: [1, "beacon: invalid argument"],
  unavailable: [2, "beacon: random beacon not available"],
});
