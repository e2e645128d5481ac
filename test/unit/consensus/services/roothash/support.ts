import { addressFromPublicKey, runtimeAddress } from "#common/address.js";
import { toHex, utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { makeNamespace } from "#common/namespace.js";
import { ROLE_COMPUTE } from "#common/node-roles.js";
import { BlockScope, Context, type ContextMode, type DebugSwitches, type Environment } from "#consensus/app/context.js";
import type { Service, TransactionMethod } from "#consensus/app/define-service.js";
import { deliver } from "#consensus/app/dispatch.js";
import { acceptancePolicy } from "#consensus/app/acceptance.js";
import { ConsensusParameters } from "#consensus/app/parameters.js";
import { registry } from "#consensus/services/registry/index.js";
import { setNode, setNodeStatus, setRuntime } from "#consensus/services/registry/state.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { GOVERNANCE_ENTITY, Runtime, RUNTIME_COMPUTE } from "#consensus/services/registry/types/runtime.js";
import { NodeStatus } from "#consensus/services/registry/types/status.js";
import { newRuntimeRegistered } from "#consensus/services/registry/events.js";
import { roothash } from "#consensus/services/roothash/index.js";
import { RootHashParameters, rootHashParameters } from "#consensus/services/roothash/params.js";
import { getRuntimeState, lastBlockOf } from "#consensus/services/roothash/state.js";
import {
  EXECUTOR_COMMITMENT_CONTEXT,
  type ExecutorCommitment,
  ExecutorCommitmentHeader,
  headerHash,
  type Message,
  messagesHash,
  type RuntimeState,
} from "#consensus/services/roothash/types.js";
import { committees } from "#consensus/services/scheduler/state.js";
import { type Committee, COMMITTEE_EXECUTOR, COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import { staking } from "#consensus/services/staking/index.js";
import { parameters as stakingParameters, StakingParameters } from "#consensus/services/staking/params.js";
import { getAccount, setAccount } from "#consensus/services/staking/state/index.js";
import { FREE_GAS, type GasAccountant } from "#consensus/transaction/gas.js";
import { Tree } from "#mkvs/tree/tree.js";

export const CHAIN_CONTEXT = "ab".repeat(32);
const SERVICES: readonly Service[] = [registry, roothash, staking];
const NO_DEBUG: DebugSwitches = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };

export function signer(name: string): MemorySigner {
  return MemorySigner.fromTestName(`root hash unit test: ${name}`);
}

export const owner = signer("owner");

export function namespace(name: string): Uint8Array {
  return makeNamespace(utf8(name.padEnd(24, "-")));
}

export function runtime(changes: Partial<Runtime> = {}): Runtime {
  const zero = Runtime.zero();
  return {
    ...zero,
    v: 3,
    id: namespace("runtime"),
    entityId: owner.publicKey,
    kind: RUNTIME_COMPUTE,
    executor: { ...zero.executor, groupSize: 2, groupBackupSize: 1, roundTimeout: 5n, maxMessages: 4 },
    governanceModel: GOVERNANCE_ENTITY,
    ...changes,
  };
}

/** One state with the services that root hash talks to; they are called directly, no blocks are made. */
export class Chain {
  readonly state = new Tree({ writeLog: false });
  epoch = 5n;
  committedEpoch = 5n;
  height = 10n;
  debug = NO_DEBUG;
  /** Services whose begin of a block is run. */
  blockServices: readonly Service[] = [roothash];
  private scope = new BlockScope(new Uint8Array(20), [], [], FREE_GAS, false);

  constructor(params: Partial<RootHashParameters> = {}) {
    const limits = { maxRuntimeMessages: 10, maxIncomingMessages: 10, maxEvidenceAge: 20n };
    rootHashParameters.set(this.state, { ...RootHashParameters.zero(), ...limits, ...params });
    stakingParameters.set(this.state, StakingParameters.zero());
  }

  private environment(): Environment {
    const committed = { get: () => undefined, iterator: () => this.state.iterator() };
    return {
      stateHeight: this.height - 1n,
      initialHeight: 1n,
      chainContext: CHAIN_CONTEXT,
      baseEpoch: 0n,
      lastAppHash: new Uint8Array(32),
      parameters: ConsensusParameters.zero(),
      committed,
      debug: this.debug,
      policy: acceptancePolicy(this.debug),
      localMinGasPrice: 0n,
      isOwnSigner: () => false,
      checked: () => undefined,
      epochs: { epoch: (s) => (s === committed ? this.committedEpoch : this.epoch), future: () => undefined },
      publish: (ctx, topic, message) => {
        const handlers = SERVICES.flatMap((s) => s.messages ?? []).filter((s) => (s.topic as unknown) === topic);
        return deliver(
          ctx,
          handlers.map(({ handle }) => ({ handle, enabled: () => true })),
          message,
        ) as never;
      },
    };
  }

  context(mode: ContextMode, key?: MemorySigner, gas: GasAccountant = FREE_GAS): Context {
    const now = { seconds: 1000n + this.height, nanos: 0 };
    const ctx = new Context(mode, this.environment(), this.state, this.scope, this.height - 1n, now, gas);
    if (key !== undefined) ctx.setSigner(key.publicKey, addressFromPublicKey(key.publicKey));
    return ctx;
  }

  /** Starts another block, in another epoch if one is given. */
  nextBlock(epoch = this.epoch): Context {
    this.height++;
    this.committedEpoch = this.epoch;
    this.epoch = epoch;
    this.scope = new BlockScope(new Uint8Array(20), [], [], FREE_GAS, false);
    const ctx = this.context("beginBlock");
    for (const service of this.blockServices) service.beginBlock?.(ctx);
    return ctx;
  }

  endBlock(): Context {
    const ctx = this.context("endBlock");
    roothash.endBlock?.(ctx);
    return ctx;
  }

  register(descriptor: Runtime): void {
    setRuntime(this.state, descriptor, false);
    this.context("deliverTx").publish(newRuntimeRegistered, descriptor);
  }

  addNode(key: MemorySigner, entity = key): void {
    const node: Node = { ...Node.zero(), v: 3, id: key.publicKey, entityId: entity.publicKey, roles: ROLE_COMPUTE };
    setNode(this.state, undefined, node, { untrustedRawValue: Node.encode(node), signatures: null });
    setNodeStatus(this.state, key.publicKey, NodeStatus.zero());
  }

  /** Registers a runtime and gives it a committee in a new epoch. */
  start(descriptor: Runtime, committee: Committee): void {
    this.register(descriptor);
    committees.set(this.state, [COMMITTEE_EXECUTOR, descriptor.id], committee);
    this.nextBlock(this.epoch + 1n);
  }

  runtimeState(id = namespace("runtime")): RuntimeState {
    const value = getRuntimeState(this.state, id);
    if (value === undefined) throw new TypeError("no such runtime");
    return value;
  }

  fund(address: Uint8Array, general: bigint, escrow = 0n): void {
    const account = getAccount(this.state, address);
    account.general.balance += general;
    account.escrow.active.balance += escrow;
    account.escrow.active.totalShares += escrow;
    setAccount(this.state, address, account);
  }

  balance(address: Uint8Array): bigint {
    return getAccount(this.state, address).general.balance;
  }
}

/** A committee of the given nodes: workers, then backup workers. */
export function committee(
  workers: readonly MemorySigner[],
  backups: readonly MemorySigner[] = [],
  id = namespace("runtime"),
): Committee {
  const seat = (role: number) => (key: MemorySigner) => ({ role, publicKey: key.publicKey });
  return {
    kind: COMMITTEE_EXECUTOR,
    members: [...workers.map(seat(COMMITTEE_WORKER)), ...backups.map(seat(COMMITTEE_WORKER + 1))],
    runtimeId: id,
    validFor: 6n,
  };
}

/** What a commitment says beside who says it. */
export interface Saying {
  readonly stateRoot?: Uint8Array;
  readonly messages?: Message[];
  readonly failure?: number;
  readonly inMessagesCount?: number;
  readonly inMessagesHash?: Uint8Array;
}

/** The unsigned header of a commitment to the next round of a runtime. */
export function commitmentHeader(
  value: RuntimeState,
  scheduler: Uint8Array,
  saying: Saying = {},
): ExecutorCommitmentHeader {
  const { header } = lastBlockOf(value);
  const { failure = 0, messages = [], inMessagesCount = 0 } = saying;
  const roots = {
    ioRoot: EMPTY_HASH,
    stateRoot: saying.stateRoot ?? new Uint8Array(32).fill(7),
    messagesHash: messagesHash(messages),
    inMessagesHash: saying.inMessagesHash ?? EMPTY_HASH,
  };
  const results = { round: header.round + 1n, previousHash: headerHash(header), inMessagesCount };
  return { schedulerId: scheduler, header: { ...results, ...(failure === 0 ? roots : {}) }, failure };
}

export function sign(
  key: MemorySigner,
  header: ExecutorCommitmentHeader,
  id = namespace("runtime"),
): ExecutorCommitment {
  const signature = key.sign(EXECUTOR_COMMITMENT_CONTEXT, ExecutorCommitmentHeader.encode(header), {
    chainContext: CHAIN_CONTEXT,
    suffix: toHex(id),
  });
  return { nodeId: key.publicKey, header, signature, messages: [] };
}

/** A commitment; messages go along if the node is its own scheduler. */
export function commitment(
  value: RuntimeState,
  key: MemorySigner,
  scheduler: MemorySigner,
  saying: Saying = {},
): ExecutorCommitment {
  const id = value.runtime?.id ?? namespace("runtime");
  const signed = sign(key, commitmentHeader(value, scheduler.publicKey, saying), id);
  return key === scheduler ? { ...signed, messages: saying.messages ?? [] } : signed;
}

/** Runs a transaction of root hash. */
export function run(ctx: Context, method: string, body: Uint8Array): void {
  const found = roothash.transactions.find((m: TransactionMethod) => m.method === `roothash.${method}`);
  if (found === undefined) throw new TypeError(`no method ${method}`);
  found.run(ctx, body);
}

/** Module and code of what an action throws, "ok" when it does not. */
export function answer(action: () => unknown): string {
  try {
    action();
    return "ok";
  } catch (error) {
    if (error instanceof CodedError) return `${error.module}/${error.code}`;
    throw error;
  }
}

/** Kinds of the events that a context emitted, without the runtime. */
export function kinds(ctx: Context): string[] {
  return ctx.emitted.flatMap((e) => e.attributes.map((a) => a.key)).filter((key) => key !== "runtime_id");
}

export const runtimeAccount = runtimeAddress(namespace("runtime"));
