import { addressFromPublicKey } from "#common/address.js";
import { PublicKey } from "#common/crypto/keys.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Json } from "#common/json.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Timestamp } from "#common/schema/index.js";
import { Namespace } from "#common/namespace.js";
import type { Version } from "#common/version.js";
import { GenesisDocument } from "#consensus/genesis/document.js";
import { ENTITY_VERSION } from "#consensus/services/registry/types/entity.js";
import { type NodeAddress, nodeAddressFromText } from "#consensus/services/registry/types/node-address.js";
import { Runtime, type VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { MultiSignedNode, SignedEntity } from "#consensus/services/registry/types/signed.js";
import { Account, type Delegation } from "#consensus/services/staking/types/account.js";
import {
  SLASH_RUNTIME_STORAGE_UNAVAILABLE,
  THRESHOLD_NODE_STORAGE,
} from "#consensus/services/staking/types/thresholds.js";
import { type NodeOffer, signDescriptor } from "#worker/registration/descriptor.js";
import type { DevelopmentAccount, Member, OwnMember } from "./topology.js";

/** Base units of one token: the exponent of the token is 9. */
export const TOKEN = 1_000_000_000n;
/** What each development account and node begins with, and what each entity has in escrow, in base units. */
export const ACCOUNT_BALANCE = 10_000_000n * TOKEN;
export const ENTITY_STAKE = 100_000n * TOKEN;
const COMMON_POOL = 100_000_000n * TOKEN;
/** Epochs until which the registrations in the genesis document last. */
export const GENESIS_EXPIRATION = 2n;
/** Consensus blocks of one epoch, and after how many of them proofs are accepted. */
const EPOCH_BLOCKS = 20;
const PROOF_DELAY = 4;
export const SOFTWARE_VERSION = "qanat/0.1.0";

/** Sizes of the executor committee. */
export interface CommitteeSize {
  readonly primary: number;
  readonly backup: number;
}

/** The network's runtime: what of it stands on chain. */
export interface RuntimeDeployment {
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly version: Version;
  /** Hash of the manifest of the bundle that brings the program, 32 bytes. */
  readonly bundleHash?: Uint8Array;
}

/** What a fixture is made from; with storage nodes, the runtime demands their receipts. */
export interface FixtureOptions {
  readonly members: readonly OwnMember[];
  readonly accounts: readonly DevelopmentAccount[];
  readonly committee: CommitteeSize;
  readonly runtimeId: Uint8Array;
  /** Version and bundle of the runtime's first deployment; 0.0.0 without one when absent. */
  readonly deployment?: Omit<RuntimeDeployment, "id"> | undefined;
  /** Further runtimes, with committees of the same size but without receipts. */
  readonly moreRuntimes?: readonly RuntimeDeployment[];
  readonly genesisTime: Timestamp;
}

const GAS = 1000;

function gas(...operations: string[]): Json {
  return Object.fromEntries(operations.map((operation) => [operation, GAS]));
}

const STAKING: Json = {
  params: {
    thresholds: {
      entity: "100",
      "node-validator": "100",
      "node-compute": "100",
      "node-observer": "100",
      "node-keymanager": "100",
      "runtime-compute": "100",
      "runtime-keymanager": "100",
      "keymanager-churp": "100",
    },
    debonding_interval: 2,
    reward_schedule: [{ until: 1_000_000, scale: "1000" }],
    signing_reward_threshold_numerator: 3,
    signing_reward_threshold_denominator: 4,
    commission_schedule_rules: {
      rate_change_interval: 1,
      rate_bound_lead: 14,
      max_rate_steps: 10,
      max_bound_steps: 10,
      min_commission_rate: "0",
    },
    slashing: {
      "consensus-equivocation": { amount: "100000000000", freeze_interval: 1 },
      "consensus-light-client-attack": { amount: "100000000000", freeze_interval: 1 },
    },
    gas_costs: gas(
      "transfer",
      "burn",
      "add_escrow",
      "reclaim_escrow",
      "amend_commission_schedule",
      "allow",
      "withdraw",
    ),
    min_delegation: "0",
    min_transfer: "0",
    min_transact_balance: "0",
    max_allowances: 16,
    allow_escrow_messages: true,
    fee_split_weight_propose: "2",
    fee_split_weight_vote: "1",
    fee_split_weight_next_propose: "1",
    reward_factor_epoch_signed: "1",
    reward_factor_block_proposed: "0",
  },
  token_symbol: "TEST",
  token_value_exponent: 9,
};

const REGISTRY: Json = {
  params: {
    debug_allow_unroutable_addresses: true,
    debug_allow_test_runtimes: true,
    gas_costs: gas(
      "register_entity",
      "deregister_entity",
      "register_node",
      "unfreeze_node",
      "register_runtime",
      "runtime_epoch_maintenance",
      "prove_freshness",
    ),
    max_node_expiration: 5,
    enable_runtime_governance_models: { entity: true, runtime: true },
    tee_features: { sgx: { pcs: true, signed_attestations: true, max_attestation_age: 1200 }, freshness_proofs: true },
  },
};

/** Parameters of the network; amounts, entities, nodes and runtimes are added by `buildGenesis`. */
const PARAMETERS: { readonly [section: string]: Json } = {
  height: 1,
  chain_id: "qanat local network",
  registry: REGISTRY,
  roothash: {
    params: {
      gas_costs: gas("compute_commit", "evidence", "submit_msg"),
      max_runtime_messages: 128,
      max_in_runtime_messages: 128,
      max_evidence_age: 100,
      max_past_roots_stored: 1200,
    },
  },
  staking: STAKING,
  keymanager: { params: { gas_costs: gas("update_policy", "publish_master_secret", "publish_ephemeral_secret") } },
  scheduler: {
    params: {
      min_validators: 1,
      max_validators: 100,
      max_validators_per_entity: 1,
      reward_factor_epoch_election_any: "1",
    },
  },
  beacon: {
    base: 0,
    params: {
      backend: "vrf",
      vrf_parameters: {
        alpha_hq_threshold: 4,
        interval: EPOCH_BLOCKS,
        proof_delay: PROOF_DELAY,
        gas_costs: gas("vrf_prove"),
      },
    },
  },
  governance: {
    params: {
      gas_costs: gas("submit_proposal", "cast_vote"),
      min_proposal_deposit: "10000000000",
      voting_period: 10,
      stake_threshold: 68,
      upgrade_min_epoch_diff: 15,
      upgrade_cancel_min_epoch_diff: 15,
      enable_change_parameters_proposal: true,
    },
  },
  vault: { params: { enabled: true, max_authority_addresses: 32 } },
  consensus: {
    backend: "tendermint",
    params: {
      timeout_commit: 1_000_000_000,
      skip_timeout_commit: false,
      empty_block_interval: 0,
      max_tx_size: 131_072,
      max_block_size: 4_194_304,
      max_block_gas: 0,
      max_evidence_size: 1_048_576,
      state_checkpoint_interval: 0,
      gas_costs: { tx_byte: 1 },
      feature_version: { major: 26, minor: 1 },
    },
  },
};

/** Stake that entities lose for misbehaving nodes, in base units. */
export const PENALTIES = {
  incorrectResults: 1000n * TOKEN,
  equivocation: 500n * TOKEN,
  liveness: 100n * TOKEN,
  storageUnavailable: 200n * TOKEN,
} as const;

function penalty(amount: bigint): Json {
  return { amount: amount.toString(), freeze_interval: 2 };
}

/**
 * Descriptor of the network's runtime: one second timeouts, so that an idle network stays quiet. One worker may be
 * missing, so that a node that dies delays nobody; misbehaviour costs stake.
 */
export function runtimeDescriptor(id: Uint8Array, owner: Signer, committee: CommitteeSize): Runtime {
  return Runtime.fromJson({
    v: 3,
    id: Namespace.toJson(id),
    kind: 1,
    tee_hardware: 0,
    executor: {
      group_size: committee.primary,
      group_backup_size: committee.backup,
      allowed_stragglers: 1,
      round_timeout: 20,
      max_messages: 32,
      min_live_rounds_percent: 50,
      max_missed_proposals_percent: 80,
      min_live_rounds_eval: 5,
      max_liveness_fails: 3,
    },
    txn_scheduler: {
      batch_flush_timeout: 1_000_000_000,
      max_batch_size: 1000,
      max_batch_size_bytes: 1_048_576,
      max_in_messages: 32,
      propose_batch_timeout: 1_000_000_000,
    },
    storage: { checkpoint_interval: 1000, checkpoint_num_kept: 2, checkpoint_chunk_size: 1_048_576 },
    admission_policy: { any_node: {} },
    staking: {
      slashing: {
        "runtime-incorrect-results": penalty(PENALTIES.incorrectResults),
        "runtime-equivocation": penalty(PENALTIES.equivocation),
        "runtime-liveness": penalty(PENALTIES.liveness),
      },
      reward_bad_results: 50,
      reward_equivocation: 50,
    },
    governance_model: "entity",
    deployments: [{ version: {}, valid_from: 0 }],
    genesis: { state_root: "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a", round: 0 },
    entity_id: PublicKey.toJson(owner.publicKey),
  });
}

/** Receipts of two of three storage nodes, from the first committee on. */
const STORAGE_COMMITTEE = { validFrom: 0n, minWriteReplication: 2, maxApplyOps: 2n, maxApplyWriteLogEntries: 100_000n };
/** Anybody may make storage nodes prove that they have a round. */
const STORAGE_CHALLENGE = { deposit: 10n * TOKEN, responseBlocks: 20n, maxAgeRounds: 100n };
/** Stake of a storage node, as of the others; v26.1 has no name for it. */
const STORAGE_THRESHOLD = 100n;

/** Switches storage committees on and lets the runtime have one. */
function demandReceipts({ registry, staking }: GenesisDocument, runtime: Runtime, groupSize: number): void {
  registry.params.enableStorageCommittees = true;
  staking.parameters.thresholds.set(THRESHOLD_NODE_STORAGE, STORAGE_THRESHOLD);
  runtime.storage.committee = { ...STORAGE_COMMITTEE, groupSize, challenge: STORAGE_CHALLENGE };
  const slash = { amount: PENALTIES.storageUnavailable, freezeInterval: 2n };
  runtime.staking.slashing.set(SLASH_RUNTIME_STORAGE_UNAVAILABLE, slash);
}

function account(balance: bigint, stake: bigint): Account {
  const out = Account.zero();
  out.general.balance = balance;
  out.escrow.active = { balance: stake, totalShares: stake };
  return out;
}

/** Where nodes of a local network say they can be reached; they are joined in process. */
export function memberAddress(index: number): NodeAddress {
  return nodeAddressFromText(`127.0.0.1:${20_000 + index}`);
}

const FIRST_VERSION: Version = { major: 0, minor: 0, patch: 0 };

/** What a member offers; of a runtime it registers the versions that it turns out to host. */
export function memberOffer(member: Member, index: number, runtimeId: Uint8Array | undefined): NodeOffer {
  const isServing = runtimeId !== undefined && (member.kind === "compute" || member.kind === "storage");
  const runtimes = isServing ? [{ id: runtimeId, version: FIRST_VERSION }] : [];
  const { identity: keys, roles, entityId, address = memberAddress(index) } = member;
  return { keys, entityId, roles, runtimes, address, softwareVersion: SOFTWARE_VERSION };
}

function firstDeployment({ version, bundleHash = new Uint8Array(0) }: Omit<RuntimeDeployment, "id">): VersionInfo {
  return { version, validFrom: 0n, tee: null, bundleChecksum: bundleHash };
}

function deployed(runtime: RuntimeDeployment, owner: Signer, committee: CommitteeSize): Runtime {
  return { ...runtimeDescriptor(runtime.id, owner, committee), deployments: [firstDeployment(runtime)] };
}

/** The genesis document of a local network. */
export function buildGenesis(options: FixtureOptions): GenesisDocument {
  const { members, accounts, committee, runtimeId, deployment, genesisTime } = options;
  const document = GenesisDocument.fromJson(PARAMETERS);
  document.genesisTime = genesisTime;
  const owner = (accounts[0] as DevelopmentAccount).signer;
  const registered = members.filter((member) => member.roles !== 0);
  const { registry, staking } = document;
  registry.entities = [
    SignedEntity.sign(owner, { v: ENTITY_VERSION, id: owner.publicKey, nodes: [] }),
    ...registered.map(({ entity, identity }) =>
      SignedEntity.sign(entity, { v: ENTITY_VERSION, id: entity.publicKey, nodes: [identity.node.publicKey] }),
    ),
  ];
  registry.nodes = members.flatMap((member, i): MultiSignedNode[] =>
    member.kind === "validator" ? [signDescriptor(memberOffer(member, i, runtimeId), GENESIS_EXPIRATION)] : [],
  );
  const runtime = runtimeDescriptor(runtimeId, owner, committee);
  if (deployment !== undefined) runtime.deployments = [firstDeployment(deployment)];
  registry.runtimes = [runtime, ...(options.moreRuntimes ?? []).map((other) => deployed(other, owner, committee))];
  const storages = members.filter(({ kind }) => kind === "storage").length;
  if (storages > 0) demandReceipts(document, runtime, storages);
  let supply = COMMON_POOL;
  const fund = (publicKey: Uint8Array, balance: bigint, stake: bigint): void => {
    const address = addressFromPublicKey(publicKey);
    staking.ledger.set(address, account(balance, stake));
    supply += balance + stake;
    if (stake === 0n) return;
    const shares = SortedMap.bytes<Delegation | null>();
    shares.set(address, { shares: stake });
    staking.delegations.set(address, shares);
  };
  accounts.forEach(({ signer }, i) => fund(signer.publicKey, ACCOUNT_BALANCE, i === 0 ? ENTITY_STAKE : 0n));
  for (const { entity } of registered) fund(entity.publicKey, 0n, ENTITY_STAKE);
  staking.commonPool = COMMON_POOL;
  staking.totalSupply = supply;
  return document;
}
