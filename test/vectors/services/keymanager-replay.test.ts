import { epochInState } from "#consensus/app/epoch.js";
import { keymanager } from "#consensus/services/keymanager/index.js";
import { KeyManagerGenesis } from "#consensus/services/keymanager/params.js";
import { registry } from "#consensus/services/registry/index.js";
import { RegistryGenesis } from "#consensus/services/registry/params.js";
import { roothash } from "#consensus/services/roothash/index.js";
import { RootHashGenesis } from "#consensus/services/roothash/params.js";
import { beforeSchedule } from "#consensus/services/scheduler/events.js";
import { staking } from "#consensus/services/staking/index.js";
import { StakingGenesis } from "#consensus/services/staking/types/index.js";
import { describeReplay, replayed } from "./support/replay.ts";

const services = [
  replayed(staking, StakingGenesis),
  replayed(registry, RegistryGenesis),
  replayed(keymanager, KeyManagerGenesis),
  replayed(roothash, RootHashGenesis),
];

// The enclaves of the recordings are insecure ones, whose key is a test key.
const debug = { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: false };

for (const file of ["keymanager_replay.json", "keymanager_replay_pre261.json"]) {
  describeReplay(`services/${file}`, services, {
    debug,
    beforeSchedule: (ctx) => ctx.publish(beforeSchedule, epochInState(ctx)),
  });
}
