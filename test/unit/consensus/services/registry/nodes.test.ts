import { beforeEach, describe, expect, it } from "vitest";
import { fromHex } from "#common/bytes.js";
import { consensusAddress } from "#consensus/block/block-id.js";
import { nodeByConsensusAddress } from "#consensus/services/registry/queries.js";
import { InvalidBlock } from "#consensus/app/system-tx.js";
import { makeNamespace } from "#common/namespace.js";
import { ROLE_COMPUTE, ROLE_OBSERVER, ROLE_VALIDATOR } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import {
  getNode,
  getNodeStatus,
  getRuntime,
  getSuspendedRuntime,
  nodeBySubKey,
  setNodeStatus,
  suspendRuntime,
} from "#consensus/services/registry/state.js";
import { ENTITY_CLAIM, nodeClaim } from "#consensus/services/registry/types/claims.js";
import { MultiSignedNode, SignedEntity } from "#consensus/services/registry/types/signed.js";
import type { Node } from "#consensus/services/registry/types/node.js";
import { UnfreezeNode } from "#consensus/services/registry/transactions/unfreeze-node.js";
import { THRESHOLD_ENTITY, THRESHOLD_NODE_COMPUTE } from "#consensus/services/staking/types/thresholds.js";
import {
  RegistryChain,
  gas,
  keys,
  kinds,
  method,
  moreKeys,
  node,
  nodeKeys,
  nodeRuntime,
  other,
  owner,
  runtimeId,
  signedEntity,
  signedNode,
  signer,
} from "./support.ts";

let chain: RegistryChain;

beforeEach(() => {
  chain = new RegistryChain();
});

const FREEZE_UNTIL = 9n;

describe("RegisterEntity", () => {
  it("stores the entity, claims stake and says so", () => {
    const { said, ctx } = chain.run("RegisterEntity", SignedEntity.encode(signedEntity(owner, [])));
    expect(said).toBe("ok");
    expect(kinds(ctx)).toEqual(["entity"]);
    expect(chain.claims()).toEqual([ENTITY_CLAIM]);
  });

  it("refuses somebody else's transaction, a changed descriptor and too little stake", () => {
    const envelope = signedEntity(owner, []);
    expect(chain.run("RegisterEntity", SignedEntity.encode(envelope), other).said).toBe("registry/12");
    const forged = { ...envelope, untrustedRawValue: signedEntity(other, []).untrustedRawValue };
    expect(chain.run("RegisterEntity", SignedEntity.encode(forged)).said).toBe("registry/2");
    expect(chain.run("RegisterEntity", Uint8Array.of(0xff)).said).toBe("registry/1");
    chain.setThreshold(THRESHOLD_ENTITY, 1001n);
    expect(chain.run("RegisterEntity", SignedEntity.encode(envelope)).said).toBe("staking/4");
  });

  it("checks the signature before the pool but neither stake nor signer", () => {
    const envelope = signedEntity(owner, []);
    expect(chain.run("RegisterEntity", SignedEntity.encode(envelope), other, "checkTx").said).toBe("ok");
    const forged = { ...envelope, signature: { ...envelope.signature, signature: new Uint8Array(64) } };
    expect(chain.run("RegisterEntity", SignedEntity.encode(forged), owner, "checkTx").said).toBe("registry/2");
  });

  it("charges for the entity and for each node it lists", () => {
    chain.setGas("register_entity", 7n);
    chain.setGas("register_node", 5n);
    const ctx = chain.context("simulate", owner, gas(1000n));
    const list = [keys.id.publicKey, moreKeys.id.publicKey];
    method("RegisterEntity").run(ctx, SignedEntity.encode(signedEntity(owner, list)));
    expect(ctx.gas.used).toBe(17n);
    expect(chain.claims()).toEqual([]);
  });
});

describe("DeregisterEntity", () => {
  it("gives the claim back and ignores its body", () => {
    chain.run("RegisterEntity", SignedEntity.encode(signedEntity(owner, [])));
    expect(chain.run("DeregisterEntity", Uint8Array.of(0xf6)).said).toBe("ok");
    expect(chain.claims()).toEqual([]);
    expect(chain.run("DeregisterEntity", Uint8Array.of(0xf6)).said).toBe("registry/9");
  });

  it("refuses an entity with runtimes or nodes", () => {
    chain.withRuntime();
    expect(chain.run("DeregisterEntity", Uint8Array.of(0xf6)).said).toBe("registry/19");
    expect(chain.registerNode(node(keys, owner))).toBe("ok");
    expect(chain.run("DeregisterEntity", Uint8Array.of(0xf6)).said).toBe("registry/15");
  });
});

