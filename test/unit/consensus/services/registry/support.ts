import { addressFromPublicKey } from "#common/address.js";
import { utf8 } from "#common/bytes.js";
import { MemorySigner, STRICT_POLICY } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import type { TransactionMethod } from "#consensus/app/define-service.js";
import { newRuntimeRegistered, runtimeResumed, runtimeUpdated } from "#consensus/services/registry/events.js";
import { registry } from "#consensus/services/registry/index.js";
import { ipFromText } from "#common/ip-address.js";
import { makeNamespace, NAMESPACE_KEY_MANAGER } from "#common/namespace.js";
import { ROLE_COMPUTE } from "#common/node-roles.js";
import { type AbciEvent } from "#consensus/transaction/results.js";
import { BlockScope, Context, type ContextMode, type Environment } from "#consensus/app/context.js";
import { ConsensusParameters } from "#consensus/app/parameters.js";
import { deliver, on, type Subscription } from "#consensus/app/dispatch.js";
import { FREE_GAS, type GasAccountant, LimitedGas } from "#consensus/transaction/gas.js";
import { RegistryParameters, registryParameters } from "#consensus/services/registry/params.js";
import { ENTITY_VERSION, type Entity } from "#consensus/services/registry/types/entity.js";
import { type Node, NODE_VERSION, type NodeRuntime } from "#consensus/services/registry/types/node.js";
import {
  GOVERNANCE_ENTITY,
  Runtime,
  RUNTIME_COMPUTE,
  RUNTIME_VERSION,
  type VersionInfo,
} from "#consensus/services/registry/types/runtime.js";
import { MultiSignedNode, SignedEntity } from "#consensus/services/registry/types/signed.js";
import { parameters as stakingParameters, StakingParameters } from "#consensus/services/staking/params.js";
import { getAccount, setAccount } from "#consensus/services/staking/state/index.js";
import { Tree } from "#mkvs/tree/tree.js";

/** A chain of its own around one state: services are called directly, no blocks are made. */
export class Chain {
  readonly state = new Tree({ writeLog: false });
  epoch = 5n;
  /** Epoch at the last committed block. */
  committedEpoch = 5n;
  readonly subscriptions: Subscription[] = [];

  constructor(params: Partial<RegistryParameters> = {}) {
    const governance = RegistryParameters.zero().enableRuntimeGovernanceModels;
    governance.set(GOVERNANCE_ENTITY, true);
    const defaults = {
      ...RegistryParameters.zero(),
      maxNodeExpiration: 10n,
      enableRuntimeGovernanceModels: governance,
    };
    registryParameters.set(this.state, { ...defaults, ...params });
    stakingParameters.set(this.state, { ...StakingParameters.zero(), debondingInterval: 2n });
  }

  private environment(): Environment {
    const { state } = this;
    return {
      stateHeight: 10n,
      initialHeight: 1n,
      chainContext: "00".repeat(32),
      baseEpoch: 0n,
      lastAppHash: new Uint8Array(32),
      parameters: ConsensusParameters.zero(),
      committed: { get: () => undefined, iterator: () => state.iterator() },
      debug: { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false },
      policy: STRICT_POLICY,
      localMinGasPrice: 0n,
      isOwnSigner: () => false,
      checked: () => undefined,
      epochs: {
        epoch: (from) => (from === state ? this.epoch : this.committedEpoch),
        future: () => undefined,
      },
      publish: (ctx, topic, message) => {
        const handlers = this.subscriptions.filter((s) => (s.topic as unknown) === topic);
        const subscribers = handlers.map(({ handle }) => ({ handle, enabled: () => true }));
        return deliver(ctx, subscribers, message) as never;
      },
    };
  }

  context(mode: ContextMode = "deliverTx", signer?: MemorySigner, gas: GasAccountant = FREE_GAS): Context {
    const scope = new BlockScope(new Uint8Array(20), [], [], gas, false);
    const ctx = new Context(mode, this.environment(), this.state, scope, 10n, { seconds: 1000n, nanos: 0 }, gas);
    if (signer !== undefined) ctx.setSigner(signer.publicKey, addressFromPublicKey(signer.publicKey));
    return ctx;
  }

  /** Gives an entity active stake. */
  stake(entity: MemorySigner, amount: bigint): void {
    const address = addressFromPublicKey(entity.publicKey);
    const account = getAccount(this.state, address);
    account.escrow.active.balance = amount;
    account.escrow.active.totalShares = amount;
    setAccount(this.state, address, account);
  }
}

export function gas(limit: bigint): LimitedGas {
  return new LimitedGas(limit);
}

export function signer(name: string): MemorySigner {
  return MemorySigner.fromTestName(`registry unit test: ${name}`);
}

export const runtimeId = makeNamespace(utf8("compute".padEnd(24, "-")));
export const keyManagerId = makeNamespace(utf8("key manager".padEnd(24, "-")), NAMESPACE_KEY_MANAGER);

export function signedEntity(owner: MemorySigner, nodes: readonly Uint8Array[]): SignedEntity {
  const entity: Entity = { v: ENTITY_VERSION, id: owner.publicKey, nodes: [...nodes] };
  return SignedEntity.sign(owner, entity);
}

/** The five keys of a node. */
export interface NodeKeys {
  readonly id: MemorySigner;
  readonly consensus: MemorySigner;
  readonly p2p: MemorySigner;
  readonly tls: MemorySigner;
  readonly vrf: MemorySigner;
}

