import { assert } from "#common/assert.js";
import { toHex } from "#common/bytes.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { hostErrors } from "./errors.js";
import type { JoinedTopic, P2pHost, RequestHandler, TopicHandler, P2pHostStatus } from "./host.js";
import { MAX_FRAME_BYTES } from "./protocol.js";
import { SeenCache } from "./seen-cache.js";
import { MAX_GOSSIP_BYTES, messageId, SEEN_TTL_MS } from "./topic.js";

/** Most requests that a host has in flight, and most that it works on. */
const MAX_REQUESTS = 1024;
/** Most gossiped messages that wait for the handler of one topic. */
const MAX_WAITING = 1024;
const SEEN_MESSAGES = 8192;

/** A message on its way between two hosts. */
export interface Parcel {
  readonly kind: "gossip" | "request" | "response";
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** Topic or protocol. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What happens to a parcel: delivered after so many milliseconds (0: as soon as possible), or lost. */
export type Fate = number | "lost";

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Decides the fate of every parcel; without it all arrive at once. */
  readonly fate?: ((parcel: Parcel) => Fate) | undefined;
}

/**
 * Joins the hosts of one process. Only encoded bytes pass from one to another, each receiver gets a copy of its own, and
 * nothing is delivered within the call that sent it.
 */
export class MemoryNetwork {
  private readonly hosts = new Map<string, MemoryHost>();

  constructor(private readonly options: MemoryNetworkOptions) {}

  /**
   * Adds a node.
   *
   * @param publicKey its P2P public key, 32 bytes; not yet in use
   */
  connect(publicKey: Uint8Array): MemoryHost {
    const id = toHex(publicKey);
    assert(!this.hosts.has(id), `the host ${id} is connected already`);
    const wires: Wires = {
      clock: this.options.clock,
      log: this.options.log,
      others: () => Array.from(this.hosts.values()).filter((host) => host.id !== id),
      find: (peer) => this.hosts.get(toHex(peer)),
      send: (parcel, deliver) => this.send(parcel, deliver),
      leave: () => this.hosts.delete(id),
    };
    const host = new MemoryHost(publicKey, id, wires);
    this.hosts.set(id, host);
    return host;
  }

  private send(parcel: Parcel, deliver: (bytes: Uint8Array) => void): void {
    const fate = this.options.fate?.(parcel) ?? 0;
    if (fate === "lost") return;
    const bytes = parcel.bytes.slice();
    if (fate > 0) this.options.clock.setTimer(fate, () => deliver(bytes));
    else void Promise.resolve().then(() => deliver(bytes));
  }
}

interface Wires {
  readonly clock: Clock;
  readonly log: Log;
  others(): MemoryHost[];
  find(peer: Uint8Array): MemoryHost | undefined;
  send(parcel: Parcel, deliver: (bytes: Uint8Array) => void): void;
  leave(): void;
}

interface Subscription {
  readonly handler: TopicHandler;
  waiting: number;
}

/** One node of a `MemoryNetwork`. */
export class MemoryHost implements P2pHost {
  private readonly topics = new Map<string, Subscription>();
  private readonly protocols = new Map<string, RequestHandler>();
  private readonly seen = new SeenCache(SEEN_MESSAGES, SEEN_TTL_MS);
  private readonly avoided = new Set<string>();
  private inFlight = 0;
  private working = 0;
  private closed = false;

  constructor(
    readonly publicKey: Uint8Array,
    readonly id: string,
    private readonly wires: Wires,
  ) {}

  /** Leaves the network: nothing arrives any more, requests of others fail. */
  close(): void {
    this.closed = true;
    this.topics.clear();
    this.protocols.clear();
    this.wires.leave();
  }

  join(topic: string, handler: TopicHandler): JoinedTopic {
    assert(!this.topics.has(topic), `${topic} is joined already`);
    const subscription: Subscription = { handler, waiting: 0 };
    this.topics.set(topic, subscription);
    return {
      publish: (data) => this.publish(topic, data),
      leave: () => {
        if (this.topics.get(topic) === subscription) this.topics.delete(topic);
      },
    };
  }

  private publish(topic: string, data: Uint8Array): void {
    if (data.length > MAX_GOSSIP_BYTES) throw hostErrors.tooLarge(`${data.length} bytes, limit ${MAX_GOSSIP_BYTES}`);
    if (this.closed) return;
    const id = messageId(topic, data);
    const now = this.wires.clock.nowMs();
    // Whoever has passed a message on does not pass it on again within the time others remember it.
    if (this.seen.get(id, now) !== undefined) return;
    this.seen.set(id, now);
    for (const other of this.wires.others()) {
      if (!other.topics.has(topic)) continue;
      const parcel: Parcel = { kind: "gossip", from: this.publicKey, to: other.publicKey, name: topic, bytes: data };
      this.wires.send(parcel, (bytes) => other.receive(topic, id, bytes, this));
    }
  }

