import { governance } from "#consensus/services/governance/index.js";
import { GovernanceGenesis } from "#consensus/services/governance/types.js";
import { registry } from "#consensus/services/registry/index.js";
import { RegistryGenesis } from "#consensus/services/registry/params.js";
import { staking } from "#consensus/services/staking/index.js";
import { StakingGenesis } from "#consensus/services/staking/types/index.js";
import { vault } from "#consensus/services/vault/index.js";
import { VaultGenesis } from "#consensus/services/vault/types.js";
import { describeReplay, replayed } from "./support/replay.ts";

describeReplay("services/governance_vault_replay.json", [
  replayed(governance, GovernanceGenesis),
  replayed(registry, RegistryGenesis),
  replayed(staking, StakingGenesis),
  replayed(vault, VaultGenesis),
]);
