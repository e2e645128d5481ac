import { keymanager } from "#consensus/services/keymanager/index.js";
import { KeyManagerGenesis } from "#consensus/services/keymanager/params.js";
import { registry } from "#consensus/services/registry/index.js";
import { RegistryGenesis } from "#consensus/services/registry/params.js";
import { roothash } from "#consensus/services/roothash/index.js";
import { RootHashGenesis } from "#consensus/services/roothash/params.js";
import { staking } from "#consensus/services/staking/index.js";
import { StakingGenesis } from "#consensus/services/staking/types/index.js";
import { describeReplay, replayed } from "./support/replay.ts";

describeReplay("services/staking_replay.json", [
  replayed(keymanager, KeyManagerGenesis),
  replayed(registry, RegistryGenesis),
  replayed(roothash, RootHashGenesis),
  replayed(staking, StakingGenesis),
]);
