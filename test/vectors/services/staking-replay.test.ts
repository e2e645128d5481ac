import { staking } from "#consensus/services/staking/index.js";
import { StakingGenesis } from "#consensus/services/staking/types/index.js";
import { registry } from "#consensus/services/registry/index.js";
import { RegistryGenesis } from "#consensus/services/registry/params.js";
import { describeReplay, replayed } from "./support/replay.ts";

describeReplay("services/staking_replay.json", [
  replayed(registry, RegistryGenesis),
  replayed(staking, StakingGenesis),
]);
