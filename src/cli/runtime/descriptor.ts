/** Runtime descriptors from a file and from options of the command line. */
import { existsSync, readFileSync } from "node:fs";
import { equalBytes, toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { parseJson } from "#common/json.js";
import { compareVersions, type Version, versionToText } from "#common/version.js";
import {
  GOVERNANCE_ENTITY,
  Runtime,
  RUNTIME_COMPUTE,
  RUNTIME_KEY_MANAGER,
  RUNTIME_VERSION,
  RuntimeGovernanceModel,
  type VersionInfo,
} from "#consensus/services/registry/types/runtime.js";
import { SgxConstraints, TEE_INTEL_SGX, TEE_NONE } from "#consensus/services/registry/types/tee.js";
import type { Bundle } from "#platform/bundle-archive.js";
import { onChainComponent } from "#runtime/bundle/manifest.js";
import { type PolicyOptions, withPolicies } from "./policy.js";
import { amount, epoch, hex32, parsed, publicKey, small, split, version } from "./words.js";

const NANOSECONDS = 1_000_000n;
/** Epochs from now until a deployment begins, unless told: nodes register for it in the next one. */
const USUAL_START = "+2";
/** Epochs from now until a storage committee begins: nodes have to register first, and wait for two epochs. */
const STORAGE_START = "+3";

/** What the options say about a descriptor. */
export interface DescriptorOptions extends PolicyOptions {
  readonly id?: string;
  readonly kind?: "compute" | "key-manager";
  readonly genesisStateRoot?: string;
  readonly genesisRound?: number;
  readonly keyManager?: string;
  readonly tee?: "none" | "sgx";
  readonly governance?: string;
  readonly owner?: string;
  readonly groupSize?: number;
  readonly backupSize?: number;
  readonly stragglers?: number;
  readonly roundTimeout?: number;
  readonly maxMessages?: number;
  readonly minLiveRounds?: number;
  readonly minLiveRoundsEval?: number;
  readonly maxMissedProposals?: number;
  readonly maxLivenessFails?: number;
  readonly batchFlushTimeout?: number;
  readonly proposeBatchTimeout?: number;
  readonly maxBatchSize?: number;
  readonly maxBatchBytes?: number;
  readonly maxInMessages?: number;
  readonly checkpointInterval?: number;
  readonly checkpointsKept?: number;
  readonly checkpointChunkBytes?: number;
  readonly storageCommittee?: string;
  readonly dropStorageCommittee?: boolean;
  readonly storageChallenge?: string;
  readonly deployment?: readonly string[];
  readonly dropDeployment?: readonly string[];
  readonly validFrom?: string;
}

/** What a descriptor is made of beside its options. */
export interface DescriptorSources {
  /** Where it starts from: what is registered, or a file. */
  readonly base: Runtime | undefined;
  /** Brings identifier, version, name and enclaves. */
  readonly bundle: Bundle | undefined;
  /** Public key of whoever signs, the owner of a new runtime. */
  readonly signer: Uint8Array;
  /** Current epoch. */
  readonly epoch: bigint;
}

/** Committees of a new runtime, unless told otherwise. */
const NEW_RUNTIME: Runtime = {
  ...Runtime.zero(),
  v: RUNTIME_VERSION,
  genesis: { stateRoot: EMPTY_HASH, round: 0n },
  kind: RUNTIME_COMPUTE,
  executor: {
    groupSize: 3,
    groupBackupSize: 2,
    allowedStragglers: 1,
    roundTimeout: 20n,
    maxMessages: 32,
    minLiveRoundsPercent: 0,
    maxMissedProposalsPercent: 0,
    minLiveRoundsForEvaluation: 0n,
    maxLivenessFailures: 0,
  },
  txnScheduler: {
    batchFlushTimeout: 1000n * NANOSECONDS,
    maxBatchSize: 1000n,
    maxBatchSizeBytes: 1_048_576n,
    maxInMessages: 32,
    proposerTimeout: 5000n * NANOSECONDS,
  },
  admissionPolicy: { anyNode: {}, entityWhitelist: undefined, perRole: null },
  governanceModel: GOVERNANCE_ENTITY,
};

/** Reads a descriptor in the JSON form of genesis documents. @throws InvalidInput, DecodeError naming the field */
export function readDescriptor(file: string): Runtime {
  if (!existsSync(file)) throw new InvalidInput("file", `${file} does not exist`);
  const json = parseJson(readFileSync(file, "utf8"));
  return Runtime.fromJson(json);
}

const wide = (value: number | undefined, before: bigint): bigint => (value === undefined ? before : BigInt(value));
const ms = (value: number | undefined, before: bigint): bigint =>
  value === undefined ? before : BigInt(value) * NANOSECONDS;

function executorOf(o: DescriptorOptions, { executor: before }: Runtime): Runtime["executor"] {
  return {
    groupSize: o.groupSize ?? before.groupSize,
    groupBackupSize: o.backupSize ?? before.groupBackupSize,
    allowedStragglers: o.stragglers ?? before.allowedStragglers,
    roundTimeout: wide(o.roundTimeout, before.roundTimeout),
    maxMessages: o.maxMessages ?? before.maxMessages,
    minLiveRoundsPercent: o.minLiveRounds ?? before.minLiveRoundsPercent,
    maxMissedProposalsPercent: o.maxMissedProposals ?? before.maxMissedProposalsPercent,
    minLiveRoundsForEvaluation: wide(o.minLiveRoundsEval, before.minLiveRoundsForEvaluation),
    maxLivenessFailures: o.maxLivenessFails ?? before.maxLivenessFailures,
  };
}

function schedulerOf(o: DescriptorOptions, { txnScheduler: before }: Runtime): Runtime["txnScheduler"] {
  return {
    batchFlushTimeout: ms(o.batchFlushTimeout, before.batchFlushTimeout),
    maxBatchSize: wide(o.maxBatchSize, before.maxBatchSize),
    maxBatchSizeBytes: wide(o.maxBatchBytes, before.maxBatchSizeBytes),
    maxInMessages: o.maxInMessages ?? before.maxInMessages,
    proposerTimeout: ms(o.proposeBatchTimeout, before.proposerTimeout),
  };
}

type StorageCommittee = Runtime["storage"]["committee"];
type Challenge = NonNullable<StorageCommittee>["challenge"];

/** `size:receipts` or `size:receipts@epoch` */
function storageCommitteeOf(o: DescriptorOptions, before: StorageCommittee, now: bigint): StorageCommittee {
  const option = "--storage-committee";
  if (o.dropStorageCommittee === true) return undefined;
  if (o.storageCommittee === undefined) return before && { ...before, challenge: challengeOf(o, before) };
  const [sizes, from = STORAGE_START] = split(o.storageCommittee, "@");
  const [size, receipts = ""] = split(sizes, ":");
  return {
    validFrom: before?.validFrom ?? epoch(option, from, now),
    groupSize: small(option, size),
    minWriteReplication: small(option, receipts),
    maxApplyOps: before?.maxApplyOps ?? 2n,
    maxApplyWriteLogEntries: before?.maxApplyWriteLogEntries ?? 100_000n,
    challenge: challengeOf(o, before),
  };
}

/** `deposit:blocks:rounds` */
function challengeOf({ storageChallenge }: DescriptorOptions, before: StorageCommittee): Challenge {
  const option = "--storage-challenge";
  if (storageChallenge === undefined) return before?.challenge;
  const [deposit, rest = ""] = split(storageChallenge, ":");
  const [blocks, rounds = ""] = split(rest, ":");
  return {
    deposit: amount(option, deposit),
    responseBlocks: BigInt(small(option, blocks)),
    maxAgeRounds: BigInt(small(option, rounds)),
  };
}

function storageOf(o: DescriptorOptions, { storage: before }: Runtime, now: bigint): Runtime["storage"] {
  return {
    ...before,
    checkpointInterval: wide(o.checkpointInterval, before.checkpointInterval),
    checkpointNumKept: wide(o.checkpointsKept, before.checkpointNumKept),
    checkpointChunkSize: wide(o.checkpointChunkBytes, before.checkpointChunkSize),
    committee: storageCommitteeOf(o, before.committee, now),
  };
}

/** `version@epoch` or `version@epoch=bundle hash` */
function deploymentFrom(word: string, now: bigint): VersionInfo {
  const option = "--deployment";
  const [what, bundle] = split(word, "=");
  const [name, from = USUAL_START] = split(what, "@");
  return {
    version: version(option, name),
    validFrom: epoch(option, from, now),
    tee: null,
    bundleChecksum: bundle === undefined ? new Uint8Array(0) : hex32(option, bundle),
  };
}

/** What an enclave must be to serve a deployment, from the enclave of its bundle. */
function enclaveConstraints({ enclaves }: Bundle): Uint8Array {
  const own = enclaves.find(({ component }) => component === "ronl");
  if (own?.mrSigner === undefined) {
    throw new InvalidInput("--bundle", "a runtime with trusted hardware needs a bundle with a signed enclave");
  }
  const identity = { mrEnclave: own.mrEnclave, mrSigner: own.mrSigner };
  return SgxConstraints.encode({ v: 1, enclaves: [identity], policy: undefined, maxAttestationAge: 0n });
}

function bundledDeployment(bundle: Bundle, teeHardware: number, validFrom: bigint): VersionInfo {
  const component = onChainComponent(bundle.manifest);
  if (component === undefined) throw new InvalidInput("--bundle", "it holds no runtime, only components beside one");
  return {
    version: component.version,
    validFrom,
    tee: teeHardware === TEE_NONE ? null : enclaveConstraints(bundle),
    bundleChecksum: bundle.hash,
  };
}

const sameVersion = (a: Version, b: Version): boolean => compareVersions(a, b) === 0;

/** Deployments after those that were, without what the options drop; a version that is told again is replaced. */
function deploymentsOf(
  o: DescriptorOptions,
  before: Runtime["deployments"],
  teeHardware: number,
  { bundle, epoch: now }: DescriptorSources,
): Runtime["deployments"] {
  const told = (o.deployment ?? []).map((word) => deploymentFrom(word, now));
  if (bundle !== undefined) {
    told.push(bundledDeployment(bundle, teeHardware, epoch("--valid-from", o.validFrom ?? USUAL_START, now)));
  } else if (o.validFrom !== undefined)
    throw new InvalidInput("--valid-from", "needs --bundle; or --deployment v@epoch");
  const dropped = (o.dropDeployment ?? []).map((text) => version("--drop-deployment", text));
  for (const gone of dropped) {
    if (!before.some((known) => known !== null && sameVersion(known.version, gone))) {
      throw new InvalidInput("--drop-deployment", `version ${versionToText(gone)} is not deployed`);
    }
  }
  const replaced = [...dropped, ...told.map((deployment) => deployment.version)];
  const kept = before.filter((known) => known !== null && !replaced.some((other) => sameVersion(known.version, other)));
  return [...kept, ...told];
}

function idOf(o: DescriptorOptions, { base, bundle }: DescriptorSources): Uint8Array {
  const told = o.id === undefined ? undefined : hex32("--id", o.id);
  const id = told ?? bundle?.manifest.id ?? base?.id;
  if (id === undefined) throw new InvalidInput("--id", "which runtime? Give --id, --bundle or a descriptor");
  for (const [option, other] of [
    ["--bundle", bundle?.manifest.id],
    ["file", base?.id],
  ] as const) {
    if (other !== undefined && !equalBytes(other, id)) {
      throw new InvalidInput(option, `it is of runtime ${toHex(other)}, not ${toHex(id)}`);
    }
  }
  return id;
}

/** A file need not say in which form it is written, nor who owns what its signer registers. */
function whole(base: Runtime, { signer }: DescriptorSources): Runtime {
  const { v, entityId } = base;
  return {
    ...base,
    v: v === 0 ? RUNTIME_VERSION : v,
    entityId: entityId.every((byte) => byte === 0) ? signer : entityId,
  };
}

const KINDS = { compute: RUNTIME_COMPUTE, "key-manager": RUNTIME_KEY_MANAGER } as const;
const HARDWARE = { none: TEE_NONE, sgx: TEE_INTEL_SGX } as const;

/**
 * Makes a descriptor.
 *
 * @throws InvalidInput naming the option that is wrong
 */
export function describeRuntime(o: DescriptorOptions, sources: DescriptorSources): Runtime {
  const before =
    sources.base === undefined ? { ...NEW_RUNTIME, entityId: sources.signer } : whole(sources.base, sources);
  const teeHardware = o.tee === undefined ? before.teeHardware : HARDWARE[o.tee];
  const { governance } = o;
  const runtime: Runtime = {
    ...before,
    id: idOf(o, sources),
    entityId: o.owner === undefined ? before.entityId : publicKey("--owner", o.owner),
    genesis: {
      stateRoot:
        o.genesisStateRoot === undefined ? before.genesis.stateRoot : hex32("--genesis-state-root", o.genesisStateRoot),
      round: wide(o.genesisRound, before.genesis.round),
    },
    kind: o.kind === undefined ? before.kind : KINDS[o.kind],
    teeHardware,
    keyManager: o.keyManager === undefined ? before.keyManager : hex32("--key-manager", o.keyManager),
    executor: executorOf(o, before),
    txnScheduler: schedulerOf(o, before),
    storage: storageOf(o, before, sources.epoch),
    governanceModel:
      governance === undefined
        ? before.governanceModel
        : parsed("--governance", () => RuntimeGovernanceModel.fromJson(governance)),
    deployments: deploymentsOf(o, before.deployments, teeHardware, sources),
  };
  return withPolicies(runtime, o);
}