  private receive(topic: string, id: Uint8Array, data: Uint8Array, from: MemoryHost): void {
    const subscription = this.topics.get(topic);
    if (subscription === undefined || this.avoided.has(from.id)) return;
    const now = this.wires.clock.nowMs();
    if (this.seen.get(id, now) !== undefined) return;
    this.seen.set(id, now);
    if (subscription.waiting >= MAX_WAITING) {
      this.wires.log.warn("gossip dropped: too many messages wait", { topic, limit: MAX_WAITING });
      return;
    }
    void this.handle(topic, subscription, data, from);
  }

  private async handle(topic: string, subscription: Subscription, data: Uint8Array, from: MemoryHost): Promise<void> {
    subscription.waiting++;
    try {
      const verdict = await subscription.handler(data, from.publicKey);
      if (verdict === "reject") this.wires.log.warn("gossip rejected", { topic, from: from.id });
    } catch (error) {
      this.wires.log.error("gossip handler failed", { topic, from: from.id, error: String(error) });
    } finally {
      subscription.waiting--;
    }
  }

  serve(protocol: string, handler: RequestHandler): () => void {
    assert(!this.protocols.has(protocol), `${protocol} is served already`);
    this.protocols.set(protocol, handler);
    return () => {
      if (this.protocols.get(protocol) === handler) this.protocols.delete(protocol);
    };
  }

  peers(protocol: string): Uint8Array[] {
    return this.wires
      .others()
      .filter((other) => other.protocols.has(protocol) && !this.avoided.has(other.id))
      .map((other) => other.publicKey);
  }

  status(): P2pHostStatus {
    const others = this.wires.others();
    const count = (names: Iterable<string>, has: (other: MemoryHost, name: string) => boolean): Map<string, number> =>
      new Map(Array.from(names, (name) => [name, others.filter((other) => has(other, name)).length] as const));
    return {
      peers: others.length,
      protocols: count(this.protocols.keys(), (other, name) => other.protocols.has(name)),
      topics: count(this.topics.keys(), (other, name) => other.topics.has(name)),
    };
  }

  feedback(peer: Uint8Array, protocol: string, outcome: "success" | "failure" | "bad-peer"): void {
    if (outcome !== "bad-peer") return;
    this.wires.log.warn("peer is avoided from now on", { peer: toHex(peer), protocol });
    this.avoided.add(toHex(peer));
  }

  async request(peer: Uint8Array, protocol: string, request: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    if (this.closed) throw hostErrors.closed();
    if (request.length > MAX_FRAME_BYTES)
      throw hostErrors.tooLarge(`${request.length} bytes, limit ${MAX_FRAME_BYTES}`);
    if (this.inFlight >= MAX_REQUESTS) throw hostErrors.busy(`limit ${MAX_REQUESTS}`);
    const other = this.wires.find(peer);
    if (other === undefined || !other.protocols.has(protocol))
      throw hostErrors.unreachable(`${toHex(peer)} ${protocol}`);
    this.inFlight++;
    try {
      return await this.exchange(other, protocol, request, deadlineMs);
    } finally {
      this.inFlight--;
    }
  }

  private exchange(other: MemoryHost, protocol: string, request: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    const { wires, publicKey } = this;
    return new Promise((resolve, reject) => {
      const timer = wires.clock.setTimer(deadlineMs, () =>
        reject(hostErrors.deadline(`${protocol}, ${deadlineMs} ms`)),
      );
      const settle = (act: () => void): void => {
        timer.cancel();
        act();
      };
      const respond = (bytes: Uint8Array): void => {
        const parcel: Parcel = { kind: "response", from: other.publicKey, to: publicKey, name: protocol, bytes };
        wires.send(parcel, (response) => settle(() => resolve(response)));
      };
      const fail = (): void => settle(() => reject(hostErrors.unreachable(protocol)));
      const parcel: Parcel = { kind: "request", from: publicKey, to: other.publicKey, name: protocol, bytes: request };
      wires.send(parcel, (bytes) => other.answer(protocol, bytes, publicKey, respond, fail));
    });
  }

  private answer(
    protocol: string,
    request: Uint8Array,
    from: Uint8Array,
    respond: (bytes: Uint8Array) => void,
    fail: () => void,
  ): void {
    const handler = this.protocols.get(protocol);
    if (handler === undefined || this.closed || this.working >= MAX_REQUESTS) {
      fail();
      return;
    }
    this.working++;
    const work = async (): Promise<void> => {
      try {
        const response = await handler(request, from);
        if (response.length > MAX_FRAME_BYTES) throw hostErrors.tooLarge(`${response.length} bytes`);
        respond(response);
      } catch (error) {
        this.wires.log.warn("request failed", { protocol, from: toHex(from), error: String(error) });
        fail();
      } finally {
        this.working--;
      }
    };
    void work();
  }
}
