import { concatBytes, equalBytes, utf8 } from "#common/bytes.js";
import { CodedError, unknown } from "#common/errors/index.js";
import type { Clock } from "#common/ports/clock.js";
import type { Notifications } from "#runtime/component/config.js";
import type { ComponentServices, EnclaveCalls, LocalStorage } from "#runtime/host/host-handler.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import {
  type HostRegisterNotifyRequest,
  type HostRpcCallRequest,
  type HostRpcCallResponse,
  type HostSubmitTxRequest,
  type HostSubmitTxResponse,
  RPC_KIND,
} from "#runtime/rhp/messages/index.js";
import { checkFailure, clientErrors } from "../client/errors.js";
import type { RuntimeClient } from "../client/runtime-client.js";

/** How long a component waits for its transaction to be in a block, in milliseconds. */
const SUBMIT_DEADLINE_MS = 60_000;
/** How long the runtime may take for a call of a component, in milliseconds. */
const RONL_DEADLINE_MS = 2000;
/** The endpoint of the runtime that a component belongs to. */
const RONL_ENDPOINT = "ronl";
const NOTHING = new Uint8Array(0);
/** Nobody in particular has answered. */
const NO_NODE = new Uint8Array(32);

/** Keeps what a component stores apart from what the runtime and others store. */
export class ComponentStorage implements LocalStorage {
  private readonly prefix: Uint8Array;

  constructor(
    private readonly inner: LocalStorage,
    name: string,
  ) {
    this.prefix = utf8(`rofl.${name}:`);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.inner.get(concatBytes(this.prefix, key));
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.inner.set(concatBytes(this.prefix, key), value);
  }
}

/** Submits transactions of a component and takes note of what it wants to be told. */
export class Submissions implements ComponentServices {
  constructor(
    private readonly options: {
      readonly runtimeId: Uint8Array;
      readonly client: RuntimeClient;
      readonly clock: Clock;
      readonly register: (notifications: Notifications) => void;
    },
  ) {}

  /**
   * Submits a transaction; waits until it is in a block if asked. Proofs are not given, as in the reference.
   *
   * @throws CodedError runtime/client/6 for a runtime that is not this one; when the check fails; after a minute
   */
  async submit({ runtimeId, data, wait }: HostSubmitTxRequest): Promise<HostSubmitTxResponse> {
    if (!equalBytes(runtimeId, this.options.runtimeId)) throw clientErrors.noHostedRuntime();
    if (wait) return await this.submitAndWait(data);
    await this.options.client.submitTxNoWait(data);
    return { output: NOTHING, round: 0n, batchOrder: 0, proof: undefined };
  }

  private submitAndWait(data: Uint8Array): Promise<HostSubmitTxResponse> {
    const { client, clock } = this.options;
    return new Promise((resolve, reject) => {
      let forget: () => void = () => undefined;
      const timer = clock.setTimer(SUBMIT_DEADLINE_MS, () => {
        forget();
        reject(unknown("context deadline exceeded"));
      });
      const caller = { onCancel: (callback: () => void) => (forget = callback) };
      client
        .submitTxMeta(data, caller)
        .then(({ output, round, batchOrder, checkTxError }) => {
          if (checkTxError === undefined) resolve({ output, round, batchOrder, proof: undefined });
          else reject(checkFailure(checkTxError));
        }, reject)
        .finally(() => timer.cancel());
    });
  }

  registerNotify({ runtimeBlock, runtimeEvent }: HostRegisterNotifyRequest): void {
    this.options.register({ blocks: runtimeBlock, events: runtimeEvent?.tags ?? [] });
  }
}

/** Calls of a component into enclaves: those of its own runtime are here, all others elsewhere. */
export class ComponentCalls implements EnclaveCalls {
  constructor(
    private readonly ronl: RuntimeHost,
    private readonly others: EnclaveCalls | undefined,
  ) {}

  async call(request: HostRpcCallRequest): Promise<HostRpcCallResponse> {
    if (request.endpoint !== RONL_ENDPOINT) return await this.elsewhere().call(request);
    if (request.kind !== RPC_KIND.noiseSession) throw unknown("only secure noise sessions are allowed");
    try {
      const { response } = await this.ronl.call(
        "RuntimeRPCCallRequest",
        { request: request.request, kind: request.kind, peerId: undefined },
        RONL_DEADLINE_MS,
      );
      return { response, node: NO_NODE };
    } catch (error) {
      if (error instanceof CallFailure) throw unknown(error.message);
      throw error;
    }
  }

  feedback(request: Parameters<EnclaveCalls["feedback"]>[0]): void {
    if (request.endpoint !== RONL_ENDPOINT) this.elsewhere().feedback(request);
  }

  private elsewhere(): EnclaveCalls {
    if (this.others === undefined) throw notSupported();
    return this.others;
  }
}

function notSupported(): CodedError {
  return unknown("endpoint not supported");
}