describe("RegisterNode", () => {
  it("stores the node under all its keys with a status that is not electable yet", () => {
    chain.withRuntime();
    expect(chain.registerNode(node(keys, owner))).toBe("ok");
    for (const key of [keys.consensus, keys.p2p, keys.tls, keys.vrf]) {
      expect(nodeBySubKey(chain.state, key.publicKey)?.id).toEqual(keys.id.publicKey);
    }
    expect(getNodeStatus(chain.state, keys.id.publicKey)?.electionEligibleAfter).toBe(0xffffffffffffffffn);
    expect(chain.claims()).toContain(nodeClaim(keys.id.publicKey));
  });

  it("is found by the address of its consensus key, and by nothing that is no address", () => {
    chain.withRuntime();
    expect(chain.registerNode(node(keys, owner))).toBe("ok");
    const address = consensusAddress(keys.consensus.publicKey);
    expect(nodeByConsensusAddress(chain.state, address).id).toEqual(keys.id.publicKey);
    for (const size of [0, 5, 20, 32]) {
      expect(() => nodeByConsensusAddress(chain.state, new Uint8Array(size))).toThrow("registry: no such node");
    }
  });

  it("leaves no trace of a registration without enough stake", () => {
    chain.withRuntime();
    chain.setThreshold(THRESHOLD_NODE_COMPUTE, 1001n);
    expect(chain.registerNode(node(keys, owner))).toBe("staking/4");
    expect(getNode(chain.state, keys.id.publicKey)).toBeUndefined();
    expect(chain.claims()).not.toContain(nodeClaim(keys.id.publicKey));
  });

  it("refuses unknown entities and runtimes, strangers' keys, missing keys and missing signatures", () => {
    chain.withRuntime();
    expect(chain.registerNode(node(keys, other))).toBe("registry/9");
    const stranger = makeNamespace(new Uint8Array(24).fill(9));
    expect(chain.registerNode(node(keys, owner, { runtimes: [nodeRuntime(stranger)] }))).toBe("registry/11");
    expect(chain.registerNode(node(keys, owner, { runtimes: [null] }))).toBe("registry/1");
    expect(chain.registerNode(node(keys, owner, { expiration: 16n }))).toBe("registry/1");
    expect(chain.registerNode(node(keys, owner, { expiration: 5n }))).toBe("registry/13");
    const envelope = signedNode(keys, node(keys, owner));
    const four = { ...envelope, signatures: (envelope.signatures ?? []).slice(0, 4) };
    expect(chain.run("RegisterNode", MultiSignedNode.encode(four), keys.id).said).toBe("registry/1");
    expect(chain.run("RegisterNode", MultiSignedNode.encode(envelope), owner).said).toBe("registry/12");
    expect(chain.registerNode(node(keys, owner))).toBe("ok");
    const thief = node(moreKeys, owner, { p2p: node(keys, owner).p2p });
    expect(chain.registerNode(thief, { ...moreKeys, p2p: keys.p2p })).toBe("registry/1");
  });

  it("refuses a node that claims trusted hardware for a runtime without", () => {
    chain.withRuntime();
    const tee = { hardware: 1, rak: keys.id.publicKey, attestation: null };
    expect(chain.registerNode(node(keys, owner, { runtimes: [{ ...nodeRuntime(), capabilities: { tee } }] }))).toBe(
      "registry/8",
    );
  });

  it("charges only for epochs that were not paid before", () => {
    chain.withRuntime();
    chain.setGas("runtime_epoch_maintenance", 10n);
    const used = (expiration: bigint): bigint => {
      const ctx = chain.context("deliverTx", keys.id, gas(1000n));
      method("RegisterNode").run(ctx, MultiSignedNode.encode(signedNode(keys, node(keys, owner, { expiration }))));
      return ctx.gas.used;
    };
    expect([used(8n), used(10n), used(9n)]).toEqual([30n, 20n, 0n]);
  });

  it("makes a block invalid in which the count of runtimes and epochs is negative as a signed number", () => {
    chain = new RegistryChain({ maxNodeExpiration: 0n });
    chain.withRuntime();
    const ends = (epochs: bigint): Node => node(keys, owner, { expiration: 5n + epochs });
    expect(() => chain.registerNode(ends(1n << 63n))).toThrow(InvalidBlock);
    expect(() => chain.registerNode(ends((1n << 64n) - 6n))).toThrow(InvalidBlock);
    const envelope = MultiSignedNode.encode(signedNode(keys, ends(1n << 63n)));
    expect(chain.run("RegisterNode", envelope, keys.id, "simulate").said).toBe("registry/1");
    expect(chain.run("RegisterNode", envelope, keys.id, "initChain").said).toBe("registry/1");
    expect(chain.registerNode(ends((1n << 63n) - 1n))).toBe("ok");
  });

  it("keeps identity and runtimes of a running registration, whose roles need only overlap", () => {
    chain.withRuntime();
    const both = ROLE_COMPUTE | ROLE_OBSERVER;
    expect(chain.registerNode(node(keys, owner, { roles: both }))).toBe("ok");
    expect(chain.registerNode(node(keys, owner, { roles: ROLE_COMPUTE }))).toBe("ok");
    expect(chain.registerNode(node(keys, owner, { roles: ROLE_OBSERVER }))).toBe("registry/17");
    const consensusAddress = { id: keys.id.publicKey, address: { ip: fromHex("23010203"), port: 1n, zone: "" } };
    const consensus = { id: keys.consensus.publicKey, addresses: [consensusAddress] };
    const validator = node(keys, owner, { roles: both | ROLE_VALIDATOR, runtimes: null, consensus });
    expect(chain.registerNode(validator)).toBe("registry/1");
    expect(chain.registerNode({ ...validator, roles: ROLE_VALIDATOR })).toBe("registry/17");
    const fresh = signer("another consensus key");
    const moved = node(keys, owner, { roles: both, consensus: { id: fresh.publicKey, addresses: null } });
    expect(chain.registerNode(moved, { ...keys, consensus: fresh })).toBe("registry/17");
  });

  it("forgets the old key when a new one takes its place, but not the status", () => {
    chain.withRuntime();
    chain.registerNode(node(keys, owner));
    setNodeStatus(chain.state, keys.id.publicKey, {
      expirationProcessed: false,
      freezeEndTime: 0n,
      electionEligibleAfter: 5n,
      faults: SortedMap.bytes(),
    });
    const vrf = signer("another VRF key");
    expect(chain.registerNode(node(keys, owner, { vrf: { id: vrf.publicKey } }), { ...keys, vrf })).toBe("ok");
    expect(nodeBySubKey(chain.state, keys.vrf.publicKey)).toBeUndefined();
    expect(nodeBySubKey(chain.state, vrf.publicKey)?.id).toEqual(keys.id.publicKey);
    expect(getNodeStatus(chain.state, keys.id.publicKey)?.electionEligibleAfter).toBe(5n);
  });

  it("resumes a suspended runtime, unless its owner lacks stake", () => {
    chain.withRuntime();
    suspendRuntime(chain.context(), runtimeId);
    expect(getRuntime(chain.state, runtimeId)).toBeUndefined();
    expect(chain.registerNode(node(keys, owner))).toBe("ok");
    expect(getRuntime(chain.state, runtimeId)).toBeDefined();
    suspendRuntime(chain.context(), runtimeId);
    chain.stake(other, 5000n);
    chain.registerEntity(other, [moreKeys.id.publicKey]);
    chain.setThreshold(THRESHOLD_ENTITY, 1001n);
    expect(chain.registerNode(node(moreKeys, other), moreKeys)).toBe("ok");
    expect(getSuspendedRuntime(chain.state, runtimeId)).toBeDefined();
  });
});

