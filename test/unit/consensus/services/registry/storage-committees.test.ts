import { decode, encode } from "cborg";
import { describe, expect, it } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { ROLE_COMPUTE, ROLE_KEY_MANAGER, ROLE_OBSERVER, ROLE_STORAGE, ROLE_VALIDATOR } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import { applyParameterChanges } from "#consensus/app/parameter-changes.js";
import { RegistryGenesis, RegistryParameterChanges, registryParameters } from "#consensus/services/registry/params.js";
import { messages } from "#consensus/services/registry/messages.js";
import { toGenesis } from "#consensus/services/registry/queries.js";
import { getNode, getRuntime } from "#consensus/services/registry/state.js";
import { runtimeRegistryMessage } from "#consensus/services/registry/types/messages.js";
import {
  Runtime,
  RUNTIME_KEY_MANAGER,
  type StorageCommitteeParameters,
} from "#consensus/services/registry/types/runtime.js";
import { SgxConstraints, TEE_INTEL_SGX } from "#consensus/services/registry/types/tee.js";
import { getAccount } from "#consensus/services/staking/state/index.js";
import { THRESHOLD_NODE_STORAGE, THRESHOLD_RUNTIME_COMPUTE } from "#consensus/services/staking/types/thresholds.js";
import {
  gas,
  keyManagerId,
  keys,
  method,
  moreKeys,
  node,
  nodeRuntime,
  owner,
  RegistryChain,
  runtime,
  runtimeId,
  version,
} from "./support.ts";

const LIMITS: StorageCommitteeParameters = {
  validFrom: 8n,
  groupSize: 3,
  minWriteReplication: 2,
  maxApplyOps: 2n,
  maxApplyWriteLogEntries: 10n,
};

function withCommittee(changes: Partial<StorageCommitteeParameters> = {}, more: Partial<Runtime> = {}): Runtime {
  const plain = runtime(owner, more);
  return { ...plain, storage: { ...plain.storage, committee: { ...LIMITS, ...changes } } };
}

/** A chain in epoch 5 with storage committees; its entity `owner` may have both nodes. */
function chainWith(on = true): RegistryChain {
  const chain = new RegistryChain();
  registryParameters.set(chain.state, { ...registryParameters.load(chain.state), enableStorageCommittees: on });
  expect(chain.registerEntity(owner, [keys.id.publicKey, moreKeys.id.publicKey])).toBe("ok");
  return chain;
}

/** A chain with a runtime that has a storage committee. */
function chainWithStorage(descriptor = withCommittee()): RegistryChain {
  const chain = chainWith();
  expect(chain.registerRuntime(descriptor)).toBe("ok");
  return chain;
}

const storageOnly = nodeRuntime(runtimeId, 0);

