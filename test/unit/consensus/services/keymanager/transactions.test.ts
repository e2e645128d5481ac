import { beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { MemorySigner, type SignatureContext } from "#common/crypto/signature.js";
import { makeNamespace, NAMESPACE_KEY_MANAGER } from "#common/namespace.js";
import { ROLE_KEY_MANAGER } from "#common/node-roles.js";
import type { Schema } from "#common/schema/index.js";
import { SortedMap } from "#common/sorted-map.js";
import { ConsensusParameters, consensusParametersCell } from "#consensus/app/parameters.js";
import { keymanager } from "#consensus/services/keymanager/index.js";
import { INSECURE_REK } from "#consensus/services/keymanager/logic/keys.js";
import {
  churpParameters,
  defaultChurpParameters,
  KeyManagerParameters,
  keyManagerParameters,
} from "#consensus/services/keymanager/params.js";
import * as queries from "#consensus/services/keymanager/queries.js";
import { setStatus } from "#consensus/services/keymanager/state.js";
import {
  APPLICATION_CONTEXT,
  ChurpCreate,
  ChurpRequest,
  ChurpUpdate,
  CONFIRMATION_CONTEXT,
  SignedApplication,
  SignedChurpPolicy,
  SignedConfirmation,
} from "#consensus/services/keymanager/types/churp.js";
import {
  EncryptedEphemeralSecret,
  EncryptedMasterSecret,
  EncryptedSecret,
  EPHEMERAL_SECRET_CONTEXT,
  KeyManagerStatus,
  MASTER_SECRET_CONTEXT,
  PolicySgx,
  SignedEncryptedEphemeralSecret,
  SignedEncryptedMasterSecret,
  SignedPolicySgx,
} from "#consensus/services/keymanager/types/secrets.js";
import { getNode, removeNode, setNode, setRuntime } from "#consensus/services/registry/state.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Runtime, RUNTIME_COMPUTE, RUNTIME_KEY_MANAGER } from "#consensus/services/registry/types/runtime.js";
import { staking } from "#consensus/services/staking/index.js";
import { THRESHOLD_KEY_MANAGER_CHURP } from "#consensus/services/staking/types/thresholds.js";
import { Bench, key, type Said } from "../staking/support.ts";

/** The key that every enclave without trusted hardware signs with. */
const rak = MemorySigner.fromTestName("ekiden test key manager RAK seed");
const id = makeNamespace(utf8("key manager".padEnd(24, "-")), NAMESPACE_KEY_MANAGER);
const computeId = makeNamespace(utf8("compute".padEnd(24, "-")));
const unknownId = makeNamespace(utf8("nobody knows".padEnd(24, "-")));

let bench: Bench;

function addNode(name: string): void {
  const runtimes = [{ id, version: { major: 1, minor: 0, patch: 0 }, capabilities: {}, extraInfo: null }];
  const changes = { v: 3, id: key(name), entityId: key("owner"), expiration: 9n, roles: ROLE_KEY_MANAGER, runtimes };
  const node: Node = { ...Node.zero(), ...changes };
  setNode(bench.state, undefined, node, { untrustedRawValue: Node.encode(node), signatures: null });
}

function dropNode(name: string): void {
  const node = getNode(bench.state, key(name));
  if (node !== undefined) removeNode(bench.state, node);
}

beforeEach(() => {
  bench = new Bench([staking, keymanager]);
  bench.debug = { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: false };
  consensusParametersCell.set(bench.state, {
    ...ConsensusParameters.zero(),
    featureVersion: { major: 26, minor: 1, patch: 0 },
  });
  const gasCosts = KeyManagerParameters.zero().gasCosts;
  for (const [i, op] of ["update_policy", "publish_master_secret", "publish_ephemeral_secret"].entries()) {
    gasCosts.set(op, BigInt(i + 1));
  }
  keyManagerParameters.set(bench.state, { gasCosts });
  churpParameters.set(bench.state, defaultChurpParameters());
  const descriptor = { ...Runtime.zero(), v: 3, entityId: key("owner") };
  setRuntime(bench.state, { ...descriptor, id, kind: RUNTIME_KEY_MANAGER }, false);
  setRuntime(bench.state, { ...descriptor, id: computeId, kind: RUNTIME_COMPUTE }, false);
  addNode("node");
});

/** How a call ended, with the gas it took and the events it emitted. */
function summary({ said, ctx, kinds }: Said): [string, bigint, readonly string[]] {
  return [said, ctx.gas.used, kinds];
}

function policy(serial: number, runtimeId = id): SignedPolicySgx {
  return { policy: { ...PolicySgx.zero(), serial, id: runtimeId }, signatures: null };
}

describe("keymanager.UpdatePolicy", () => {
  const update = (who: string, body: SignedPolicySgx): Said =>
    bench.call(who, "keymanager.UpdatePolicy", SignedPolicySgx, body);

  test("schedules a policy of the owner", () => {
    expect(summary(update("owner", policy(1)))).toEqual(["ok", 1n, ["status"]]);
    expect(queries.status(bench.state, id).nextPolicy?.policy.serial).toBe(1);
  });

  test("refuses unknown runtimes, other kinds of runtimes, strangers and bad signatures", () => {
    expect(update("owner", policy(1, unknownId)).said).toBe("registry/11");
    expect(update("owner", policy(1, computeId)).said).toBe("unknown/1");
    expect(update("stranger", policy(1)).said).toBe("unknown/1");
    const signatures = [{ publicKey: rak.publicKey, signature: new Uint8Array(64) }];
    expect(update("owner", { ...policy(1), signatures }).said).toBe("unknown/1");
    expect(bench.callRaw("owner", "keymanager.UpdatePolicy", Uint8Array.of(0x01)).said).toBe("keymanager/1");
  });

  test("compares serials with the policy in force", () => {
    setStatus(bench.state, { ...KeyManagerStatus.zero(), id, policy: policy(5) });
    expect(update("owner", policy(5)).said).toBe("unknown/1");
    expect(update("owner", policy(6)).said).toBe("ok");
  });
});

function secretFor(keys: readonly Uint8Array[]): EncryptedSecret {
  const ciphertexts = SortedMap.bytes<Uint8Array | null>();
  for (const rek of keys) ciphertexts.set(rek, Uint8Array.of(1));
  return { ...EncryptedSecret.zero(), checksum: new Uint8Array(32), ciphertexts };
}

function sealed<T>(schema: Schema<T>, context: SignatureContext, secret: T): { secret: T; signature: Uint8Array } {
  return { secret, signature: rak.sign(context, schema.encode(secret)) };
}

function master(changes: Partial<EncryptedMasterSecret> = {}): SignedEncryptedMasterSecret {
  const secret = { runtimeId: id, generation: 0n, epoch: 6n, secret: secretFor([INSECURE_REK]), ...changes };
  return sealed(EncryptedMasterSecret, MASTER_SECRET_CONTEXT, secret);
}

function ephemeral(changes: Partial<EncryptedEphemeralSecret> = {}): SignedEncryptedEphemeralSecret {
  const secret = { runtimeId: id, epoch: 6n, secret: secretFor([INSECURE_REK]), ...changes };
  return sealed(EncryptedEphemeralSecret, EPHEMERAL_SECRET_CONTEXT, secret);
}

describe("secrets", () => {
  const publishMaster = (body: SignedEncryptedMasterSecret, who = "node"): Said =>
    bench.call(who, "keymanager.PublishMasterSecret", SignedEncryptedMasterSecret, body);
  const publishEphemeral = (body: SignedEncryptedEphemeralSecret, who = "node"): Said =>
    bench.call(who, "keymanager.PublishEphemeralSecret", SignedEncryptedEphemeralSecret, body);
  const withCommittee = (...names: string[]): void => {
    setStatus(bench.state, { ...KeyManagerStatus.zero(), id, isInitialized: true, nodes: names.map(key) });
  };

  test("keymanager.PublishMasterSecret stores the proposal of a member for the next epoch, once", () => {
    withCommittee("node");
    expect(summary(publishMaster(master()))).toEqual(["ok", 2n, ["master_secret"]]);
    expect(queries.masterSecret(bench.state, id).secret.epoch).toBe(6n);
    expect(publishMaster(master()).said).toBe("unknown/1");
  });

  test("keymanager.PublishEphemeralSecret stores the secret of a member for the next epoch, once", () => {
    withCommittee("node");
    expect(summary(publishEphemeral(ephemeral()))).toEqual(["ok", 3n, ["ephemeral_secret"]]);
    expect(queries.ephemeralSecret(bench.state, id).secret.epoch).toBe(6n);
    expect(publishEphemeral(ephemeral()).said).toBe("unknown/1");
  });

  test("keymanager.PublishMasterSecret and PublishEphemeralSecret need a key manager with a status", () => {
    expect(publishMaster(master()).said).toBe("keymanager/2");
    expect(publishEphemeral(ephemeral()).said).toBe("keymanager/2");
    expect(publishMaster(master({ runtimeId: unknownId })).said).toBe("registry/11");
    expect(publishEphemeral(ephemeral({ runtimeId: unknownId })).said).toBe("registry/11");
    expect(publishMaster(master({ runtimeId: computeId })).said).toBe("unknown/1");
  });

  test("keymanager.PublishMasterSecret and PublishEphemeralSecret are for members that are registered", () => {
    withCommittee("node", "gone");
    expect(publishMaster(master(), "stranger").said).toBe("unknown/1");
    expect(publishMaster(master()).said).toBe("registry/10");
    expect(publishEphemeral(ephemeral()).said).toBe("registry/10");
    withCommittee("gone");
    expect(publishMaster(master(), "gone").said).toBe("registry/10");
  });

  test("refuse other generations, epochs, keys and signers", () => {
    withCommittee("node");
    expect(publishMaster(master({ generation: 1n })).said).toBe("unknown/1");
    expect(publishMaster(master({ epoch: 7n })).said).toBe("unknown/1");
    expect(publishEphemeral(ephemeral({ epoch: 5n })).said).toBe("unknown/1");
    expect(publishMaster(master({ secret: secretFor([key("somebody")]) })).said).toBe("unknown/1");
    expect(publishMaster(master({ secret: secretFor([]) })).said).toBe("unknown/1");
    expect(publishMaster({ ...master(), signature: new Uint8Array(64) }).said).toBe("unknown/1");
    for (const method of ["PublishMasterSecret", "PublishEphemeralSecret"]) {
      expect(bench.callRaw("node", `keymanager.${method}`, Uint8Array.of(0x80)).said).toBe("keymanager/1");
    }
  });
});

describe("CHURP", () => {
  const churpPolicy = (): SignedChurpPolicy => ({
    ...SignedChurpPolicy.zero(),
    policy: { ...SignedChurpPolicy.zero().policy, runtimeId: id },
  });
  const create = (changes: Partial<ChurpCreate> = {}, who = "owner"): Said =>
    bench.call(who, "keymanager/churp.Create", ChurpCreate, {
      ...ChurpCreate.zero(),
      runtimeId: id,
      handoffInterval: 2n,
      policy: churpPolicy(),
      ...changes,
    });
  const update = (changes: Partial<ChurpUpdate>, who = "owner"): Said =>
    bench.call(who, "keymanager/churp.Update", ChurpUpdate, { id: 0, runtimeId: id, ...changes });
  const request = (epoch: bigint, changes: Partial<ChurpRequest> = {}): ChurpRequest => ({
    id: 0,
    runtimeId: id,
    epoch,
    checksum: new Uint8Array(32).fill(3),
    ...changes,
  });
  const apply = (application: ChurpRequest, who = "node"): Said =>
    bench.call(who, "keymanager/churp.Apply", SignedApplication, {
      application,
      signature: rak.sign(APPLICATION_CONTEXT, ChurpRequest.encode(application)),
    });
  const confirm = (confirmation: ChurpRequest, who = "node"): Said =>
    bench.call(who, "keymanager/churp.Confirm", SignedConfirmation, {
      confirmation,
      signature: rak.sign(CONFIRMATION_CONTEXT, ChurpRequest.encode(confirmation)),
    });

  test("keymanager/churp.Create starts an instance with a claim on the owner's stake", () => {
    expect(summary(create())).toEqual(["ok", 1000n, ["keymanager/churp.create"]]);
    expect(queries.churpStatus(bench.state, id, 0).nextHandoff).toBe(6n);
    expect(bench.account("owner").escrow.stakeAccumulator.claims.size).toBe(1);
    expect(create().said).toBe("unknown/1");
  });

  test("keymanager/churp.Create refuses too little stake, strangers and runtimes that are no key managers", () => {
    bench.parameters((params) => {
      params.thresholds.set(THRESHOLD_KEY_MANAGER_CHURP, 5n);
    });
    expect(create().said).toBe("staking/4");
    expect(create({}, "stranger").said).toBe("unknown/1");
    expect(create({ runtimeId: unknownId }).said).toBe("registry/11");
    expect(create({ runtimeId: computeId }).said).toBe("unknown/1");
    expect(create({ suiteId: 1 }).said).toBe("unknown/1");
    expect(create({ threshold: 128 }).said).toBe("unknown/1");
    expect(bench.callRaw("owner", "keymanager/churp.Create", Uint8Array.of(0xa1)).said).toBe("consensus/6");
  });

  test("keymanager/churp.Create knows no queries of key shares before release 26.1", () => {
    consensusParametersCell.set(bench.state, ConsensusParameters.zero());
    const asked = churpPolicy();
    const mayQuery = SortedMap.bytes<null>();
    mayQuery.set(computeId, null);
    expect(create({ policy: { ...asked, policy: { ...asked.policy, mayQuery } } }).said).toBe("registry/1");
  });

  test("keymanager/churp.Update changes what it names", () => {
    create();
    expect(summary(update({ extraShares: 2 }))).toEqual(["ok", 1000n, ["keymanager/churp.update"]]);
    expect(queries.churpStatus(bench.state, id, 0)).toMatchObject({ extraShares: 2, handoffInterval: 2n });
    expect(update({ handoffInterval: 0n }).said).toBe("ok");
    expect(queries.churpStatus(bench.state, id, 0).nextHandoff).toBe(0xffffffffffffffffn);
    expect(update({}).said).toBe("unknown/1");
    expect(update({ id: 1, extraShares: 1 }).said).toBe("unknown/1");
    expect(update({ extraShares: 1 }, "stranger").said).toBe("unknown/1");
    expect(update({ runtimeId: unknownId, extraShares: 1 }).said).toBe("registry/11");
    expect(bench.callRaw("owner", "keymanager/churp.Update", Uint8Array.of(0x00)).said).toBe("consensus/6");
  });

  test("keymanager/churp.Apply and Confirm bring a node into the next committee", () => {
    create();
    expect(summary(apply(request(6n)))).toEqual(["ok", 1000n, ["keymanager/churp.update"]]);
    expect(apply(request(6n)).said).toBe("unknown/1");
    bench.enterEpoch(6n);
    expect(summary(confirm(request(6n)))).toEqual(["ok", 1000n, ["keymanager/churp.update"]]);
    expect(confirm(request(6n)).said).toBe("unknown/1");
  });

  test("keymanager/churp.Apply refuses other handoffs, bad signatures and nodes that are gone", () => {
    expect(apply(request(6n)).said).toBe("unknown/1");
    create();
    expect(apply(request(7n)).said).toBe("unknown/1");
    expect(apply(request(6n, { runtimeId: unknownId })).said).toBe("registry/11");
    expect(apply(request(6n), "stranger").said).toBe("registry/10");
    const application = request(6n);
    const forged = { application, signature: new Uint8Array(64) };
    expect(bench.call("node", "keymanager/churp.Apply", SignedApplication, forged).said).toBe("unknown/1");
    expect(bench.callRaw("node", "keymanager/churp.Apply", Uint8Array.of(0x61)).said).toBe("consensus/6");
  });

  test("keymanager/churp.Confirm refuses who has not applied, other checksums and nodes that are gone", () => {
    create();
    apply(request(6n));
    bench.enterEpoch(6n);
    expect(confirm(request(6n), "stranger").said).toBe("unknown/1");
    expect(confirm(request(6n, { runtimeId: unknownId })).said).toBe("registry/11");
    dropNode("node");
    expect(confirm(request(6n)).said).toBe("registry/10");
    expect(bench.callRaw("node", "keymanager/churp.Confirm", Uint8Array.of(0x61)).said).toBe("consensus/6");
  });
});

test("the pool's check of CHURP charges gas and stores nothing", () => {
  const body = ChurpCreate.encode({
    ...ChurpCreate.zero(),
    runtimeId: id,
    policy: { ...SignedChurpPolicy.zero(), policy: { ...SignedChurpPolicy.zero().policy, runtimeId: id } },
  });
  const { said, ctx } = bench.callRaw("owner", "keymanager/churp.Create", body, { mode: "checkTx" });
  expect([said, ctx.gas.used, queries.churpAllStatuses(bench.state).length]).toEqual(["ok", 1000n, 0]);
});

test("questions about what is not there have codes of their own", () => {
  const code = (ask: () => unknown): string =>
    bench.attempt(bench.context("endBlock"), () => {
      ask();
    }).said;
  expect(code(() => queries.status(bench.state, id))).toBe("keymanager/2");
  expect(code(() => queries.masterSecret(bench.state, id))).toBe("keymanager/3");
  expect(code(() => queries.ephemeralSecret(bench.state, id))).toBe("keymanager/4");
  expect(code(() => queries.churpStatus(bench.state, id, 0))).toBe("keymanager/churp/1");
});
