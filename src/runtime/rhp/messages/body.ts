/** The envelope and all bodies of the protocol (runtime host protocol: framing, envelope, errors). */
import { DecodeError } from "#common/errors/index.js";
import { type Infer, map, omitEmpty, raw, struct, text, u64, u8, unionOf } from "#common/schema/index.js";
import * as batch from "./batch.js";
import * as consensus from "./consensus.js";
import { Empty, ErrorBody, RuntimeInfoRequest, RuntimeInfoResponse } from "./info.js";
import * as rpc from "./rpc.js";
import * as storage from "./storage.js";
import * as submit from "./submit.js";
import * as tee from "./tee.js";
import * as updates from "./updates.js";

const VARIANTS = {
  Empty,
  Error: ErrorBody,

  RuntimeInfoRequest,
  RuntimeInfoResponse,
  RuntimePingRequest: Empty,
  RuntimeShutdownRequest: Empty,
  RuntimeAbortRequest: Empty,
  RuntimeAbortResponse: Empty,
  RuntimeCapabilityTEERakInitRequest: tee.RakInitRequest,
  RuntimeCapabilityTEERakInitResponse: Empty,
  RuntimeCapabilityTEERakReportRequest: Empty,
  RuntimeCapabilityTEERakReportResponse: tee.RakReportResponse,
  RuntimeCapabilityTEERakAvrRequest: tee.RakAvrRequest,
  RuntimeCapabilityTEERakAvrResponse: Empty,
  RuntimeCapabilityTEERakQuoteRequest: tee.RakQuoteRequest,
  RuntimeCapabilityTEERakQuoteResponse: tee.RakQuoteResponse,
  RuntimeCapabilityTEEUpdateEndorsementRequest: tee.UpdateEndorsementRequest,
  RuntimeCapabilityTEEUpdateEndorsementResponse: Empty,
  RuntimeRPCCallRequest: rpc.RuntimeRpcCallRequest,
  RuntimeRPCCallResponse: rpc.RuntimeRpcCallResponse,
  RuntimeLocalRPCCallRequest: rpc.RuntimeLocalRpcCallRequest,
  RuntimeLocalRPCCallResponse: rpc.RuntimeLocalRpcCallResponse,
  RuntimeCheckTxBatchRequest: batch.RuntimeCheckTxBatchRequest,
  RuntimeCheckTxBatchResponse: batch.RuntimeCheckTxBatchResponse,
  RuntimeExecuteTxBatchRequest: batch.RuntimeExecuteTxBatchRequest,
  RuntimeExecuteTxBatchResponse: batch.RuntimeExecuteTxBatchResponse,
  RuntimeKeyManagerStatusUpdateRequest: updates.KeyManagerStatusUpdateRequest,
  RuntimeKeyManagerStatusUpdateResponse: Empty,
  RuntimeKeyManagerQuotePolicyUpdateRequest: updates.KeyManagerQuotePolicyUpdateRequest,
  RuntimeKeyManagerQuotePolicyUpdateResponse: Empty,
  RuntimeQueryRequest: batch.RuntimeQueryRequest,
  RuntimeQueryResponse: batch.RuntimeQueryResponse,
  RuntimeConsensusSyncRequest: updates.ConsensusSyncRequest,
  RuntimeConsensusSyncResponse: Empty,
  RuntimeNotifyRequest: updates.RuntimeNotifyRequest,
  RuntimeNotifyResponse: Empty,

  HostRPCCallRequest: rpc.HostRpcCallRequest,
  HostRPCCallResponse: rpc.HostRpcCallResponse,
  HostSubmitPeerFeedbackRequest: rpc.HostSubmitPeerFeedbackRequest,
  HostSubmitPeerFeedbackResponse: Empty,
  HostStorageSyncRequest: storage.HostStorageSyncRequest,
  HostStorageSyncResponse: storage.HostStorageSyncResponse,
  HostLocalStorageGetRequest: storage.HostLocalStorageGetRequest,
  HostLocalStorageGetResponse: storage.HostLocalStorageGetResponse,
  HostLocalStorageSetRequest: storage.HostLocalStorageSetRequest,
  HostLocalStorageSetResponse: Empty,
  HostFetchConsensusBlockRequest: consensus.HostFetchConsensusBlockRequest,
  HostFetchConsensusBlockResponse: consensus.HostFetchConsensusBlockResponse,
  HostFetchConsensusValidatorsRequest: consensus.HostFetchConsensusValidatorsRequest,
  HostFetchConsensusValidatorsResponse: consensus.HostFetchConsensusValidatorsResponse,
  HostFetchConsensusEventsRequest: consensus.HostFetchConsensusEventsRequest,
  HostFetchConsensusEventsResponse: consensus.HostFetchConsensusEventsResponse,
  HostFetchTxBatchRequest: batch.HostFetchTxBatchRequest,
  HostFetchTxBatchResponse: batch.HostFetchTxBatchResponse,
  HostFetchBlockMetadataTxRequest: consensus.HostFetchBlockMetadataTxRequest,
  HostFetchBlockMetadataTxResponse: consensus.HostFetchBlockMetadataTxResponse,
  HostFetchGenesisHeightRequest: Empty,
  HostFetchGenesisHeightResponse: consensus.HostFetchGenesisHeightResponse,
  HostProveFreshnessRequest: consensus.HostProveFreshnessRequest,
  HostProveFreshnessResponse: consensus.HostProveFreshnessResponse,
  HostIdentityRequest: Empty,
  HostIdentityResponse: consensus.HostIdentityResponse,
  HostSubmitTxRequest: submit.HostSubmitTxRequest,
  HostSubmitTxResponse: submit.HostSubmitTxResponse,
  HostRegisterNotifyRequest: submit.HostRegisterNotifyRequest,
  HostRegisterNotifyResponse: Empty,
} as const;

