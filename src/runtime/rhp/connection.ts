import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { CodedError, DecodeError, Fault, reasonOf } from "#common/errors/index.js";
import { CallFailure, internalErrors, writeErrors } from "./errors.js";
import { encodeFrame, FrameReader } from "./framing.js";
import {
  type AnswerOf,
  type Body,
  bodyOf,
  type BodyValue,
  decodeForHost,
  Message,
  MESSAGE_TYPE,
  type RequestKind,
  RESPONSES,
} from "./messages/index.js";
import type { Duplex } from "./transport.js";

/** How long a request that comes before the connection is ready may wait, in milliseconds. */
const READY_WAIT_MS = 5000;
/** Most calls without an answer, and most requests of the other side that are being worked on. */
const DEFAULT_PENDING = 1024;

export type ConnectionState = "uninitialized" | "initializing" | "ready" | "closed";

/** Answers requests of the other side; a thrown CodedError becomes the error body. */
export type RequestHandler = (request: Body) => Body | Promise<Body>;

export interface ConnectionOptions {
  /** The host passes over what it does not know of a message, the runtime drops such a message without an answer. */
  readonly side: "host" | "runtime";
  readonly stream: Duplex;
  readonly handler: RequestHandler;
  readonly clock: Clock;
  readonly log: Log;
  /** Most calls in flight in each direction. */
  readonly maxPending?: number;
  /** Called once when the connection has closed; with the error when our own handler broke. */
  readonly onClose?: (cause?: unknown) => void;
}

interface PendingCall {
  readonly kind: RequestKind;
  readonly timer: Timer;
  settle(body: Body | CallFailure): void;
}

/**
 * One side of the Runtime Host Protocol: numbers its own requests from 0, works on requests of the other side
 * concurrently and matches answers in whatever order they come (runtime host protocol: framing, envelope, errors).
 */
export class Connection {
  private current: ConnectionState = "uninitialized";
  private nextId = 0n;
  private serving = 0;
  private readonly pending = new Map<bigint, PendingCall>();
  private readonly waiting: { readonly message: Message; readonly timer: Timer }[] = [];
  private readonly reader = new FrameReader();
  private readonly limit: number;

  constructor(private readonly options: ConnectionOptions) {
    this.limit = options.maxPending ?? DEFAULT_PENDING;
  }

  get state(): ConnectionState {
    return this.current;
  }

  /** Begins to listen. The connection is initializing until `ready` is called. */
  open(): void {
    if (this.current !== "uninitialized") throw new Fault(`connection is ${this.current}, cannot be opened`);
    this.current = "initializing";
    this.options.stream.open({ data: (bytes) => this.receive(bytes), closed: () => this.shut() });
  }

  /** Declares the start-up done: requests that waited are worked on now. */
  ready(): void {
    if (this.current !== "initializing") return;
    this.current = "ready";
    for (const { message, timer } of this.waiting.splice(0)) {
      timer.cancel();
      this.serve(message);
    }
  }

  /** Closes the stream. Calls in flight fail with CallFailure. */
  close(): void {
    if (this.current === "closed") return;
    this.options.stream.close();
    this.shut();
  }

  /**
   * Sends a request and waits for the answer.
   *
   * @param deadlineMs how long to wait, in milliseconds
   * @throws CodedError when the answer is an error
   * @throws CallFailure when there is no answer in time, the connection closes, too many calls are in flight or the
   *   answer is of a kind that does not belong to the request
   */
  call<K extends RequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>> {
    return new Promise((resolve, reject) => {
      this.request(kind, value, deadlineMs, (answer) => {
        if (answer instanceof CallFailure) reject(answer);
        else if (answer.type === "Error") reject(toCodedError(answer.value));
        else if ((RESPONSES[kind] as readonly string[]).includes(answer.type)) resolve(answer.value as AnswerOf<K>);
        else reject(new CallFailure("unexpected", `${kind} was answered with ${answer.type}`));
      });
    });
  }

  private request<K extends RequestKind>(
    kind: K,
    value: BodyValue<K>,
    deadlineMs: number,
    settle: PendingCall["settle"],
  ): void {
    if (this.current !== "ready" && this.current !== "initializing") {
      settle(new CallFailure("closed", `${kind}: connection is ${this.current}`));
      return;
    }
    if (this.pending.size >= this.limit) {
      settle(new CallFailure("busy", `${kind}: ${this.limit} calls are in flight already`));
      return;
    }
    const id = this.nextId++;
    const timer = this.options.clock.setTimer(deadlineMs, () => {
      this.pending.delete(id);
      settle(new CallFailure("deadline", `${kind}: no answer within ${deadlineMs} ms`));
    });
    this.pending.set(id, { kind, timer, settle });
    try {
      this.send({ id, messageType: MESSAGE_TYPE.request, body: bodyOf(kind, value) });
    } catch (error) {
      timer.cancel();
      this.pending.delete(id);
      throw error;
    }
  }

