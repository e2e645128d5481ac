import { hostErrors } from "#p2p/errors.js";
import type { JoinedTopic, P2pHost, RequestHandler, TopicHandler, P2pHostStatus } from "#p2p/host.js";

function damaged(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  const middle = out.length >> 1;
  if (out.length > 0) out[middle] = (out[middle] ?? 0) ^ 0xff;
  return out;
}

/** What a node does wrong on the wire at the moment. */
export interface P2pConduct {
  /** Whether everything that it sends is damaged. */
  readonly damages: () => boolean;
  /** Whether it leaves requests of a protocol unanswered. */
  readonly ignores: (protocol: string) => boolean;
}

/** A peer-to-peer host that misbehaves as long as somebody wants it. */
export class MisbehavingP2p implements P2pHost {
  constructor(
    private readonly inner: P2pHost,
    private readonly conduct: P2pConduct,
  ) {}

  get publicKey(): Uint8Array {
    return this.inner.publicKey;
  }

  join(topic: string, handler: TopicHandler): JoinedTopic {
    const joined = this.inner.join(topic, handler);
    return { publish: (data) => joined.publish(this.pass(data)), leave: () => joined.leave() };
  }

  serve(protocol: string, handler: RequestHandler): () => void {
    return this.inner.serve(protocol, async (request, from) => {
      if (this.conduct.ignores(protocol)) throw hostErrors.unreachable(protocol);
      return this.pass(await handler(request, from));
    });
  }

  peers(protocol: string): Uint8Array[] {
    return this.inner.peers(protocol);
  }

  request(peer: Uint8Array, protocol: string, request: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    return this.inner.request(peer, protocol, request, deadlineMs);
  }

  status(): P2pHostStatus {
    return this.inner.status();
  }

  feedback(peer: Uint8Array, protocol: string, outcome: "success" | "failure" | "bad-peer"): void {
    this.inner.feedback(peer, protocol, outcome);
  }

  private pass(bytes: Uint8Array): Uint8Array {
    return this.conduct.damages() ? damaged(bytes) : bytes;
  }
}
