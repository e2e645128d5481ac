/** What off-chain logic can ask of the node that runs it. */
import { equalBytes, utf8 } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { SortedMap } from "#common/sorted-map.js";
import { STATE_NAMESPACE, STATE_ROOT } from "#consensus/app/state-root.js";
import { LightBlock as EngineLightBlock } from "#consensus/block/light-block.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { ROOT_IO, ROOT_STATE, type Root } from "#mkvs/node/root.js";
import { PartialTree, queryRemote, type RemoteRequest } from "#mkvs/remote.js";
import type { ProofResponse } from "#mkvs/proof/proof.js";
import { Fault } from "#common/errors/index.js";
import type { EventType } from "../kit/context.js";
import {
  type AnswerOf,
  type BodyValue,
  type HostRequestKind,
  RPC_KIND,
  type RuntimeInfoRequest,
  STORAGE_ENDPOINT,
} from "../rhp/messages/index.js";
import { parseIoKey, tagPrefix } from "../transaction/artifacts.js";
import { LocalQuery, type ManagerMethod } from "./api.js";

/** How long the node may take to answer, in milliseconds; it waits for a transaction a minute itself. */
const DEADLINE_MS = 10_000;
const SUBMIT_DEADLINE_MS = 65_000;
/** The newest block of the consensus layer. */
const LATEST = 0n;

/** Asks the host; a connection does. */
export interface HostCaller {
  call<K extends HostRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>>;
}

/** Where a transaction came to lie. */
export interface IncludedTransaction {
  /** What the transaction answered: `CallOutput` of runtimes of the kit. */
  readonly output: Uint8Array;
  readonly round: bigint;
  /** Its place in the round, counted from 0. */
  readonly batchOrder: number;
}

/** An event of a block, and the transaction that emitted it: zeros for the block itself. */
export interface FoundEvent<T> {
  readonly value: T;
  readonly txHash: Uint8Array;
}

/**
 * The node as off-chain logic sees it. All calls may fail with a CodedError of the node, or a CallFailure when it does
 * not answer. What is read of the runtime's blocks is proved against the header that it is read for; the header itself,
 * as all that comes from the node, is the node's word.
 */
export class ComponentHost {
  constructor(
    private readonly caller: HostCaller,
    private readonly info: RuntimeInfoRequest,
  ) {}

  /** Identifier of the runtime that the component belongs to, 32 bytes. */
  get runtimeId(): Uint8Array {
    return this.info.runtimeId;
  }

  /** Hexadecimal chain context of the consensus layer: what signatures are bound to. */
  get chainContext(): string {
    return this.info.consensusChainContext;
  }

  /** This node's settings for the component, each value encoded. */
  get config(): SortedMap<string, Uint8Array> | undefined {
    return this.info.localConfig;
  }

  /** The public key of the node, 32 bytes. */
  async nodeId(): Promise<Uint8Array> {
    return (await this.caller.call("HostIdentityRequest", {}, DEADLINE_MS)).nodeId;
  }

  /** Submits a transaction to the runtime and waits, a minute at most, until it is in a block. */
  async submit(transaction: Uint8Array): Promise<IncludedTransaction> {
    const request = { runtimeId: this.runtimeId, data: transaction, wait: true, prove: false };
    const { output, round, batchOrder } = await this.caller.call("HostSubmitTxRequest", request, SUBMIT_DEADLINE_MS);
    return { output, round, batchOrder };
  }

  /** Submits a transaction to the runtime and does not wait for what becomes of it. */
  async submitNoWait(transaction: Uint8Array): Promise<void> {
    const request = { runtimeId: this.runtimeId, data: transaction, wait: false, prove: false };
    await this.caller.call("HostSubmitTxRequest", request, DEADLINE_MS);
  }

  /** What the node keeps for the component under a key. */
  async load(key: Uint8Array): Promise<Uint8Array | undefined> {
    const { value } = await this.caller.call("HostLocalStorageGetRequest", { key }, DEADLINE_MS);
    return value === null || value.length === 0 ? undefined : value;
  }

  /** Has the node keep something, also when the component is started anew. */
  async store(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.caller.call("HostLocalStorageSetRequest", { key, value }, DEADLINE_MS);
  }

