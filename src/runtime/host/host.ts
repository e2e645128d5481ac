import type { Subscription } from "#common/event-hub.js";
import type { Version } from "#common/version.js";
import type { AnswerOf, BodyValue, RuntimeInfoResponse, RuntimeRequestKind } from "../rhp/messages/index.js";

/** What happens to a hosted runtime. */
export type RuntimeHostEvent =
  | { readonly type: "started"; readonly version: Version }
  | { readonly type: "failed-to-start"; readonly error: unknown }
  | { readonly type: "stopped" };

/** A runtime that somebody keeps running (runtime layer: provisioners, lifecycle). */
export interface RuntimeHost {
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  /** What the running runtime said about itself; undefined while it does not run. */
  readonly info: RuntimeInfoResponse | undefined;
  /** Starts the runtime and keeps it running; resolves when it runs for the first time. */
  start(): Promise<void>;
  /** Ends the runtime for good. */
  stop(): Promise<void>;
  /**
   * Asks the runtime.
   *
   * @param deadlineMs how long to wait, in milliseconds
   * @throws CodedError when the runtime answers with an error
   * @throws CallFailure when it does not answer
   */
  call<K extends RuntimeRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>>;
  /**
   * Makes the runtime ready for new requests whatever it does now.
   *
   * @param force restart it without asking
   */
  abort(force?: boolean): Promise<void>;
  /** Events from now on. */
  watch(): Subscription<RuntimeHostEvent>;
}
