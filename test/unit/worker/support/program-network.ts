import { addressFromPublicKey, runtimeAddress } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Schema } from "#common/schema/index.js";
import type { Inclusion } from "#consensus/backends/backend.js";
import { ServiceEvent } from "#consensus/rpc.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { getQueueMeta } from "#consensus/services/roothash/state.js";
import { type Event as RootHashEvent, HEADER_NORMAL, SubmitMessage } from "#consensus/services/roothash/types.js";
import { getAccount } from "#consensus/services/staking/state/index.js";
import type { Account } from "#consensus/services/staking/types/account.js";
import { Submitter } from "#consensus/submission.js";
import { developmentAccounts } from "#network/topology.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { CallOutput, type EventType, type RuntimeProgram, signCall } from "#runtime/kit/index.js";
import { EVENT_KIND } from "#runtime/rhp/messages/index.js";
import { BackendReader } from "#worker/consensus-reader.js";
import { type Provision, RUNTIME_ID, type TestNetwork, testNetwork, type TestNetworkOptions } from "./local-network.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { type Interference, WrappedHost } from "./wrapped-host.ts";

const START_MS = 1_700_000_000_000;
/** Owner of the network's runtime and somebody else, who both have tokens, and one who has none. */
export const [OWNER, ALICE, BOB] = developmentAccounts(3).map(({ signer }) => signer) as [Signer, Signer, Signer];

export const addressOf = (signer: Signer): Uint8Array => addressFromPublicKey(signer.publicKey);
export const RUNTIME_ACCOUNT: Uint8Array = runtimeAddress(RUNTIME_ID);

export interface ProgramNetworkOptions extends Pick<TestNetworkOptions, "edit" | "components" | "receipts"> {
  readonly tune?: (runtime: Runtime) => void;
  /** Stands between the worker of a node and its runtime. */
  readonly interfere?: (node: string) => Interference;
}

/** A local network in virtual time whose runtime is a program of the kit. */
export class ProgramNetwork {
  private readonly clock = new VirtualClock(START_MS);
  readonly net: TestNetwork;
  private readonly nonces = new Map<string, bigint>();
  private readonly submitters = new Map<string, Submitter>();

  constructor(program: RuntimeProgram, options: ProgramNetworkOptions = {}) {
    const { interfere, ...more } = options;
    const provision: Provision = ({ name }, site) => {
      const host = new InProcessHost({ ...site, program });
      return interfere === undefined ? host : new WrappedHost(host, interfere(name));
    };
    this.net = testNetwork(provision, new Map(), { clock: this.clock, ...more });
  }

  start(): Promise<void> {
    return this.net.network.start();
  }

  async stop(): Promise<void> {
    await this.net.network.stop();
    this.clock.stop();
  }

  private get client() {
    return this.net.worker("client-0").client;
  }

  /** The consensus layer's state after its latest block. */
  account(address: Uint8Array): Account {
    return getAccount(this.net.network.backend.stateAt(0n), address);
  }

  balance(address: Uint8Array): bigint {
    return this.account(address).general.balance;
  }

  /** Submits a transaction to the consensus layer and waits until it is in a block. */
  consensus<T>(signer: Signer, method: string, schema: Schema<T>, body: T): Promise<Inclusion> {
    const id = toHex(signer.publicKey);
    const { backend } = this.net.network;
    const submitter = this.submitters.get(id) ?? new Submitter(backend, signer, this.clock);
    this.submitters.set(id, submitter);
    return submitter.submit(method, schema.encode(body));
  }

  /** Sends a message to the runtime by way of the consensus layer. */
  sendMessage(signer: Signer, message: Partial<SubmitMessage>): Promise<Inclusion> {
    const body = { ...SubmitMessage.zero(), id: RUNTIME_ID, ...message };
    return this.consensus(signer, "roothash.SubmitMsg", SubmitMessage, body);
  }

  /** A signed transaction of the runtime. */
  transaction<T>(signer: Signer, method: string, schema: Schema<T>, args: T): Uint8Array {
    const id = toHex(signer.publicKey);
    const nonce = this.nonces.get(id) ?? 0n;
    this.nonces.set(id, nonce + 1n);
    const target = { runtimeId: RUNTIME_ID, chainContext: this.net.network.backend.app.chainContext };
    return signCall(signer, { nonce, method, args: schema.encode(args) }, target);
  }

  /** Carries out a transaction. @returns the round, and the text of its refusal if it was refused */
  async call<T>(
    signer: Signer,
    method: string,
    schema: Schema<T>,
    args: T,
  ): Promise<{ round: bigint; error?: string }> {
    const transaction = this.transaction(signer, method, schema, args);
    const { round, output, checkTxError } = await this.client.submitTxMeta(transaction);
    if (checkTxError !== undefined) {
      this.nonces.set(toHex(signer.publicKey), (this.nonces.get(toHex(signer.publicKey)) ?? 1n) - 1n);
      return { round, error: checkTxError.message };
    }
    const answer = CallOutput.decode(output);
    return answer.type === "Error" ? { round, error: answer.value } : { round };
  }

  async query<A, R>(method: string, argsSchema: Schema<A>, args: A, result: Schema<R>): Promise<R> {
    const { data } = await this.client.query(ROUND_LATEST, method, argsSchema.encode(args));
    return result.decode(data as Uint8Array);
  }

  /** Resolves when a round after this one is final. */
  async after(round: bigint): Promise<void> {
    const rounds = this.net.worker("client-0").watchRounds();
    try {
      while ((this.net.worker("client-0").status.syncedRound ?? 0n) <= round) await rounds.next();
    } finally {
      rounds.close();
    }
  }

  /** The first normal round after this one, as soon as it is final. */
  async nextNormalRound(round: bigint): Promise<bigint> {
    for (let at = round + 1n; ; at++) {
      await this.after(at - 1n);
      if (this.client.getBlock(at).header.headerType === HEADER_NORMAL) return at;
    }
  }

  get latestRound(): bigint {
    return this.net.worker("client-0").status.syncedRound ?? 0n;
  }

  /** Events of one kind in a round. */
  events<T>({ key, value }: EventType<T>, round: bigint): T[] {
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    return this.client
      .getEvents(round)
      .filter((event) => text(event.key) === key)
      .map((event) => value.decode(event.value));
  }

  /** Events of one kind from a round on, as soon as there is one. */
  async eventsFrom<T>(type: EventType<T>, round: bigint): Promise<{ readonly round: bigint; readonly events: T[] }> {
    for (let at = round; ; at++) {
      await this.after(at - 1n);
      const events = this.events(type, at);
      if (events.length > 0) return { round: at, events };
    }
  }

  /** Events of one kind in rounds from one to another. */
  eventsBetween<T>(type: EventType<T>, first: bigint, last: bigint): T[] {
    const found: T[] = [];
    for (let round = first; round <= last; round++) found.push(...this.events(type, round));
    return found;
  }

  /** What the root hash service told at a height. */
  async rootHashEvents(height: bigint): Promise<RootHashEvent[]> {
    const reader = new BackendReader(
      this.net.network.backend,
      new Submitter(this.net.network.backend, ALICE, this.clock),
    );
    return reader.events(height, EVENT_KIND.roothash).flatMap((raw) => ServiceEvent.decode(raw, "rpc").roothash ?? []);
  }

  /** Messages that wait for the runtime. */
  queueSize(): number {
    return getQueueMeta(this.net.network.backend.stateAt(0n), RUNTIME_ID).size;
  }

  /** Resolves when a condition holds after some round. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.after(this.latestRound);
  }
}
