import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { HostEnvironment } from "#runtime/host/host-handler.js";
import {
  type AnswerOf,
  Body,
  bodyOf,
  type BodyValue,
  type HostRequestKind,
  Message,
  MESSAGE_TYPE,
  STORAGE_ENDPOINT,
} from "#runtime/rhp/messages/index.js";
import type { Frame } from "./transcript.ts";

/** A node that gives to each request of a runtime the answer that the recorded node gave. */
export class RecordedEnvironment {
  /** By encoded request: its answers, in the order in which they are to be given. */
  private readonly answers = new Map<string, Body[]>();
  private identity: Uint8Array = new Uint8Array(32);

  constructor(frames: readonly Frame[]) {
    const open = new Map<bigint, string>();
    for (const { dir, message } of frames) {
      if (message === undefined) continue;
      if (dir === "runtime->host" && message.messageType === MESSAGE_TYPE.request) {
        open.set(message.id, toHex(Body.encode(message.body)));
      } else if (dir === "host->runtime" && message.messageType === MESSAGE_TYPE.response) {
        this.add(open.get(message.id), message.body);
        if (message.body.type === "HostIdentityResponse") this.identity = message.body.value.nodeId;
      }
    }
  }

  private add(request: string | undefined, answer: Body): void {
    if (request === undefined) return;
    this.answers.set(request, [...(this.answers.get(request) ?? []), answer]);
  }

  /** The recorded answer. Throws CodedError where it was an error, or when there is none. */
  private answer<K extends HostRequestKind>(kind: K, value: BodyValue<K>): AnswerOf<K> {
    const body = this.answers.get(toHex(Body.encode(bodyOf(kind, value))))?.shift();
    if (body === undefined) throw new CodedError("recording", 1, `no answer to ${kind}`);
    if (body.type === "Error") throw new CodedError(body.value.module, body.value.code, body.value.message);
    return body.value as AnswerOf<K>;
  }

  private trees(endpoint: number): NonNullable<HostEnvironment["runtimeTrees"]> {
    const ask = (value: Omit<BodyValue<"HostStorageSyncRequest">, "endpoint">) => {
      const { proofResponse } = this.answer("HostStorageSyncRequest", { endpoint, ...value });
      if (proofResponse === undefined) throw new CodedError("recording", 1, "no proof");
      return proofResponse;
    };
    return {
      syncGet: (syncGet) => ask({ syncGet }),
      syncGetPrefixes: (syncGetPrefixes) => ask({ syncGetPrefixes }),
      syncIterate: (syncIterate) => ask({ syncIterate }),
    };
  }

  get environment(): HostEnvironment {
    return {
      nodeId: this.identity,
      localStorage: {
        get: (key) => this.answer("HostLocalStorageGetRequest", { key }).value ?? undefined,
        set: (key, value) => void this.answer("HostLocalStorageSetRequest", { key, value }),
      },
      runtimeTrees: this.trees(STORAGE_ENDPOINT.runtime),
      consensusTrees: this.trees(STORAGE_ENDPOINT.consensus),
      consensus: {
        lightBlock: async (height) => this.answer("HostFetchConsensusBlockRequest", { height }).block,
        validators: async (height) => this.answer("HostFetchConsensusValidatorsRequest", { height }).validators,
        events: async (height, kind) => this.answer("HostFetchConsensusEventsRequest", { height, kind }).events,
        metadataTransaction: async (height) => this.answer("HostFetchBlockMetadataTxRequest", { height }),
        genesisHeight: async () => this.answer("HostFetchGenesisHeightRequest", {}).height,
        proveFreshness: async (blob) => this.answer("HostProveFreshnessRequest", { blob }),
      },
      enclaves: {
        call: async (request) => this.answer("HostRPCCallRequest", request),
        feedback: (request) => void this.answer("HostSubmitPeerFeedbackRequest", request),
      },
      component: {
        submit: async (request) => this.answer("HostSubmitTxRequest", request),
        registerNotify: (request) => void this.answer("HostRegisterNotifyRequest", request),
      },
    };
  }
}

/** The frame of an answer with another number. */
export function renumbered(message: Message, id: bigint): Uint8Array {
  return Message.encode({ ...message, id });
}
