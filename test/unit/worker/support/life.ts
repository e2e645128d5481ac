import { keyValue } from "../../../../examples/kv/kv.ts";
import { addressFromPublicKey, runtimeAddress } from "#common/address.js";
import { equalBytes, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { nullable, text } from "#common/schema/index.js";
import { compareVersions, type Version, versionToText } from "#common/version.js";
import { decodeEvent } from "#consensus/app/events.js";
import type { Disk } from "#common/ports/disk.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { runtimeStartedEvent, runtimeSuspendedEvent } from "#consensus/services/registry/events.js";
import { getAnyRuntime, getNode, getRuntime } from "#consensus/services/registry/state.js";
import { Runtime, type VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { getRuntimeState } from "#consensus/services/roothash/state.js";
import { HEADER_EPOCH_TRANSITION, HEADER_NORMAL, HEADER_SUSPENDED } from "#consensus/services/roothash/types.js";
import { getCommittees } from "#consensus/services/scheduler/queries.js";
import { COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import { Escrow } from "#consensus/services/staking/types/transactions.js";
import { Submitter } from "#consensus/submission.js";
import { DEFAULT_SIZE, type DevelopmentAccount, developmentAccounts, networkMembers } from "#network/topology.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { LocalNetworkOptions } from "#network/local-network.js";
import { systemClock } from "#platform/clock.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { defineRuntime, type RuntimeProgram } from "#runtime/kit/define-runtime.js";
import {
  insertCall,
  keyArgs,
  nodeNames,
  RUNTIME_ID,
  type TestNetwork,
  testNetwork,
  type TestNetworkOptions,
} from "./local-network.ts";

const KINDS: Readonly<Record<number, string>> = {
  [HEADER_NORMAL]: "normal",
  [HEADER_EPOCH_TRANSITION]: "epoch",
  [HEADER_SUSPENDED]: "suspended",
};

export const version = (major: number, minor = 0, patch = 0): Version => ({ major, minor, patch });

/** A deployment without a bundle. */
export const deployment = (of: Version, validFrom: bigint): VersionInfo => ({
  version: of,
  validFrom,
  tee: null,
  bundleChecksum: new Uint8Array(0),
});

/** Key of the text in which each version notes that it made the round. */
export const MARK = "made by";

/** The key-value runtime, marking each round with its version. */
export function markedProgram(of: Version): RuntimeProgram {
  return defineRuntime({
    ...keyValue,
    version: of,
    beginBlock(ctx) {
      keyValue.beginBlock(ctx);
      ctx.state.putText(MARK, versionToText(of));
    },
  });
}

/** Hosts whatever version is asked for, where a node has it. */
export function versions(has: (node: string, of: Version) => boolean = () => true): LocalNetworkOptions["provision"] {
  return (member, { deployment: wanted, ...site }) =>
    has(member.name, wanted.version)
      ? new InProcessHost({ ...site, program: markedProgram(wanted.version) })
      : undefined;
}

/** A network whose runtime goes through changes, and what can be seen of them from the outside. */
export class Life {
  readonly net: TestNetwork;
  readonly owner: Submitter;
  readonly stranger: Submitter;
  /** Registry and root hash events of the runtime, in order. */
  readonly events: string[] = [];
  private readonly accounts: readonly DevelopmentAccount[];
  private nonce = 0n;

  constructor(provision = versions(), more: TestNetworkOptions = {}, disks = new Map<string, Disk>()) {
    this.net = testNetwork(provision, disks, more);
    this.accounts = developmentAccounts(2);
    const [owner, stranger] = this.accounts.map(({ signer }) => this.submitter(signer));
    this.owner = owner as Submitter;
    this.stranger = stranger as Submitter;
    this.net.network.backend.onBlock((block) => this.note(block));
  }

  private submitter(signer: DevelopmentAccount["signer"]): Submitter {
    return new Submitter(this.net.network.backend, signer, systemClock);
  }

  private note({ height, outcome }: CommittedBlock): void {
    const all = [...outcome.beginEvents, ...outcome.results.flatMap(({ events }) => events), ...outcome.endEvents];
    for (const event of all) {
      if (decodeEvent(runtimeStartedEvent, event) !== undefined) this.events.push("started");
      if (decodeEvent(runtimeSuspendedEvent, event) !== undefined) this.events.push("suspended event");
    }
    const { lastBlock, lastBlockHeight } = getRuntimeState(this.net.network.backend.stateAt(height), RUNTIME_ID) ?? {};
    const kind = KINDS[lastBlock?.header.headerType ?? 0];
    if (kind === "suspended" && lastBlockHeight === height) this.events.push("suspended block");
  }

  /** The latest state. */
  get state(): KeyValueReader {
    return this.net.network.backend.stateAt(0n);
  }

  get epoch(): bigint {
    return getEpoch(this.state);
  }

  get descriptor(): Runtime {
    const found = getAnyRuntime(this.state, RUNTIME_ID);
    if (found === undefined) throw new Error("the runtime is not registered");
    return Runtime.decode(Runtime.encode(found), "extended");
  }

  get isSuspended(): boolean {
    return getRuntime(this.state, RUNTIME_ID) === undefined;
  }

  /** Members of the executor committee by name, workers first. */
  get committee(): readonly string[] {
    const members = getCommittees(this.state, RUNTIME_ID)[0]?.members ?? [];
    const names = members.map(({ publicKey, role }) => {
      const found = nodeNames("compute").find((name) =>
        equalBytes(this.net.network.node(name).identity.node.publicKey, publicKey),
      );
      return { name: found ?? "nobody", first: role === COMMITTEE_WORKER ? 0 : 1 };
    });
    return names.sort((a, b) => a.first - b.first).map(({ name }) => name);
  }

  /** Versions of the runtime that the chain says a node has. */
  registered(name: string): string[] {
    const { node } = this.net.network.node(name).identity;
    const found = getNode(this.state, node.publicKey)?.runtimes ?? [];
    const all = found.flatMap((entry) => (entry === null ? [] : [entry.version]));
    return all.sort(compareVersions).map(versionToText);
  }

  /** Replaces the descriptor by a changed one. */
  async update(change: (runtime: Runtime) => void, by: Submitter = this.owner): Promise<void> {
    const { descriptor } = this;
    change(descriptor);
    await by.submit("registry.RegisterRuntime", Runtime.encode(descriptor));
  }

  /** Makes blocks until an epoch; nodes do between them what they would. */
  async reach(epoch: bigint): Promise<void> {
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    };
    await this.net.network.backend.produceUntil(() => this.epoch >= epoch, settle);
    await settle();
  }

  /** Executes a transaction; resolves with its round. */
  async insert(key: string, value: string): Promise<bigint> {
    const call = insertCall("alice", this.nonce++, key, value);
    return (await this.net.worker("client-0").client.submitTxMeta(call)).round;
  }

  /** Which version made a round. */
  makerOf(round: bigint): Promise<string | null> {
    return this.textAt(round, MARK);
  }

  /** A text of the runtime's state after a round. */
  async textAt(round: bigint, key: string): Promise<string | null> {
    const { data } = await this.net.worker("client-0").client.query(round, "get", keyArgs(key));
    return nullable(text({ max: 1024 })).decode(data ?? new Uint8Array(0));
  }

  /** Public key of the entity that runs a node. */
  entityOf(name: string): Uint8Array {
    const found = networkMembers(hash(utf8("worker tests")), DEFAULT_SIZE).find((member) => member.name === name);
    if (found === undefined) throw new Error(`no member ${name}`);
    return found.entity.publicKey;
  }

  /** Moves stake of the runtime's owner out of escrow or back. */
  async escrow(amount: bigint): Promise<void> {
    const account = addressFromPublicKey(this.owner.publicKey);
    await this.owner.submit("staking.AddEscrow", Escrow.encode({ account, amount }));
  }

  /** Gives the runtime's own account the stake that a runtime needs which governs itself. */
  async fundRuntime(): Promise<void> {
    const account = runtimeAddress(RUNTIME_ID);
    await this.owner.submit("staking.AddEscrow", Escrow.encode({ account, amount: 1000n }));
  }

  /** Resolves when there is a committee; what happened until then is forgotten. */
  async start(): Promise<void> {
    await this.net.network.start();
    this.events.length = 0;
  }

  stop(): Promise<void> {
    return this.net.network.stop();
  }
}