export function nodeKeys(name: string): NodeKeys {
  const key = (use: string): MemorySigner => signer(`${name} ${use}`);
  return { id: key("id"), consensus: key("consensus"), p2p: key("p2p"), tls: key("tls"), vrf: key("vrf") };
}

export function nodeRuntime(id: Uint8Array = runtimeId, major = 1): NodeRuntime {
  return { id, version: { major, minor: 0, patch: 0 }, capabilities: {}, extraInfo: null };
}

export function node(keys: NodeKeys, owner: MemorySigner, changes: Partial<Node> = {}): Node {
  const address = { ip: ipFromText("35.1.2.3"), port: 30002n, zone: "" };
  return {
    v: NODE_VERSION,
    id: keys.id.publicKey,
    entityId: owner.publicKey,
    expiration: 8n,
    tls: { pubKey: keys.tls.publicKey },
    p2p: { id: keys.p2p.publicKey, addresses: [address] },
    consensus: { id: keys.consensus.publicKey, addresses: null },
    vrf: { id: keys.vrf.publicKey },
    runtimes: [nodeRuntime()],
    roles: ROLE_COMPUTE,
    softwareVersion: "",
    ...changes,
  };
}

export function signedNode(keys: NodeKeys, descriptor: Node): MultiSignedNode {
  return MultiSignedNode.sign([keys.id, keys.consensus, keys.p2p, keys.tls, keys.vrf], descriptor);
}

export function version(major: number, validFrom: bigint): VersionInfo {
  return { version: { major, minor: 0, patch: 0 }, validFrom, tee: null, bundleChecksum: new Uint8Array(0) };
}

export function runtime(owner: MemorySigner, changes: Partial<Runtime> = {}): Runtime {
  const zero = Runtime.zero();
  return {
    ...zero,
    v: RUNTIME_VERSION,
    id: runtimeId,
    entityId: owner.publicKey,
    kind: RUNTIME_COMPUTE,
    executor: { ...zero.executor, groupSize: 1, groupBackupSize: 1, roundTimeout: 5n },
    txnScheduler: {
      ...zero.txnScheduler,
      batchFlushTimeout: 1_000_000_000n,
      maxBatchSize: 10n,
      maxBatchSizeBytes: 4096n,
      proposerTimeout: 2_000_000_000n,
    },
    admissionPolicy: { anyNode: {}, perRole: null },
    governanceModel: GOVERNANCE_ENTITY,
    deployments: [version(1, 7n)],
    ...changes,
  };
}

/** Kinds of the events that a context emitted. */
export function kinds(ctx: Context): string[] {
  return ctx.emitted.flatMap((e: AbciEvent) => e.attributes.map((a) => a.key));
}

/** A chain with the methods of the registry, and the entity `owner` with stake. */
export class RegistryChain extends Chain {
  constructor(params: Partial<RegistryParameters> = {}) {
    super(params);
    this.subscriptions.push(
      on(newRuntimeRegistered, () => undefined),
      on(runtimeUpdated, () => undefined),
      on(runtimeResumed, () => undefined),
    );
    this.stake(owner, 1000n);
  }

  /** Runs a method and says how it ended. */
  run(name: string, body: Uint8Array, from = owner, mode: ContextMode = "deliverTx"): { said: string; ctx: Context } {
    const ctx = this.context(mode, from);
    try {
      method(name).run(ctx, body);
      return { said: "ok", ctx };
    } catch (error) {
      if (error instanceof CodedError) return { said: `${error.module}/${error.code}`, ctx };
      throw error;
    }
  }

  registerNode(descriptor: Node, by = keys): string {
    return this.run("RegisterNode", MultiSignedNode.encode(signedNode(by, descriptor)), by.id).said;
  }

  registerRuntime(descriptor: Runtime, from = owner, mode: ContextMode = "deliverTx"): string {
    return this.run("RegisterRuntime", Runtime.encode(descriptor), from, mode).said;
  }

  registerEntity(by: MemorySigner, nodes: readonly Uint8Array[]): string {
    return this.run("RegisterEntity", SignedEntity.encode(signedEntity(by, nodes)), by).said;
  }

  /** Names of the claims on an entity's stake. */
  claims(of = owner): string[] {
    const account = getAccount(this.state, addressFromPublicKey(of.publicKey));
    return Array.from(account.escrow.stakeAccumulator.claims.keys());
  }

  setThreshold(kind: number, amount: bigint): void {
    const params = stakingParameters.load(this.state);
    const thresholds = params.thresholds.clone().set(kind, amount);
    stakingParameters.set(this.state, { ...params, thresholds });
  }

  setGas(operation: string, price: bigint): void {
    const params = registryParameters.load(this.state);
    const gasCosts = params.gasCosts.clone().set(operation, price);
    registryParameters.set(this.state, { ...params, gasCosts });
  }

  /** Registers `owner` with two nodes, and its runtime. */
  withRuntime(changes: Partial<Runtime> = {}): this {
    const list = [keys.id.publicKey, moreKeys.id.publicKey];
    const said = [this.registerEntity(owner, list), this.registerRuntime(runtime(owner, changes))];
    if (said.some((s) => s !== "ok")) throw new TypeError(`set-up failed: ${said.join(", ")}`);
    return this;
  }
}

export const owner = signer("owner");
export const other = signer("other");
export const keys = nodeKeys("first");
export const moreKeys = nodeKeys("second");

/** A method of the registry. */
export function method(name: string): TransactionMethod {
  const found = registry.transactions.find((t) => t.method === `registry.${name}`);
  if (found === undefined) throw new TypeError(`no method ${name}`);
  return found;
}
