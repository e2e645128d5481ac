import { beforeEach, describe, expect, it } from "vitest";
import { CodedError } from "#common/errors/index.js";
import { on } from "#consensus/app/dispatch.js";
import { validateParameterChanges } from "#consensus/app/parameter-changes.js";
import { beginBlock } from "#consensus/services/registry/block.js";
import { runtimeUpdated } from "#consensus/services/registry/events.js";
import { messages } from "#consensus/services/registry/messages.js";
import { RegistryParameterChanges, registryParameters } from "#consensus/services/registry/params.js";
import { event, node as queryNode, nodes, runtimes, toGenesis } from "#consensus/services/registry/queries.js";
import { getNode, getRuntime } from "#consensus/services/registry/state.js";
import { nodeClaim } from "#consensus/services/registry/types/claims.js";
import { GOVERNANCE_RUNTIME, Runtime } from "#consensus/services/registry/types/runtime.js";
import { SignedEntity } from "#consensus/services/registry/types/signed.js";
import { runtimeRegistryMessage } from "#consensus/services/registry/types/messages.js";
import { runtimeAddress } from "#common/address.js";
import {
  RegistryChain,
  keys,
  kinds,
  node,
  other,
  owner,
  runtime,
  runtimeId,
  signedEntity,
  version,
} from "./support.ts";

let chain: RegistryChain;

beforeEach(() => {
  chain = new RegistryChain();
});

describe("RegisterRuntime", () => {
  it("refuses a runtime that would start at once, one of somebody else and one whose parameters root hash refuses", () => {
    expect(chain.registerRuntime(runtime(owner, { deployments: [version(1, 5n)] }))).toBe("registry/18");
    expect(chain.registerRuntime(runtime(owner), other)).toBe("registry/12");
    chain.subscriptions.push(
      on(runtimeUpdated, () => {
        throw new CodedError("roothash", 7, "too many messages");
      }),
    );
    expect(chain.registerRuntime(runtime(owner))).toBe("roothash/7");
    expect(runtimes(chain.state, true)).toEqual([]);
    expect(chain.claims()).toEqual([]);
  });

  it("checks descriptors before the pool", () => {
    const bad = runtime(owner, { executor: { ...runtime(owner).executor, groupSize: 0 } });
    expect(chain.registerRuntime(bad, owner, "checkTx")).toBe("registry/1");
    expect(chain.registerRuntime(runtime(owner), other, "checkTx")).toBe("ok");
  });

  it("lets deployments change only in the future", () => {
    chain.withRuntime();
    chain.epoch = 7n;
    const update = (...deployments: ReturnType<typeof version>[]): string =>
      chain.registerRuntime(runtime(owner, { deployments }));
    expect(update(version(1, 7n), version(2, 9n))).toBe("ok");
    expect(update(version(1, 7n), version(2, 7n))).toBe("registry/1");
    expect(update(version(1, 6n), version(2, 9n))).toBe("registry/18");
    expect(update(version(2, 9n))).toBe("registry/18");
    expect(update(version(1, 7n), version(3, 8n))).toBe("ok");
    chain.epoch = 8n;
    expect(update(version(3, 8n))).toBe("ok");
  });

  it("moves claim and ownership with the entity", () => {
    chain.withRuntime();
    chain.stake(other, 1000n);
    chain.epoch = 6n;
    expect(chain.registerRuntime(runtime(other))).toBe("ok");
    expect(chain.claims().some((c) => c.startsWith("registry.RegisterRuntime."))).toBe(false);
    expect(chain.claims(other).some((c) => c.startsWith("registry.RegisterRuntime."))).toBe(true);
    expect(chain.registerRuntime(runtime(other))).toBe("registry/12");
  });

  it("is refused where registration is disabled", () => {
    chain = new RegistryChain({ disableRuntimeRegistration: true });
    expect(chain.registerRuntime(runtime(owner))).toBe("registry/16");
  });
});