  private send(message: Message): void {
    this.options.stream.send(encodeFrame(Message.encode(message)));
  }

  private receive(bytes: Uint8Array): void {
    if (this.current === "closed") return;
    let frames: Uint8Array[];
    try {
      frames = this.reader.push(bytes);
    } catch (error) {
      this.options.log.error("runtime host protocol: unreadable stream", { error: reasonOf(error) });
      this.close();
      return;
    }
    for (const frame of frames) this.receiveFrame(frame);
  }

  private receiveFrame(frame: Uint8Array): void {
    let message: Message;
    try {
      message = this.options.side === "host" ? decodeForHost(frame) : Message.decode(frame, "runtime");
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.options.log.warn("runtime host protocol: malformed message", { error: error.message });
      // The reference's host ends a connection it cannot read, its runtime drops the message: it might be a newer one.
      if (this.options.side === "host") this.close();
      return;
    }
    if (message.messageType === MESSAGE_TYPE.response) this.answered(message);
    else if (message.messageType !== MESSAGE_TYPE.request) {
      this.options.log.warn("runtime host protocol: message is neither request nor response", { id: message.id });
    } else if (this.current === "initializing" && this.options.side === "host") this.holdBack(message);
    else this.serve(message);
  }

  private answered(message: Message): void {
    const call = this.pending.get(message.id);
    if (call === undefined) {
      this.options.log.warn("runtime host protocol: answer to no request", { id: message.id });
      return;
    }
    this.pending.delete(message.id);
    call.timer.cancel();
    call.settle(message.body);
  }

  private holdBack(message: Message): void {
    const entry = {
      message,
      timer: this.options.clock.setTimer(READY_WAIT_MS, () => {
        this.waiting.splice(this.waiting.indexOf(entry), 1);
        this.respond(message.id, errorBody(internalErrors.notReady()));
      }),
    };
    this.waiting.push(entry);
    if (this.waiting.length > this.limit) this.close();
  }

  private serve(message: Message): void {
    if (this.serving >= this.limit) {
      this.respond(message.id, errorBody(internalErrors.notReady(`${this.limit} requests are being worked on`)));
      return;
    }
    this.serving++;
    void this.work(message);
  }

  private async work(message: Message): Promise<void> {
    try {
      const body = await this.options.handler(message.body);
      this.respond(message.id, body);
    } catch (error) {
      if (error instanceof CodedError) {
        this.respond(message.id, errorBody(error));
      } else if (this.options.side === "host") {
        this.options.log.warn("runtime host protocol: request failed", {
          kind: message.body.type,
          error: reasonOf(error),
        });
        this.respond(message.id, { type: "Error", value: { module: "unknown", code: 1, message: reasonOf(error) } });
      } else {
        this.fail(error);
      }
    } finally {
      this.serving--;
    }
  }

  private respond(id: bigint, body: Body): void {
    if (this.current === "closed") return;
    const reply = (answer: Body): void => this.send({ id, messageType: MESSAGE_TYPE.response, body: answer });
    try {
      reply(body);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      // The answer is larger than a frame may be; without this the other side would wait for its deadline.
      this.options.log.warn("runtime host protocol: answer too large", { error: error.message });
      reply(errorBody(writeErrors.tooLarge()));
    }
  }

  /** A runtime whose handler broke must not go on: its state is unknown (runtime layer: dispatch rules). */
  private fail(cause: unknown): void {
    if (this.current === "closed") return;
    this.options.log.error("runtime host protocol: handler broke", { error: reasonOf(cause) });
    this.options.stream.close();
    this.shut(cause);
  }

  private shut(cause?: unknown): void {
    if (this.current === "closed") return;
    this.current = "closed";
    for (const { timer } of this.waiting.splice(0)) timer.cancel();
    const calls = Array.from(this.pending.values());
    this.pending.clear();
    for (const call of calls) {
      call.timer.cancel();
      call.settle(new CallFailure("closed", `${call.kind}: connection closed`));
    }
    this.options.onClose?.(cause);
  }
}

/** The error body of a coded error. */
export function errorBody(error: CodedError): Body {
  return { type: "Error", value: { module: error.module, code: error.code, message: error.message } };
}

function toCodedError(value: BodyValue<"Error">): CodedError {
  return new CodedError(value.module, value.code, value.message);
}