  /**
   * Reads the runtime's state after a block, for example with the tables that the runtime itself is written with.
   *
   * @param view a pure function of the state's keys and values: it may run several times
   */
  readState<T>(header: Header, view: (state: KeyValueReader) => T): Promise<T> {
    const { namespace, round, stateRoot } = header;
    const root: Root = { namespace, version: round, type: ROOT_STATE, hash: stateRoot };
    return this.read(root, STORAGE_ENDPOINT.runtime, view);
  }

  /** All events of one type that a block has emitted. @throws DecodeError for one of another type */
  async readEvents<T>(header: Header, { key, value: form }: EventType<T>): Promise<FoundEvent<T>[]> {
    const found = await this.readTags(header, utf8(key));
    return found.map(({ value, txHash }) => ({ value: form.decode(value), txHash }));
  }

  /** The same for events without a type: what was emitted under a key. */
  async readTags(header: Header, key: Uint8Array): Promise<FoundEvent<Uint8Array>[]> {
    const { namespace, round, ioRoot } = header;
    // A block without transactions has no tree, not even an empty one.
    if (equalBytes(ioRoot, EMPTY_HASH)) return [];
    const root: Root = { namespace, version: round, type: ROOT_IO, hash: ioRoot };
    return await this.read(root, STORAGE_ENDPOINT.runtime, (tree) => tagsIn(tree, key));
  }

  /** Reads the consensus layer's state before its newest block. @param view a pure function, as of `readState` */
  async readConsensus<T>(view: (state: KeyValueReader) => T): Promise<T> {
    const { block } = await this.caller.call("HostFetchConsensusBlockRequest", { height: LATEST }, DEADLINE_MS);
    const header = EngineLightBlock.decode(block.meta ?? new Uint8Array(0)).signedHeader?.header;
    if (header === undefined) throw new Fault("the node has shown a block without a header");
    const { height, appHash } = header;
    const root: Root = { namespace: STATE_NAMESPACE, version: height - 1n, type: STATE_ROOT, hash: appHash };
    return await this.read(root, STORAGE_ENDPOINT.consensus, view);
  }

  /**
   * Calls one of the node's managers: of bundles, volumes and logs, and of attestations. The node's settings say which
   * of them a component may use.
   */
  async manage<A, R>({ endpoint, name, args: form, answer }: ManagerMethod<A, R>, args: A): Promise<R> {
    const request = LocalQuery.encode({ method: name, args: form.encode(args) });
    const call = { endpoint, requestId: 0n, request, kind: RPC_KIND.localQuery, nodes: [], pf: undefined };
    const { response } = await this.caller.call("HostRPCCallRequest", call, DEADLINE_MS);
    return answer.decode(response, "rpc");
  }

  private read<T>(root: Root, endpoint: number, view: (state: KeyValueReader) => T): Promise<T> {
    return queryRemote(new PartialTree(root), (request) => this.prove(endpoint, request), view);
  }

  private async prove(endpoint: number, { kind, request }: RemoteRequest): Promise<ProofResponse> {
    const none = { syncGet: undefined, syncGetPrefixes: undefined, syncIterate: undefined };
    const wanted = kind === "get" ? { syncGet: request } : { syncIterate: request };
    const asked = { endpoint, ...none, ...wanted };
    const { proofResponse } = await this.caller.call("HostStorageSyncRequest", asked, DEADLINE_MS);
    if (proofResponse === undefined) throw new Fault("the node answered a storage request without a proof");
    return proofResponse;
  }
}

function tagsIn(tree: KeyValueReader, wanted: Uint8Array): FoundEvent<Uint8Array>[] {
  const prefix = tagPrefix(wanted);
  const found: FoundEvent<Uint8Array>[] = [];
  const walk = tree.iterator();
  for (walk.seek(prefix); walk.valid && equalBytes(walk.key.subarray(0, prefix.length), prefix); walk.next()) {
    const parsed = parseIoKey(walk.key);
    // Keys that only begin like the wanted one lie among its own.
    if (parsed?.kind !== "tag" || !equalBytes(parsed.key, wanted)) continue;
    found.push({ value: walk.value, txHash: parsed.txHash });
  }
  return found;
}