describe("a runtime descriptor with a storage committee", () => {
  it("is stored, answered and exported with it", () => {
    const chain = chainWithStorage();
    expect(getRuntime(chain.state, runtimeId)?.storage.committee).toEqual(LIMITS);
    const exported = RegistryGenesis.fromJson(RegistryGenesis.toJson(toGenesis(chain.state)));
    expect(exported.runtimes[0]?.storage.committee).toEqual(LIMITS);
    expect(exported.params.enableStorageCommittees).toBe(true);
  });

  it("has a field that is unknown on a chain without them, before any gas", () => {
    const chain = chainWith(false);
    chain.setGas("register_runtime", 10n);
    const ctx = chain.context("deliverTx", owner, gas(100n));
    expect(() => method("RegisterRuntime").run(ctx, Runtime.encode(withCommittee()))).toThrow(/unknown field/);
    expect(ctx.gas.used).toBe(0n);
    expect(chain.registerRuntime(withCommittee())).toBe("registry/1");
    expect(chain.registerRuntime(withCommittee(), owner, "checkTx")).toBe("registry/1");
    expect(chain.registerRuntime(runtime(owner))).toBe("ok");
  });

  it("is refused in a message too on a chain without them", () => {
    const chain = chainWith(false);
    const answer = messages.find(({ topic }) => (topic as unknown) === runtimeRegistryMessage);
    const send = () => answer?.handle(chain.context("deliverTx", owner), { v: 0, updateRuntime: withCommittee() });
    expect(send).toThrow(/not enabled/);
  });

  it("has limits for each of its members", () => {
    const bad: Partial<StorageCommitteeParameters>[] = [
      { groupSize: 0 },
      { groupSize: 129 },
      { minWriteReplication: 0 },
      { minWriteReplication: 4 },
      { maxApplyOps: 1n },
      { maxApplyWriteLogEntries: 9n },
      { challenge: { deposit: 1n, responseBlocks: 9n, maxAgeRounds: 1n } },
      { challenge: { deposit: 1n, responseBlocks: (1n << 32n) + 1n, maxAgeRounds: 1n } },
      { challenge: { deposit: 1n, responseBlocks: 10n, maxAgeRounds: 0n } },
    ];
    for (const changes of bad) expect(chainWith().registerRuntime(withCommittee(changes))).toBe("registry/1");
    expect(chainWith().registerRuntime(withCommittee({ groupSize: 128, minWriteReplication: 128 }))).toBe("ok");
    const challenge = { deposit: 0n, responseBlocks: 10n, maxAgeRounds: 1n };
    const chain = chainWith();
    expect(chain.registerRuntime(withCommittee({ challenge }))).toBe("ok");
    expect(getRuntime(chain.state, runtimeId)?.storage.committee?.challenge).toEqual(challenge);
  });

  it("has one form without a committee: no null, no empty map; and so it is with challenges", () => {
    const storage = (value: unknown): Uint8Array => {
      const plain = decode(Runtime.encode(withCommittee()), { useMaps: true }) as Map<string, Map<string, unknown>>;
      plain.get("storage")?.set("committee", value);
      return encode(plain);
    };
    const full = decode(Runtime.encode(withCommittee()), { useMaps: true }) as Map<string, Map<string, unknown>>;
    const committee = full.get("storage")?.get("committee") as Map<string, unknown>;
    expect(chainWith().run("RegisterRuntime", storage(committee)).said).toBe("ok");
    expect(chainWith().run("RegisterRuntime", storage(null)).said).toBe("registry/1");
    expect(chainWith().run("RegisterRuntime", storage(new Map())).said).toBe("registry/1");
    for (const value of [null, new Map()]) {
      const challenged = new Map([...committee, ["challenge", value]]);
      expect(chainWith().run("RegisterRuntime", storage(challenged)).said).toBe("registry/1");
    }
  });

  it("is no key manager", () => {
    const keyManager: Partial<Runtime> = {
      id: keyManagerId,
      kind: RUNTIME_KEY_MANAGER,
      teeHardware: TEE_INTEL_SGX,
      deployments: [
        {
          ...version(1, 7n),
          tee: SgxConstraints.encode({
            ...SgxConstraints.zero(),
            enclaves: [{ mrEnclave: new Uint8Array(32), mrSigner: new Uint8Array(32) }],
          }),
        },
      ],
    };
    expect(chainWith().registerRuntime(runtime(owner, keyManager))).toBe("ok");
    expect(chainWith().registerRuntime(withCommittee({}, keyManager))).toBe("registry/1");
  });

  it("may set a threshold and an admission policy for storage nodes, others may not", () => {
    const plain = runtime(owner);
    const thresholds = SortedMap.int<number, bigint>().set(THRESHOLD_NODE_STORAGE, 5n);
    const perRole = SortedMap.int<number, object>().set(ROLE_STORAGE, {});
    const maxNodes = SortedMap.int<number, number>().set(ROLE_STORAGE, 1);
    const entities = SortedMap.bytes<{ maxNodes: typeof maxNodes }>().set(owner.publicKey, { maxNodes });
    const special: Partial<Runtime>[] = [
      { staking: { ...plain.staking, thresholds } },
      { admissionPolicy: { perRole } },
      { admissionPolicy: { entityWhitelist: { entities }, perRole: null } },
    ];
    for (const changes of special) {
      expect(chainWith().registerRuntime(withCommittee({}, changes))).toBe("ok");
      expect(chainWith().registerRuntime(runtime(owner, changes))).toBe("registry/1");
      expect(chainWith(false).registerRuntime(runtime(owner, changes))).toBe("registry/1");
    }
  });
});

