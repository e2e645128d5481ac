import { unknown } from "#common/errors/index.js";
import type { ProofResponse } from "#mkvs/proof/proof.js";
import type { ReadSyncer } from "#mkvs/sync.js";
import {
  type AnswerOf,
  type Body,
  type BodyKind,
  bodyOf,
  type BodyValue,
  type HostFetchBlockMetadataTxResponse,
  type HostProveFreshnessResponse,
  type HostRegisterNotifyRequest,
  type HostRequestKind,
  type HostRpcCallRequest,
  type HostRpcCallResponse,
  type HostStorageSyncRequest,
  type HostSubmitPeerFeedbackRequest,
  type HostSubmitTxRequest,
  type HostSubmitTxResponse,
  type LightBlock,
  STORAGE_ENDPOINT,
  type Validators,
} from "../rhp/messages/index.js";

/** Key-value pairs that a runtime keeps on this node; nobody vouches for them. */
export interface LocalStorage {
  get(key: Uint8Array): Uint8Array | undefined;
  set(key: Uint8Array, value: Uint8Array): void;
}

/** What may be there at once. A runtime beside the node can have only what is: it does not wait. */
export type Awaitable<T> = T | Promise<T>;

/** What a runtime may ask about the consensus layer. */
export interface ConsensusReader {
  /** The light block of a height, 0 for the latest; for a height that does not exist yet only its validator set. */
  lightBlock(height: bigint): Awaitable<LightBlock>;
  validators(height: bigint): Awaitable<Validators>;
  /** Encoded events of one kind, see EVENT_KIND. */
  events(height: bigint, kind: number): Awaitable<Uint8Array[]>;
  /** The transaction with which the proposer closed a block. */
  metadataTransaction(height: bigint): Awaitable<HostFetchBlockMetadataTxResponse>;
  genesisHeight(): Awaitable<bigint>;
  /** Puts 32 bytes into a block, signed by this node. */
  proveFreshness(blob: Uint8Array): Promise<HostProveFreshnessResponse>;
}

/** Calls into enclaves of other nodes (runtime host protocol: runtime to host bodies). */
export interface EnclaveCalls {
  /** @throws CodedError when no node answers */
  call(request: HostRpcCallRequest): Promise<HostRpcCallResponse>;
  /** Takes a runtime's word for how a node answered. */
  feedback(request: HostSubmitPeerFeedbackRequest): void;
}

/** What only a ROFL component may ask for. */
export interface ComponentServices {
  /** Submits a transaction to a runtime and, if asked, waits until it is in a block. */
  submit(request: HostSubmitTxRequest): Promise<HostSubmitTxResponse>;
  /** Says which blocks and events the component wants to be told about. */
  registerNotify(request: HostRegisterNotifyRequest): void;
}

/** What the node offers to a runtime. What is absent is answered as not supported. */
export interface HostEnvironment {
  /** The node's public key. */
  readonly nodeId: Uint8Array;
  readonly localStorage: LocalStorage;
  readonly consensus?: ConsensusReader;
  readonly runtimeTrees?: ReadSyncer;
  readonly consensusTrees?: ReadSyncer;
  /** Without it only the endpoint is refused. */
  readonly enclaves?: EnclaveCalls;
  /** For ROFL components. */
  readonly component?: ComponentServices;
  /** More transactions for the batch that is being scheduled, at most `limit`. */
  fetchTransactions?(limit: number): Uint8Array[];
}

/** Most transactions that one request for more gets. */
const MAX_FETCH = 100;

const notSupported = () => unknown("method not supported");
const endpointNotSupported = () => unknown("endpoint not supported");

/** The answer of a kind, made of a value that may be still to come. */
function answered<K extends BodyKind, T>(
  kind: K,
  value: Awaitable<T>,
  answer: (value: T) => BodyValue<K>,
): Awaitable<Body> {
  if (value instanceof Promise) return value.then((found) => bodyOf(kind, answer(found)));
  return bodyOf(kind, answer(value));
}

/** Answers what a runtime asks of its host (runtime host protocol: runtime to host bodies). */
export class HostHandler {
  constructor(private readonly environment: HostEnvironment) {}

