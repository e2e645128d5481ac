import { toHex } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { parseJson, printJson } from "#common/json.js";
import { bytes, i64, map, nullable, optional, struct, text, time } from "#common/schema/index.js";
import { ConsensusParameters } from "../app/parameters.js";
import { BeaconGenesis } from "../services/beacon/types.js";
import { GovernanceGenesis } from "../services/governance/types.js";
import { KeyManagerGenesis } from "../services/keymanager/params.js";
import { RegistryGenesis } from "../services/registry/params.js";
import type { Runtime } from "../services/registry/types/runtime.js";
import { RootHashGenesis } from "../services/roothash/params.js";
import { SchedulerGenesis } from "../services/scheduler/params.js";
import { StakingGenesis } from "../services/staking/types/genesis.js";
import { VaultGenesis } from "../services/vault/types.js";

const MAX_EXTRA = 1 << 24;

/** Section of the consensus layer as a whole. */
export class ConsensusGenesis extends struct("ConsensusGenesis", {
  backend: text({ max: 64 }),
  params: ConsensusParameters,
}) {}

/** A genesis document (consensus: genesis document). */
export class GenesisDocument extends struct("GenesisDocument", {
  height: i64,
  genesisTime: time,
  chainId: text({ max: 256 }),
  registry: RegistryGenesis,
  roothash: RootHashGenesis,
  staking: StakingGenesis,
  keymanager: KeyManagerGenesis,
  scheduler: SchedulerGenesis,
  beacon: BeaconGenesis,
  governance: GovernanceGenesis,
  vault: optional(VaultGenesis),
  consensus: ConsensusGenesis,
  extraData: nullable(map(text({ max: 256 }), bytes({ max: MAX_EXTRA }), { max: 1024 })),
}) {}

/** Hash of a document in hexadecimal: what binds signatures to this chain. */
export function chainContext(document: GenesisDocument): string {
  return toHex(hash(GenesisDocument.encode(document)));
}

/** Chain ID of the block engine: the first 50 characters of the chain context. */
export function engineChainId(context: string): string {
  return context.slice(0, 50);
}

/** A document as v26.1 reads it, unless it switches an extension on: members that it does not know are left out. */
function withoutUnknown(document: GenesisDocument): GenesisDocument {
  const { registry, roothash } = document;
  if (registry.params.enableStorageCommittees) return document;
  const plain = (runtimes: readonly (Runtime | null)[]): (Runtime | null)[] =>
    runtimes.map((runtime) => runtime && { ...runtime, storage: { ...runtime.storage, committee: undefined } });
  const runtimes = plain(registry.runtimes);
  const suspendedRuntimes = plain(registry.suspendedRuntimes);
  return {
    ...document,
    registry: { ...registry, runtimes, suspendedRuntimes },
    roothash: { ...roothash, storageChallenges: undefined },
  };
}

/**
 * Reads a genesis file.
 * @param json text of the file
 * @throws DecodeError that names the field
 */
export function parseGenesis(json: string): GenesisDocument {
  return withoutUnknown(GenesisDocument.fromJson(parseJson(json)));
}

/** The canonical form of a genesis file: two-space indent, final newline. */
export function printGenesis(document: GenesisDocument): string {
  return `${printJson(GenesisDocument.toJson(document), 2)}\n`;
}
