/**
 * What the handling of a gossiped message decides: `accept` passes it on, `ignore` drops it silently (it may be valid
 * for others or later), `reject` drops it and counts against the peer that sent it.
 */
export type Verdict = "accept" | "ignore" | "reject";

/**
 * Handles a gossiped message; handling happens before it is passed on.
 *
 * @param data the message as it was published
 * @param from P2P public key of the node that published it, 32 bytes
 */
export type TopicHandler = (data: Uint8Array, from: Uint8Array) => Verdict | Promise<Verdict>;

/** A topic that this node takes part in. */
export interface JoinedTopic {
  /**
   * Sends a message to all others that joined. The own handler is not called.
   *
   * @throws CodedError p2p/gossip when the message is larger than 1 MiB
   */
  publish(data: Uint8Array): void;
  leave(): void;
}

/**
 * Answers one request of a peer.
 *
 * @param from P2P public key of the peer, 32 bytes
 */
export type RequestHandler = (request: Uint8Array, from: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** One node in the peer-to-peer network (runtime layer: P2P). Peers are named by their P2P public keys of 32 bytes. */
export interface P2pHost {
  readonly publicKey: Uint8Array;
  /**
   * Takes part in a topic; at most once at a time for each.
   *
   * @param topic as made by `topicId`
   */
  join(topic: string, handler: TopicHandler): JoinedTopic;
  /**
   * Answers requests of a protocol; at most one handler for each.
   *
   * @param protocol as made by `protocolId`
   * @returns ends it
   */
  serve(protocol: string, handler: RequestHandler): () => void;
  /** Peers that serve a protocol and can be reached now, the most promising first; never this node itself. */
  peers(protocol: string): Uint8Array[];
  /**
   * Sends a request and waits for the response.
   *
   * @param deadlineMs how long to wait, in milliseconds
   * @throws CodedError p2p/host when the peer cannot be reached, does not answer in time or sends too much
   */
  request(peer: Uint8Array, protocol: string, request: Uint8Array, deadlineMs: number): Promise<Uint8Array>;
  /** What a response was worth: a peer that sends wrong data is avoided from now on. */
  feedback(peer: Uint8Array, protocol: string, outcome: "success" | "failure" | "bad-peer"): void;
  /** How the node stands among its peers at the moment. */
  status(): P2pHostStatus;
}

/** A node among its peers. */
export interface P2pHostStatus {
  /** Peers that it is connected to. */
  readonly peers: number;
  /** Connected peers that serve each protocol, for all protocols that the node serves. */
  readonly protocols: ReadonlyMap<string, number>;
  /** Connected peers in each topic that the node takes part in. */
  readonly topics: ReadonlyMap<string, number>;
}
