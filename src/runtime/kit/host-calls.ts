import { CodedError, DecodeError, Fault } from "#common/errors/index.js";
import {
  type AnswerOf,
  type Body,
  bodyOf,
  type BodyValue,
  type HostRequestKind,
  Message,
  MESSAGE_TYPE,
  RESPONSES,
} from "../rhp/messages/index.js";

/** Messages from and to the host, without their lengths. Receiving blocks the runtime: its code never waits otherwise. */
export interface HostChannel {
  /** The next message; undefined when the host has closed the connection. */
  receive(): Uint8Array | undefined;
  send(message: Uint8Array): void;
}

/** The host closed the connection: there is nobody left to run for. */
export class HostGone extends Fault {
  constructor() {
    super("the host has closed the connection");
    this.name = "HostGone";
  }
}

/** Most requests of the host that may wait while the runtime waits for an answer. */
const MAX_WAITING = 1024;

/**
 * The runtime's end of a connection when nothing but the runtime runs: messages come one at a time, and a call to the
 * host returns its answer. Requests that arrive in between wait their turn.
 */
export class HostCalls {
  private nextId = 0n;
  private readonly waiting: Message[] = [];

  constructor(
    private readonly channel: HostChannel,
    private readonly dropped: (reason: string) => void,
  ) {}

  /** The next request of the host; undefined when it has closed the connection. */
  nextRequest(): Message | undefined {
    const first = this.waiting.shift();
    if (first !== undefined) return first;
    for (;;) {
      const message = this.receive();
      if (message === undefined || message.messageType === MESSAGE_TYPE.request) return message;
      this.dropped("an answer to no request");
    }
  }

  /** Answers a request. */
  respond(id: bigint, body: Body): void {
    this.channel.send(Message.encode({ id, messageType: MESSAGE_TYPE.response, body }));
  }

  /**
   * Asks the host and waits for its answer.
   *
   * @throws CodedError when the answer is an error
   * @throws Fault when the connection closes, or the answer does not belong to the request
   */
  call<K extends HostRequestKind>(kind: K, value: BodyValue<K>): AnswerOf<K> {
    const id = this.nextId++;
    this.channel.send(Message.encode({ id, messageType: MESSAGE_TYPE.request, body: bodyOf(kind, value) }));
    const { body } = this.answerTo(id);
    if (body.type === "Error") throw new CodedError(body.value.module, body.value.code, body.value.message);
    if (!(RESPONSES[kind] as readonly string[]).includes(body.type)) {
      throw new Fault(`${kind} was answered with ${body.type}`);
    }
    return body.value as AnswerOf<K>;
  }

  private answerTo(id: bigint): Message {
    for (;;) {
      const message = this.receive();
      if (message === undefined) throw new HostGone();
      if (message.messageType === MESSAGE_TYPE.request) this.hold(message);
      else if (message.id === id) return message;
      else this.dropped("an answer to no request");
    }
  }

  private hold(message: Message): void {
    if (this.waiting.length >= MAX_WAITING) this.dropped(`more than ${MAX_WAITING} requests wait`);
    else this.waiting.push(message);
  }

  /** A message that cannot be read is dropped without an answer: it might be a newer one (runtime host protocol: traps). */
  private receive(): Message | undefined {
    for (;;) {
      const bytes = this.channel.receive();
      if (bytes === undefined) return undefined;
      try {
        const message = Message.decode(bytes, "runtime");
        if (message.messageType === MESSAGE_TYPE.request || message.messageType === MESSAGE_TYPE.response) {
          return message;
        }
        this.dropped("neither request nor response");
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        this.dropped(error.message);
      }
    }
  }
}