describe("the first epoch of a storage committee", () => {
  it("leaves nodes the time to register and to become eligible", () => {
    expect(chainWith().registerRuntime(withCommittee({ validFrom: 7n }))).toBe("registry/18");
    expect(chainWith().registerRuntime(withCommittee({ validFrom: 0n }))).toBe("registry/18");
    const chain = chainWithStorage(runtime(owner));
    expect(chain.registerRuntime(withCommittee({ validFrom: 7n }))).toBe("registry/18");
    expect(chain.registerRuntime(withCommittee({ validFrom: 8n }))).toBe("ok");
  });

  it("may be at once where new runtimes may start at once, but not for old ones", () => {
    const chain = chainWith();
    registryParameters.set(chain.state, { ...registryParameters.load(chain.state), debugDeployImmediately: true });
    expect(chain.registerRuntime(withCommittee({ validFrom: 0n }))).toBe("ok");
    expect(chain.registerRuntime(runtime(owner))).toBe("ok");
    expect(chain.registerRuntime(withCommittee({ validFrom: 0n }))).toBe("registry/18");
  });

  it("may be at once in the genesis document", () => {
    expect(chainWith().registerRuntime(withCommittee({ validFrom: 0n }), owner, "initChain")).toBe("ok");
  });

  it("moves only while it is ahead, and no nearer than for a new one", () => {
    const chain = chainWithStorage();
    chain.epoch = 7n;
    expect(chain.registerRuntime(withCommittee({ validFrom: 9n }))).toBe("registry/18");
    expect(chain.registerRuntime(withCommittee({ groupSize: 4 }))).toBe("ok");
    expect(chain.registerRuntime(withCommittee({ validFrom: 10n }))).toBe("ok");
    chain.epoch = 10n;
    expect(chain.registerRuntime(withCommittee({ validFrom: 13n }))).toBe("registry/18");
    expect(chain.registerRuntime(withCommittee({ validFrom: 10n, minWriteReplication: 1 }))).toBe("ok");
  });

  it("is asked for again after opting out", () => {
    const chain = chainWithStorage();
    chain.epoch = 9n;
    expect(chain.registerRuntime(runtime(owner))).toBe("ok");
    expect(getRuntime(chain.state, runtimeId)?.storage.committee).toBeUndefined();
    expect(chain.registerRuntime(withCommittee())).toBe("registry/18");
    expect(chain.registerRuntime(withCommittee({ validFrom: 12n }))).toBe("ok");
  });
});