  /** @throws CodedError when the request cannot be met; now, or by the promise */
  handle(request: Body): Awaitable<Body> {
    switch (request.type) {
      case "HostIdentityRequest":
        return bodyOf("HostIdentityResponse", { nodeId: this.environment.nodeId });
      case "HostLocalStorageGetRequest":
        return this.getLocal(request.value);
      case "HostLocalStorageSetRequest":
        return this.setLocal(request.value);
      case "HostStorageSyncRequest":
        return bodyOf("HostStorageSyncResponse", { proofResponse: this.prove(request.value) });
      case "HostFetchTxBatchRequest":
        return this.fetchTransactions(request.value);
      case "HostRPCCallRequest":
        return answered("HostRPCCallResponse", this.enclaves.call(request.value), (answer) => answer);
      case "HostSubmitPeerFeedbackRequest":
        this.enclaves.feedback(request.value);
        return bodyOf("HostSubmitPeerFeedbackResponse", {});
      case "HostSubmitTxRequest":
        return answered("HostSubmitTxResponse", this.component.submit(request.value), (answer) => answer);
      case "HostRegisterNotifyRequest":
        this.component.registerNotify(request.value);
        return bodyOf("HostRegisterNotifyResponse", {});
      default:
        return this.askConsensus(request);
    }
  }

  /**
   * Answers what can be answered at once, for a runtime that does not wait.
   *
   * @throws CodedError when the request cannot be met, or not at once
   */
  ask<K extends HostRequestKind>(kind: K, value: BodyValue<K>): AnswerOf<K> {
    const answer = this.handle(bodyOf(kind, value));
    if (answer instanceof Promise) {
      // Whatever comes of it, nobody will hear of it.
      answer.catch(() => undefined);
      throw unknown(`${kind} cannot be answered at once`);
    }
    return answer.value as AnswerOf<K>;
  }

  private get enclaves(): EnclaveCalls {
    if (this.environment.enclaves === undefined) throw endpointNotSupported();
    return this.environment.enclaves;
  }

  private get component(): ComponentServices {
    if (this.environment.component === undefined) throw notSupported();
    return this.environment.component;
  }

  private askConsensus(request: Body): Awaitable<Body> {
    const { consensus } = this.environment;
    if (consensus === undefined) throw notSupported();
    switch (request.type) {
      case "HostFetchConsensusBlockRequest":
        return answered("HostFetchConsensusBlockResponse", consensus.lightBlock(request.value.height), (block) => ({
          block,
        }));
      case "HostFetchConsensusValidatorsRequest":
        return answered(
          "HostFetchConsensusValidatorsResponse",
          consensus.validators(request.value.height),
          (validators) => ({ validators }),
        );
      case "HostFetchConsensusEventsRequest": {
        const { height, kind } = request.value;
        return answered("HostFetchConsensusEventsResponse", consensus.events(height, kind), (events) => ({ events }));
      }
      case "HostFetchBlockMetadataTxRequest": {
        const found = consensus.metadataTransaction(request.value.height);
        return answered("HostFetchBlockMetadataTxResponse", found, (answer) => answer);
      }
      case "HostFetchGenesisHeightRequest":
        return answered("HostFetchGenesisHeightResponse", consensus.genesisHeight(), (height) => ({ height }));
      case "HostProveFreshnessRequest": {
        const proof = consensus.proveFreshness(request.value.blob);
        return answered("HostProveFreshnessResponse", proof, (answer) => answer);
      }
      default:
        throw notSupported();
    }
  }

  private getLocal({ key }: BodyValue<"HostLocalStorageGetRequest">): Body {
    if (key.length === 0) throw unknown("invalid local storage key");
    return bodyOf("HostLocalStorageGetResponse", { value: this.environment.localStorage.get(key) ?? null });
  }

  private setLocal({ key, value }: BodyValue<"HostLocalStorageSetRequest">): Body {
    if (key.length === 0) throw unknown("invalid local storage key");
    this.environment.localStorage.set(key, value);
    return bodyOf("HostLocalStorageSetResponse", {});
  }

  private fetchTransactions({ limit }: BodyValue<"HostFetchTxBatchRequest">): Body {
    const fetch = this.environment.fetchTransactions;
    if (fetch === undefined) throw notSupported();
    return bodyOf("HostFetchTxBatchResponse", { batch: fetch(Math.min(limit, MAX_FETCH)) });
  }

  private prove(request: HostStorageSyncRequest): ProofResponse {
    const { runtimeTrees, consensusTrees } = this.environment;
    const readers: Readonly<Record<number, ReadSyncer | undefined>> = {
      [STORAGE_ENDPOINT.runtime]: runtimeTrees,
      [STORAGE_ENDPOINT.consensus]: consensusTrees,
    };
    const reader = readers[request.endpoint];
    if (reader === undefined) throw endpointNotSupported();
    if (request.syncGet !== undefined) return reader.syncGet(request.syncGet);
    if (request.syncGetPrefixes !== undefined) return reader.syncGetPrefixes(request.syncGetPrefixes);
    if (request.syncIterate !== undefined) return reader.syncIterate(request.syncIterate);
    throw notSupported();
  }
}