describe("admission", () => {
  it("limits an entity's nodes by the whitelist, counting only other running nodes of the role", () => {
    const maxNodes = SortedMap.int<number, number>().set(ROLE_COMPUTE, 1);
    const entities = SortedMap.bytes<{ maxNodes: SortedMap<number, number> }>().set(owner.publicKey, { maxNodes });
    chain.withRuntime({ admissionPolicy: { entityWhitelist: { entities }, perRole: null } });
    expect(chain.registerNode(node(keys, owner))).toBe("ok");
    expect(chain.registerNode(node(keys, owner, { expiration: 9n }))).toBe("ok");
    expect(chain.registerNode(node(moreKeys, owner), moreKeys)).toBe("registry/16");
    expect(chain.registerNode(node(moreKeys, owner, { roles: ROLE_OBSERVER }), moreKeys)).toBe("registry/16");
    chain.epoch = 10n;
    expect(chain.registerNode(node(moreKeys, owner, { expiration: 12n }), moreKeys)).toBe("ok");
  });

  it("applies the policy of a role to that role only, where zero means no limit", () => {
    const entities = SortedMap.bytes<{ maxNodes: number }>().set(owner.publicKey, { maxNodes: 0 });
    const perRole = SortedMap.int<number, { entityWhitelist?: { entities: typeof entities } }>();
    perRole.set(ROLE_COMPUTE, { entityWhitelist: { entities } });
    chain.withRuntime({ admissionPolicy: { perRole } });
    expect(chain.registerNode(node(keys, owner))).toBe("ok");
    expect(chain.registerNode(node(moreKeys, owner), moreKeys)).toBe("ok");
    chain.stake(other, 1000n);
    const third = nodeKeys("third");
    chain.registerEntity(other, [third.id.publicKey]);
    expect(chain.registerNode(node(third, other), third)).toBe("registry/16");
    expect(chain.registerNode(node(third, other, { roles: ROLE_OBSERVER }), third)).toBe("ok");
  });
});

describe("UnfreezeNode", () => {
  it("is for the node's entity, once the freeze is over", () => {
    chain.withRuntime();
    chain.registerNode(node(keys, owner));
    const nodeId = keys.id.publicKey;
    const status = getNodeStatus(chain.state, nodeId);
    if (status === undefined) throw new TypeError("no status");
    setNodeStatus(chain.state, nodeId, { ...status, freezeEndTime: FREEZE_UNTIL });
    const body = UnfreezeNode.encode({ nodeId });
    expect(chain.run("UnfreezeNode", body, other).said).toBe("registry/3");
    expect(chain.run("UnfreezeNode", body).said).toBe("registry/14");
    chain.epoch = FREEZE_UNTIL;
    expect(chain.run("UnfreezeNode", body).said).toBe("ok");
    expect(getNodeStatus(chain.state, nodeId)?.freezeEndTime).toBe(0n);
    expect(chain.run("UnfreezeNode", UnfreezeNode.encode({ nodeId: other.publicKey })).said).toBe("registry/10");
  });
});
