import { defineService } from "../../app/define-service.js";
import { beginBlock } from "./block/index.js";
import { APP_NAME } from "./errors.js";
import { genesis } from "./genesis.js";
import { epochSource } from "./state.js";
import { setEpoch } from "./transactions/set-epoch.js";
import { vrfProve } from "./transactions/vrf-prove.js";
import type { BeaconGenesis } from "./types.js";

/** Epoch time and random beacon. */
export const beacon = defineService<BeaconGenesis>({
  name: "beacon",
  appName: APP_NAME,
  priority: () => 100_000n,
  transactions: [setEpoch, vrfProve],
  genesis,
  beginBlock,
  epochs: epochSource,
});