type Variants = typeof VARIANTS;

/** Name of a body. */
export type BodyKind = keyof Variants;

/** What a body of one kind holds. */
export type BodyValue<K extends BodyKind> = Infer<Variants[K]>;

/** One body: `{ type, value }`. */
export type Body = { [K in BodyKind]: { type: K; value: BodyValue<K> } }[BodyKind];
export const Body = unionOf("Body", VARIANTS);

/** Whether a message asks or answers. */
export const MESSAGE_TYPE = { request: 1, response: 2 } as const;

/** What travels in one frame. */
export class Message extends struct("Message", {
  /** Number of the request, chosen by its sender; a response repeats it. */
  id: u64,
  /** One of MESSAGE_TYPE. */
  messageType: u8,
  body: Body,
}) {}

/** A message whose body is still closed. */
class Envelope extends struct("Message", {
  id: omitEmpty(u64),
  messageType: omitEmpty(u8),
  body: omitEmpty(map(text({ max: 1024 }), raw, { max: 1024 })),
}) {}

const NULL = 0xf6;

/**
 * Reads a message as the reference's host does: kinds of bodies that it does not know, or that are null, are passed
 * over. What is left may be nothing, which then is an empty body: a request that is not supported, or an answer of the
 * wrong kind.
 *
 * @throws DecodeError when it cannot be read even so
 */
export function decodeForHost(frame: Uint8Array): Message {
  try {
    return Message.decode(frame, "rpc");
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  const isNull = frame.length === 1 && frame[0] === NULL;
  const { id, messageType, body } = isNull ? Envelope.zero() : Envelope.decode(frame, "rpc");
  for (const [kind, schema] of Object.entries(VARIANTS)) {
    const value = body.get(kind);
    if (value === undefined || value[0] === NULL || kind === "Empty") continue;
    return { id, messageType, body: { type: kind, value: schema.decode(value, "rpc") } as Body };
  }
  return { id, messageType, body: { type: "Empty", value: {} } };
}

/** The kinds that answer each request; the first is what we send ourselves. */
export const RESPONSES = {
  RuntimeInfoRequest: ["RuntimeInfoResponse"],
  RuntimePingRequest: ["Empty"],
  RuntimeAbortRequest: ["RuntimeAbortResponse"],
  RuntimeCapabilityTEERakInitRequest: ["RuntimeCapabilityTEERakInitResponse"],
  RuntimeCapabilityTEERakReportRequest: ["RuntimeCapabilityTEERakReportResponse"],
  RuntimeCapabilityTEERakQuoteRequest: ["RuntimeCapabilityTEERakQuoteResponse"],
  RuntimeCapabilityTEEUpdateEndorsementRequest: ["RuntimeCapabilityTEEUpdateEndorsementResponse"],
  RuntimeRPCCallRequest: ["RuntimeRPCCallResponse"],
  RuntimeLocalRPCCallRequest: ["RuntimeLocalRPCCallResponse"],
  RuntimeCheckTxBatchRequest: ["RuntimeCheckTxBatchResponse"],
  RuntimeExecuteTxBatchRequest: ["RuntimeExecuteTxBatchResponse"],
  RuntimeKeyManagerStatusUpdateRequest: ["RuntimeKeyManagerStatusUpdateResponse"],
  RuntimeKeyManagerQuotePolicyUpdateRequest: ["RuntimeKeyManagerQuotePolicyUpdateResponse"],
  RuntimeQueryRequest: ["RuntimeQueryResponse"],
  RuntimeConsensusSyncRequest: ["RuntimeConsensusSyncResponse"],
  RuntimeNotifyRequest: ["Empty", "RuntimeNotifyResponse"],
  HostRPCCallRequest: ["HostRPCCallResponse"],
  HostSubmitPeerFeedbackRequest: ["HostSubmitPeerFeedbackResponse"],
  HostStorageSyncRequest: ["HostStorageSyncResponse"],
  HostLocalStorageGetRequest: ["HostLocalStorageGetResponse"],
  HostLocalStorageSetRequest: ["HostLocalStorageSetResponse"],
  HostFetchConsensusBlockRequest: ["HostFetchConsensusBlockResponse"],
  HostFetchConsensusValidatorsRequest: ["HostFetchConsensusValidatorsResponse"],
  HostFetchConsensusEventsRequest: ["HostFetchConsensusEventsResponse"],
  HostFetchTxBatchRequest: ["HostFetchTxBatchResponse"],
  HostFetchBlockMetadataTxRequest: ["HostFetchBlockMetadataTxResponse"],
  HostFetchGenesisHeightRequest: ["HostFetchGenesisHeightResponse"],
  HostProveFreshnessRequest: ["HostProveFreshnessResponse"],
  HostIdentityRequest: ["HostIdentityResponse"],
  HostSubmitTxRequest: ["HostSubmitTxResponse"],
  HostRegisterNotifyRequest: ["HostRegisterNotifyResponse"],
} as const satisfies Partial<Record<BodyKind, readonly BodyKind[]>>;

/** Requests that have an answer other than an error. */
export type RequestKind = keyof typeof RESPONSES;

/** Requests of the host, and of the runtime. */
export type RuntimeRequestKind = Extract<RequestKind, `Runtime${string}`>;
export type HostRequestKind = Extract<RequestKind, `Host${string}`>;

/** What the answer to a request holds. */
export type AnswerOf<K extends RequestKind> = BodyValue<(typeof RESPONSES)[K][0]>;

/** Makes a body from its kind and value. */
export function bodyOf<K extends BodyKind>(type: K, value: BodyValue<K>): Body {
  return { type, value } as Body;
}
