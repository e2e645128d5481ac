import { beforeEach, describe, expect, it } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { compareBytes, equalBytes, toHex, u64be, utf8 } from "#common/bytes.js";
import { HmacDrbg, MathRand } from "#common/crypto/drbg.js";
import type { MemorySigner } from "#common/crypto/signature.js";
import { tupleHash256 } from "#common/crypto/tuple-hash.js";
import { proofToBeta } from "#common/crypto/vrf.js";
import { ROLE_COMPUTE, ROLE_STORAGE, ROLE_VALIDATOR } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Context } from "#consensus/app/context.js";
import { decodeEvent } from "#consensus/app/events.js";
import { beaconParametersCell } from "#consensus/services/beacon/params.js";
import { beaconCell, vrfStateCell } from "#consensus/services/beacon/state.js";
import {
  BACKEND_INSECURE,
  BACKEND_VRF,
  BeaconParameters,
  type VrfProof,
  VrfState,
} from "#consensus/services/beacon/types.js";
import { RegistryParameters, registryParameters } from "#consensus/services/registry/params.js";
import {
  getRuntime,
  getSuspendedRuntime,
  resumeRuntime,
  setNode,
  setNodeStatus,
  setRuntime,
} from "#consensus/services/registry/state.js";
import { Node } from "#consensus/services/registry/types/node.js";
import type { Runtime, SchedulingConstraints } from "#consensus/services/registry/types/runtime.js";
import { NodeStatus } from "#consensus/services/registry/types/status.js";
import { roothash } from "#consensus/services/roothash/index.js";
import { rootHashParameters } from "#consensus/services/roothash/params.js";
import { HEADER_EPOCH_TRANSITION, HEADER_SUSPENDED } from "#consensus/services/roothash/types.js";
import { ElectedEvent, electedEvent } from "#consensus/services/scheduler/events.js";
import { scheduler } from "#consensus/services/scheduler/index.js";
import {
  type ForceElectRole,
  SchedulerParameters,
  schedulerParametersCell,
} from "#consensus/services/scheduler/params.js";
import { allCommittees, getCommittees } from "#consensus/services/scheduler/queries.js";
import { committees } from "#consensus/services/scheduler/state.js";
import { COMMITTEE_EXECUTOR, COMMITTEE_STORAGE, COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import { parameters as stakingParameters } from "#consensus/services/staking/params.js";
import { commonPool, getAccount, setAccount, slashEscrow } from "#consensus/services/staking/state/index.js";
import { globalThreshold } from "#consensus/services/staking/types/account.js";
import { THRESHOLD_NODE_STORAGE } from "#consensus/services/staking/types/thresholds.js";
import { Chain, CHAIN_CONTEXT, kinds, namespace, runtime, signer } from "../roothash/support.ts";

const ID = namespace("runtime");
const ENTROPY = new Uint8Array(32).fill(9);
const VERSION = { major: 1, minor: 0, patch: 0 };
const NO_VERSION = { major: 0, minor: 0, patch: 0 };
const executor = signer("executor");
const storage = ["s1", "s2", "s3", "s4"].map(signer);

let chain: Chain;

interface Setting {
  readonly roles?: number;
  readonly entity?: MemorySigner;
  readonly runtimeId?: Uint8Array;
}

function addNode(key: MemorySigner, { roles = ROLE_STORAGE, entity = key, runtimeId = ID }: Setting = {}): Node {
  const version = roles === ROLE_STORAGE ? NO_VERSION : VERSION;
  const node: Node = {
    ...Node.zero(),
    v: 3,
    id: key.publicKey,
    entityId: entity.publicKey,
    expiration: 100n,
    roles,
    runtimes: [{ id: runtimeId, version, capabilities: {}, extraInfo: null }],
    consensus: { id: signer(`consensus of ${toHex(key.publicKey)}`).publicKey, addresses: null },
  };
  setNode(chain.state, undefined, node, { untrustedRawValue: Node.encode(node), signatures: null });
  setNodeStatus(chain.state, key.publicKey, NodeStatus.zero());
  return node;
}

function setGate(on: boolean): void {
  registryParameters.set(chain.state, { ...RegistryParameters.zero(), enableStorageCommittees: on });
}

function setScheduler(changes: Partial<SchedulerParameters>): void {
  schedulerParametersCell.set(chain.state, { ...schedulerParametersCell.load(chain.state), ...changes });
}

/** The runtime with a committee of one executor, and a storage committee if limits are given. */
function descriptor(
  committee?: { validFrom?: bigint; groupSize?: number },
  constraints?: SchedulingConstraints,
): Runtime {
  const plain = runtime();
  const deployment = { version: VERSION, validFrom: 0n, tee: null, bundleChecksum: new Uint8Array(0) };
  const limits = { minWriteReplication: 1, maxApplyOps: 2n, maxApplyWriteLogEntries: 10n };
  const map = plain.constraints.clone();
  if (constraints !== undefined) {
    const byRole = SortedMap.int<number, SchedulingConstraints>().set(COMMITTEE_WORKER, constraints);
    map.set(COMMITTEE_STORAGE, byRole);
  }
  return {
    ...plain,
    executor: { ...plain.executor, groupSize: 1, groupBackupSize: 0 },
    deployments: [deployment],
    constraints: map,
    storage: {
      ...plain.storage,
      ...(committee && { committee: { validFrom: 0n, groupSize: 3, ...limits, ...committee } }),
    },
  };
}

beforeEach(() => {
  chain = new Chain();
  chain.blockServices = [scheduler, roothash];
  const sizes = { minValidators: 1n, maxValidators: 10n, maxValidatorsPerEntity: 10n };
  schedulerParametersCell.set(chain.state, { ...SchedulerParameters.zero(), ...sizes });
  beaconParametersCell.set(chain.state, { ...BeaconParameters.zero(), backend: BACKEND_INSECURE });
  beaconCell.set(chain.state, ENTROPY);
  setGate(true);
  addNode(executor, { roles: ROLE_COMPUTE | ROLE_VALIDATOR });
  for (const key of storage) addNode(key);
  chain.register(descriptor({}));
});

function nextEpoch(): Context {
  return chain.nextBlock(chain.epoch + 1n);
}

function storageCommittee(): Uint8Array[] | undefined {
  const found = committees.get(chain.state, COMMITTEE_STORAGE, ID);
  if (found === undefined) return undefined;
  expect(found).toMatchObject({ kind: COMMITTEE_STORAGE, runtimeId: ID, validFor: chain.epoch });
  const members = found.members ?? [];
  expect(members.every(({ role }) => role === COMMITTEE_WORKER)).toBe(true);
  return members.map(({ publicKey }) => publicKey);
}

function electedKinds(ctx: Context): (number[] | undefined)[] {
  return ctx.emitted.map((event) => decodeEvent(electedEvent, event)?.kinds).filter((found) => found !== undefined);
}

function lastType(): number | undefined {
  return chain.runtimeState().lastBlock?.header.headerType;
}

const sortedIds = storage.map(({ publicKey }) => publicKey).sort(compareBytes);

describe("the election of a storage committee", () => {
  it("permutes the nodes by the beacon under a context of its own", () => {
    const ctx = nextEpoch();
    const random = new MathRand(new HmacDrbg(ENTROPY, ID, utf8("EkS-ABCI-StorageWorker")));
    const expected = random.perm(4).map((i) => sortedIds[i]);
    expect(storageCommittee()).toEqual(expected.slice(0, 3));
    expect(electedKinds(ctx)).toEqual([[COMMITTEE_EXECUTOR, COMMITTEE_STORAGE]]);
    expect(toHex(ElectedEvent.encode({ kinds: [COMMITTEE_EXECUTOR, COMMITTEE_STORAGE] }))).toBe("a1656b696e6473420102");
    expect(lastType()).toBe(HEADER_EPOCH_TRANSITION);
    expect(getCommittees(chain.state, ID).map(({ kind }) => kind)).toEqual([COMMITTEE_EXECUTOR, COMMITTEE_STORAGE]);
    expect(allCommittees(chain.state)).toHaveLength(2);
  });

  it("orders the nodes by their proofs where the beacon is verifiable, and leaves out those without", () => {
    const alpha = new Uint8Array(80).fill(3);
    const proofs = SortedMap.bytes<VrfProof>();
    for (const key of [executor, ...storage.slice(0, 3)]) {
      proofs.set(key.publicKey, { publicKey: key.publicKey, proof: key.proveVrf(alpha) });
    }
    beaconParametersCell.set(chain.state, { ...BeaconParameters.zero(), backend: BACKEND_VRF });
    vrfStateCell.set(chain.state, { ...VrfState.zero(), prevState: { pi: proofs, canElect: true } });
    nextEpoch();
    const hashed = storage.slice(0, 3).map(({ publicKey }) => {
      const beta = proofToBeta(proofs.get(publicKey)?.proof ?? new Uint8Array(0)) ?? new Uint8Array(0);
      const election = [ID, Uint8Array.of(COMMITTEE_STORAGE), Uint8Array.of(COMMITTEE_WORKER), beta];
      const parts = [utf8(CHAIN_CONTEXT), u64be(chain.epoch), ...election];
      return { publicKey, order: tupleHash256("oasis-core:vrf/committee", parts) };
    });
    hashed.sort((x, y) => compareBytes(x.order, y.order));
    expect(storageCommittee()).toEqual(hashed.map(({ publicKey }) => publicKey));
  });

  it("elects nobody with weak entropy", () => {
    beaconParametersCell.set(chain.state, { ...BeaconParameters.zero(), backend: BACKEND_VRF });
    vrfStateCell.set(chain.state, { ...VrfState.zero(), prevState: { pi: SortedMap.bytes(), canElect: false } });
    nextEpoch();
    expect(storageCommittee()).toBeUndefined();
  });

  it("takes storage nodes of the runtime that are neither frozen nor expired, with enough stake", () => {
    const s1 = storage[0] as MemorySigner;
    const spoil: (() => void)[] = [
      () => addNode(s1, { roles: ROLE_COMPUTE }),
      () => addNode(s1, { runtimeId: namespace("other") }),
      () => setNodeStatus(chain.state, s1.publicKey, { ...NodeStatus.zero(), freezeEndTime: 1n }),
      () => {
        const node = { ...addNode(s1), expiration: chain.epoch };
        setNode(chain.state, undefined, node, { untrustedRawValue: Node.encode(node), signatures: null });
      },
      () => {
        const address = addressFromPublicKey(s1.publicKey);
        const account = getAccount(chain.state, address);
        account.escrow.stakeAccumulator.claims.set("a claim", [globalThreshold(THRESHOLD_NODE_STORAGE)]);
        setAccount(chain.state, address, account);
        const params = stakingParameters.load(chain.state);
        const thresholds = params.thresholds.clone().set(THRESHOLD_NODE_STORAGE, 1n);
        stakingParameters.set(chain.state, { ...params, thresholds });
      },
    ];
    setRuntime(chain.state, descriptor({ groupSize: 4 }), false);
    for (const change of spoil) {
      addNode(s1);
      resumeRuntime(chain.state, ID);
      nextEpoch();
      expect(storageCommittee()).toHaveLength(4);
      change();
      nextEpoch();
      expect(storageCommittee()).toBeUndefined();
    }
  });

  it("does not look at a node's faults as an executor", () => {
    setRuntime(chain.state, descriptor({ groupSize: 4 }), false);
    const faults = SortedMap.bytes<{ failures: number; suspendedUntil: bigint }>();
    faults.set(ID, { failures: 1, suspendedUntil: 50n });
    setNodeStatus(chain.state, sortedIds[0] as Uint8Array, { ...NodeStatus.zero(), faults });
    nextEpoch();
    expect(storageCommittee()).toHaveLength(4);
  });

  it("rewards the entities of storage nodes, of runtimes with a committee only", () => {
    const before = (key: MemorySigner): bigint =>
      getAccount(chain.state, addressFromPublicKey(key.publicKey)).escrow.active.balance;
    const params = stakingParameters.load(chain.state);
    stakingParameters.set(chain.state, { ...params, rewardSchedule: [{ until: 1000n, scale: 100_000_000n }] });
    setScheduler({ rewardFactorEpochElectionAny: 1n });
    commonPool.set(chain.state, 1_000_000n);
    for (const key of storage) chain.fund(addressFromPublicKey(key.publicKey), 0n, 100n);
    setRuntime(chain.state, descriptor({ validFrom: chain.epoch + 2n }), false);
    nextEpoch();
    expect(storage.map(before)).toEqual([100n, 100n, 100n, 100n]);
    nextEpoch();
    expect(storage.map(before)).toEqual([200n, 200n, 200n, 200n]);
  });

  it("is held again in the same epoch when stake was slashed", () => {
    nextEpoch();
    const elected = storageCommittee() ?? [];
    const [culprit] = storage.filter(({ publicKey }) => equalBytes(publicKey, elected[0] as Uint8Array));
    addNode(culprit as MemorySigner, { roles: ROLE_COMPUTE });
    chain.nextBlock();
    expect(storageCommittee()).toEqual(elected);
    chain.fund(addressFromPublicKey(executor.publicKey), 0n, 10n);
    const slash = (ctx: Context): void => void slashEscrow(ctx, addressFromPublicKey(executor.publicKey), 1n);
    chain.blockServices = [{ ...scheduler, beginBlock: slash }, scheduler, roothash];
    chain.nextBlock();
    expect(storageCommittee()).toHaveLength(3);
    expect(storageCommittee()).not.toContainEqual(elected[0]);
    expect(lastType()).toBe(HEADER_EPOCH_TRANSITION);
  });
});

describe("constraints of storage committees", () => {
  it("limit the nodes of an entity", () => {
    const owner = signer("owner of two");
    setRuntime(chain.state, descriptor({}, { maxNodes: { limit: 1 } }), false);
    for (const key of storage.slice(0, 2)) addNode(key, { entity: owner });
    nextEpoch();
    const members = storageCommittee() ?? [];
    const own = members.filter((id) => storage.slice(0, 2).some(({ publicKey }) => equalBytes(publicKey, id)));
    expect([members.length, own.length]).toEqual([3, 1]);
  });

  it("ask for a number of candidates", () => {
    setRuntime(chain.state, descriptor({}, { minPoolSize: { limit: 5 } }), false);
    nextEpoch();
    expect(storageCommittee()).toBeUndefined();
    setRuntime(chain.state, descriptor({}, { minPoolSize: { limit: 4 } }), false);
    resumeRuntime(chain.state, ID);
    setRuntime(chain.state, descriptor({}, { minPoolSize: { limit: 4 } }), false);
    nextEpoch();
    expect(storageCommittee()).toHaveLength(3);
  });

  it("ask for entities that validate", () => {
    setRuntime(chain.state, descriptor({ groupSize: 2 }, { validatorSet: {} }), false);
    for (const key of storage.slice(0, 2)) addNode(key, { entity: executor });
    nextEpoch();
    const expected = storage.slice(0, 2).map(({ publicKey }) => toHex(publicKey));
    expect((storageCommittee() ?? []).map(toHex).sort()).toEqual(expected.sort());
  });

  it("are of no interest to a runtime without a storage committee", () => {
    setRuntime(chain.state, descriptor(undefined, { minPoolSize: { limit: 50 } }), false);
    nextEpoch();
    expect([storageCommittee(), lastType()]).toEqual([undefined, HEADER_EPOCH_TRANSITION]);
  });

  it("give way to reserved seats of test networks", () => {
    chain.debug = { ...chain.debug, dontBlameOasis: true };
    const seats = SortedMap.bytes<ForceElectRole>();
    const [first, last] = [sortedIds[0] as Uint8Array, sortedIds[3] as Uint8Array];
    seats.set(last, { kind: COMMITTEE_STORAGE, roles: [COMMITTEE_WORKER], index: 0n });
    seats.set(first, { kind: COMMITTEE_STORAGE, roles: [COMMITTEE_WORKER], index: 2n });
    setScheduler({ debugForceElect: SortedMap.bytes<typeof seats>().set(ID, seats) });
    nextEpoch();
    const members = storageCommittee() ?? [];
    expect([members[0], members[2]]).toEqual([last, first]);
    expect(lastType()).toBe(HEADER_EPOCH_TRANSITION);
  });
});

describe("a runtime and its storage committee, epoch by epoch", () => {
  it("opts in at the announced epoch and out at the next election", () => {
    setRuntime(chain.state, descriptor(), false);
    expect(electedKinds(nextEpoch())).toEqual([[COMMITTEE_EXECUTOR]]);
    expect(toHex(ElectedEvent.encode({ kinds: [COMMITTEE_EXECUTOR] }))).toBe("a1656b696e64734101");
    setRuntime(chain.state, descriptor({ validFrom: chain.epoch + 3n }), false);
    for (let i = 0; i < 2; i++) {
      expect(electedKinds(nextEpoch())).toEqual([[COMMITTEE_EXECUTOR]]);
      expect([storageCommittee(), lastType()]).toEqual([undefined, HEADER_EPOCH_TRANSITION]);
    }
    expect(electedKinds(nextEpoch())).toEqual([[COMMITTEE_EXECUTOR, COMMITTEE_STORAGE]]);
    expect([storageCommittee()?.length, lastType()]).toEqual([3, HEADER_EPOCH_TRANSITION]);
    setRuntime(chain.state, descriptor(), false);
    expect(storageCommittee()).toHaveLength(3);
    expect(electedKinds(nextEpoch())).toEqual([[COMMITTEE_EXECUTOR]]);
    expect([storageCommittee(), lastType()]).toEqual([undefined, HEADER_EPOCH_TRANSITION]);
  });

  it("is suspended when too few storage nodes are left, and goes on when they are back", () => {
    nextEpoch();
    for (const key of storage.slice(0, 2)) addNode(key, { roles: ROLE_COMPUTE });
    rootHashParameters.set(chain.state, { ...rootHashParameters.load(chain.state), debugDoNotSuspendRuntimes: true });
    const ctx = nextEpoch();
    expect(electedKinds(ctx)).toEqual([[COMMITTEE_EXECUTOR, COMMITTEE_STORAGE]]);
    expect(kinds(ctx)).toContain("runtime_suspended");
    expect([storageCommittee(), lastType()]).toEqual([undefined, HEADER_SUSPENDED]);
    expect([getRuntime(chain.state, ID), getSuspendedRuntime(chain.state, ID)?.id]).toEqual([undefined, ID]);
    expect(getCommittees(chain.state, ID).map(({ kind }) => kind)).toEqual([COMMITTEE_EXECUTOR]);
    // A suspended runtime takes part in no election, so nothing happens before it is resumed.
    expect(electedKinds(nextEpoch())).toEqual([[COMMITTEE_EXECUTOR]]);
    for (const key of storage.slice(0, 2)) addNode(key);
    expect(resumeRuntime(chain.state, ID)).toBe(true);
    nextEpoch();
    expect([storageCommittee()?.length, lastType()]).toEqual([3, HEADER_EPOCH_TRANSITION]);
  });

  it("loses the committee once the chain has none any more, and goes on without", () => {
    nextEpoch();
    expect(storageCommittee()).toHaveLength(3);
    setGate(false);
    expect(electedKinds(nextEpoch())).toEqual([[COMMITTEE_EXECUTOR]]);
    expect([storageCommittee(), lastType()]).toEqual([undefined, HEADER_EPOCH_TRANSITION]);
  });
});