describe("a storage node", () => {
  const storage = (changes = {}) => node(keys, owner, { roles: ROLE_STORAGE, runtimes: [storageOnly], ...changes });

  it("registers for a runtime with a storage committee, without a version of its own", () => {
    const chain = chainWithStorage();
    expect(chain.registerNode(storage())).toBe("ok");
    expect(getNode(chain.state, keys.id.publicKey)?.roles).toBe(ROLE_STORAGE);
    expect(chainWithStorage().registerNode(storage({ runtimes: [nodeRuntime()] }))).toBe("registry/1");
    expect(chainWithStorage().registerNode(storage({ runtimes: null }))).toBe("registry/1");
    expect(chainWithStorage().registerNode(storage({ p2p: { ...storage().p2p, addresses: null } }))).toBe("registry/1");
  });

  it("may also validate, compute or observe; who computes lists the version that it runs", () => {
    for (const role of [ROLE_COMPUTE, ROLE_OBSERVER]) {
      const both = storage({ roles: ROLE_STORAGE | role, runtimes: [nodeRuntime()] });
      expect(chainWithStorage().registerNode(both)).toBe("ok");
    }
    const addresses = [{ id: keys.consensus.publicKey, address: { ...storage().p2p.addresses![0]! } }];
    const validator = { roles: ROLE_STORAGE | ROLE_VALIDATOR, consensus: { id: keys.consensus.publicKey, addresses } };
    expect(chainWithStorage().registerNode(storage(validator))).toBe("ok");
  });

  it("has an invalid role where no runtime of its own has a storage committee", () => {
    expect(chainWithStorage(runtime(owner)).registerNode(storage())).toBe("registry/1");
    const both = storage({ roles: ROLE_STORAGE | ROLE_COMPUTE, runtimes: [nodeRuntime()] });
    expect(chainWithStorage(runtime(owner)).registerNode(both)).toBe("registry/1");
    const chain = chainWithStorage();
    registryParameters.set(chain.state, { ...registryParameters.load(chain.state), enableStorageCommittees: false });
    expect(chain.registerNode(storage())).toBe("registry/1");
  });

  it("does not serve runtimes without a storage committee by that role alone", () => {
    const chain = chainWithStorage();
    const other = Uint8Array.from(runtimeId);
    other[31] = 1;
    expect(chain.registerRuntime(runtime(owner, { id: other }))).toBe("ok");
    const runtimes = [storageOnly, nodeRuntime(other, 0)];
    expect(chain.registerNode(storage({ runtimes }))).toBe("registry/1");
    const roles = ROLE_STORAGE | ROLE_COMPUTE;
    expect(chain.registerNode(storage({ roles, runtimes: [nodeRuntime(), nodeRuntime(other)] }))).toBe("ok");
  });

  it("needs no trusted hardware for a runtime in enclaves, unless it also computes", () => {
    const enclaves = [{ mrEnclave: new Uint8Array(32), mrSigner: new Uint8Array(32) }];
    const tee = SgxConstraints.encode({ ...SgxConstraints.zero(), enclaves });
    const enclaved = withCommittee({}, { teeHardware: TEE_INTEL_SGX, deployments: [{ ...version(1, 7n), tee }] });
    expect(chainWithStorage(enclaved).registerNode(storage())).toBe("ok");
    const both = storage({ roles: ROLE_STORAGE | ROLE_COMPUTE, runtimes: [nodeRuntime()] });
    expect(chainWithStorage(enclaved).registerNode(both)).toBe("registry/8");
    const capabilities = { tee: { hardware: TEE_INTEL_SGX, rak: new Uint8Array(32), attestation: null } };
    expect(chainWithStorage(enclaved).registerNode(storage({ runtimes: [{ ...storageOnly, capabilities }] }))).toBe(
      "registry/1",
    );
  });

  it("has to do with compute runtimes only, whatever else it is", () => {
    const keyManagerToo = storage({ roles: ROLE_STORAGE | ROLE_KEY_MANAGER });
    expect(chainWithStorage().registerNode(keyManagerToo)).toBe("ok");
  });

  it("claims stake for each runtime that it stores", () => {
    const thresholds = SortedMap.int<number, bigint>().set(THRESHOLD_NODE_STORAGE, 5n);
    const chain = chainWithStorage(withCommittee({}, { staking: { ...runtime(owner).staking, thresholds } }));
    chain.setThreshold(THRESHOLD_NODE_STORAGE, 996n);
    expect(chain.registerNode(storage())).toBe("staking/4");
    chain.setThreshold(THRESHOLD_NODE_STORAGE, 995n);
    chain.setThreshold(THRESHOLD_RUNTIME_COMPUTE, 0n);
    expect(chain.registerNode(storage())).toBe("ok");
    const { claims } = getAccount(chain.state, addressFromPublicKey(owner.publicKey)).escrow.stakeAccumulator;
    const claim = Array.from(claims.entries()).find(([name]) => name.startsWith("registry.RegisterNode"));
    expect(claim?.[1]).toMatchObject([{ global: THRESHOLD_NODE_STORAGE }, { constant: 5n }]);
  });

  it("claims nothing for runtimes without a storage committee", () => {
    const chain = chainWithStorage();
    const other = Uint8Array.from(runtimeId);
    other[31] = 1;
    expect(chain.registerRuntime(runtime(owner, { id: other }))).toBe("ok");
    chain.setThreshold(THRESHOLD_NODE_STORAGE, 600n);
    const roles = ROLE_STORAGE | ROLE_COMPUTE;
    expect(chain.registerNode(storage({ roles, runtimes: [nodeRuntime(), nodeRuntime(other)] }))).toBe("ok");
    chain.setThreshold(THRESHOLD_NODE_STORAGE, 1001n);
    const more = { roles, expiration: 9n, runtimes: [nodeRuntime(), nodeRuntime(other)] };
    expect(chain.registerNode(storage(more))).toBe("staking/4");
  });

  it("is counted by the admission policies of its role", () => {
    const maxNodes = SortedMap.int<number, number>().set(ROLE_STORAGE, 1);
    const entities = SortedMap.bytes<{ maxNodes: typeof maxNodes }>().set(owner.publicKey, { maxNodes });
    const chain = chainWithStorage(
      withCommittee({}, { admissionPolicy: { entityWhitelist: { entities }, perRole: null } }),
    );
    expect(chain.registerNode(storage())).toBe("ok");
    const second = node(moreKeys, owner, { roles: ROLE_STORAGE, runtimes: [storageOnly] });
    expect(chain.registerNode(second, moreKeys)).toBe("registry/16");
    const nobody = SortedMap.int<number, object>().set(ROLE_STORAGE, { entityWhitelist: { entities: null } });
    const closed = chainWithStorage(withCommittee({}, { admissionPolicy: { perRole: nobody } }));
    expect(closed.registerNode(storage())).toBe("registry/16");
    expect(closed.registerNode(node(keys, owner))).toBe("ok");
  });

  it("cannot renew its registration after the runtime has given its committee up", () => {
    const chain = chainWithStorage();
    expect(chain.registerNode(storage())).toBe("ok");
    expect(chain.registerRuntime(runtime(owner))).toBe("ok");
    expect(chain.registerNode(storage({ expiration: 9n }))).toBe("registry/1");
  });
});

describe("a proposal to change the parameters of the registry", () => {
  function change(chain: RegistryChain, changes: Partial<RegistryParameterChanges>): void {
    const body = RegistryParameterChanges.encode({ ...RegistryParameterChanges.zero(), ...changes });
    const apply = messages.find(({ topic }) => (topic as unknown) === applyParameterChanges);
    apply?.handle(chain.context("endBlock"), { module: "registry", changes: body });
  }

  it("cannot switch storage committees on: the field is unknown until they are", () => {
    const chain = chainWith(false);
    expect(() => change(chain, { enableStorageCommittees: true })).toThrow(/unknown field "enable_storage_committees"/);
    expect(registryParameters.load(chain.state).enableStorageCommittees).toBe(false);
  });

  it("can switch them off and leave them on", () => {
    const chain = chainWith();
    change(chain, { enableStorageCommittees: true });
    change(chain, { maxNodeExpiration: 5n });
    expect(registryParameters.load(chain.state)).toMatchObject({
      enableStorageCommittees: true,
      maxNodeExpiration: 5n,
    });
    change(chain, { enableStorageCommittees: false });
    expect(registryParameters.load(chain.state).enableStorageCommittees).toBe(false);
  });
});