describe("messages", () => {
  it("answers a runtime that updates itself with its descriptor", () => {
    const params = registryParameters.load(chain.state);
    const enabled = params.enableRuntimeGovernanceModels.clone().set(GOVERNANCE_RUNTIME, true);
    registryParameters.set(chain.state, { ...params, enableRuntimeGovernanceModels: enabled });
    chain.withRuntime();
    const handedOver = { governanceModel: GOVERNANCE_RUNTIME };
    expect(chain.registerRuntime(runtime(owner, handedOver))).toBe("ok");
    expect(chain.registerRuntime(runtime(owner, handedOver))).toBe("registry/16");
    chain.subscriptions.push(...messages);
    chain.epoch = 7n;
    const ctx = chain.context("endBlock");
    ctx.setSigner(owner.publicKey, runtimeAddress(runtimeId));
    const updateRuntime = runtime(owner, { ...handedOver, deployments: [version(1, 7n), version(2, 9n)] });
    expect(ctx.publish(runtimeRegistryMessage, { v: 0, updateRuntime })).toEqual(Runtime.encode(updateRuntime));
    expect(getRuntime(chain.state, runtimeId)).toEqual(updateRuntime);
    expect(() => ctx.publish(runtimeRegistryMessage, { v: 0 })).toThrow(/invalid argument/);
  });

  it("refuses parameter changes that change nothing or only the number of deployments", () => {
    chain.subscriptions.push(...messages);
    const ask = (changes: Partial<RegistryParameterChanges>): unknown => {
      const encoded = RegistryParameterChanges.encode({ ...RegistryParameterChanges.zero(), ...changes });
      return chain.context("endBlock").publish(validateParameterChanges, { module: "registry", changes: encoded });
    };
    expect(() => ask({})).toThrow(/empty/);
    expect(() => ask({ maxRuntimeDeployments: 5 })).toThrow(/empty/);
    expect(() => ask({ maxNodeExpiration: 0n })).toThrow(/expiration/);
    expect(ask({ maxNodeExpiration: 3n })).toBe(true);
  });
});

describe("epoch change", () => {
  it("announces expired nodes once, removes them after the debonding interval and hides them from queries", () => {
    chain.withRuntime();
    chain.registerNode(node(keys, owner));
    const next = (): string[] => {
      chain.committedEpoch = chain.epoch;
      chain.epoch++;
      const ctx = chain.context("beginBlock");
      beginBlock(ctx);
      return kinds(ctx);
    };
    expect([next(), next(), next()]).toEqual(Array.from({ length: 3 }, () => ["node_list_epoch"]));
    expect(nodes(chain.state, chain.epoch)).toHaveLength(1);
    expect(next()).toEqual(["node", "node_list_epoch"]);
    expect(() => queryNode(chain.state, keys.id.publicKey, chain.epoch)).toThrow(/no such node/);
    expect(next()).toEqual(["node_list_epoch"]);
    expect(getNode(chain.state, keys.id.publicKey)).toBeDefined();
    expect(next()).toEqual(["node_list_epoch"]);
    expect(getNode(chain.state, keys.id.publicKey)).toBeUndefined();
    expect(chain.claims()).not.toContain(nodeClaim(keys.id.publicKey));
  });
});

describe("queries", () => {
  it("reads events back and exports entities and runtimes but only validators", () => {
    const { ctx } = chain.run("RegisterEntity", SignedEntity.encode(signedEntity(owner, [keys.id.publicKey])));
    const carrier = ctx.emitted[0];
    if (carrier === undefined) throw new TypeError("no event");
    expect(event(carrier, 11n, new Uint8Array(32))?.entity?.isRegistration).toBe(true);
    chain.registerRuntime(runtime(owner));
    chain.registerNode(node(keys, owner));
    const exported = toGenesis(chain.state);
    expect([exported.entities.length, exported.runtimes.length, exported.nodes.length]).toEqual([1, 1, 0]);
  });
});
