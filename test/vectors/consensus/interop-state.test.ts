import { expect, it, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { Quantity } from "#common/quantity.js";
import type { Schema } from "#common/schema/index.js";
import { EpochHeight } from "#consensus/services/beacon/types.js";
import { ChurpStatus } from "#consensus/services/keymanager/types/churp.js";
import { KeyManagerStatus, SignedEncryptedEphemeralSecret } from "#consensus/services/keymanager/types/secrets.js";
import {
  allRuntimes,
  getNode,
  hasEntityNodes,
  hasEntityRuntimes,
  nodeByConsensusAddress,
  nodeList,
  storedNode,
} from "#consensus/services/registry/state.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { MultiSignedNode } from "#consensus/services/registry/types/signed.js";
import { RootHashParameters } from "#consensus/services/roothash/params.js";
import { RoundRoots, RuntimeState } from "#consensus/services/roothash/types.js";
import { Account, DebondingDelegation, Delegation } from "#consensus/services/staking/types/account.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors } from "../support/vectors.ts";

interface Pair {
  what: string;
  key: string;
  value: string;
}

/** Types of the values; null where a value is raw bytes or empty. */
const TYPES: Record<string, Schema<unknown> | null> = {
  "registry/signed-node": MultiSignedNode,
  "registry/node-by-entity": null,
  "registry/runtime": Runtime,
  "registry/node-by-consensus-address": null,
  "registry/key-map": null,
  "registry/suspended-runtime": Runtime,
  "registry/runtime-by-entity": null,
  "roothash/runtime-state": RuntimeState,
  "roothash/params": RootHashParameters,
  "roothash/state-root": null,
  "roothash/io-root": null,
  "roothash/past-roots": RoundRoots,
  "beacon/epoch": EpochHeight,
  "beacon/future-epoch": EpochHeight,
  "staking/account": Account,
  "staking/total-supply": Quantity,
  "staking/common-pool": Quantity,
  "staking/delegation": Delegation,
  "staking/debonding": DebondingDelegation,
  "staking/debonding-queue": null,
  "staking/last-block-fees": Quantity,
  "staking/gov-deposits": Quantity,
  "staking/delegation-reverse": Delegation,
  "keymanager/status": KeyManagerStatus,
  "keymanager/ephemeral-secret": SignedEncryptedEphemeralSecret,
  "keymanager/churp-status": ChurpStatus,
};

describeVectors<{ pairs: Pair[]; root: string }>("consensus/state_interop_kv.json", ({ pairs, root }) => {
  it.each(pairs.map((pair) => [pair.what, pair.key, pair] as const))("%s at %s keeps its bytes", (what, _key, pair) => {
    const schema = TYPES[what];
    expect(schema, `type of ${what}`).toBeDefined();
    if (schema === null || schema === undefined) return;
    const value = schema.decode(fromHex(pair.value));
    expect(toHex(schema.encode(value))).toBe(pair.value);
    expect(schema.fromJson(schema.toJson(value))).toBeDefined();
  });

  const nodes = pairs.filter((pair) => pair.what === "registry/signed-node");
  it.each(nodes.map((pair) => [pair.key, pair] as const))("the descriptor inside %s keeps its bytes", (_key, pair) => {
    const { untrustedRawValue } = MultiSignedNode.decode(fromHex(pair.value));
    expect(toHex(Node.encode(Node.decode(untrustedRawValue)))).toBe(toHex(untrustedRawValue));
  });

  const state = new Tree({ writeLog: false });
  for (const { key, value } of pairs) state.insert(fromHex(key), fromHex(value));

  test("all pairs together have the recorded root", () => {
    expect(toHex(state.rootHash())).toBe(root);
  });

  test("the registry finds its nodes and runtimes by all their indices", () => {
    const list = nodeList(state);
    expect(list.map((n) => toHex(n.id))).toEqual(
      nodes.map((p) => toHex(storedNode(MultiSignedNode.decode(fromHex(p.value))).id)).sort(),
    );
    for (const pair of pairs.filter((p) => p.what === "registry/node-by-consensus-address")) {
      expect(toHex(nodeByConsensusAddress(state, fromHex(pair.key).slice(1))?.id as Uint8Array)).toBe(pair.value);
    }
    for (const node of list) {
      expect(getNode(state, node.id)).toEqual(node);
      expect(hasEntityNodes(state, node.entityId)).toBe(true);
    }
    const runtimes = allRuntimes(state);
    expect(runtimes).toHaveLength(3);
    for (const runtime of runtimes) expect(hasEntityRuntimes(state, runtime.entityId)).toBe(true);
  });
});
