import { equalBytes, toHex } from "#common/bytes.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { STUB } from "#mkvs/node/node.js";
import type { GetPrefixesRequest, GetRequest, IterateRequest, ProofResponse, TreeId } from "#mkvs/proof/proof.js";
import { verifyProof } from "#mkvs/proof/verify.js";
import type { P2pHost } from "#p2p/host.js";
import { callPeer, protocolId } from "#p2p/protocol.js";
import { isGone } from "./diff-fetcher.js";
import { PeerOrder } from "./peer-order.js";
import { STORAGE_PUB } from "./protocols.js";

/** Most peers that are asked for one answer. */
const MAX_PEERS = 5;

/**
 * Reads trees of a runtime that only peers have: those with the role for public storage. They are not believed, each
 * answer is verified against the root that is asked for (runtime layer: P2P, storagepub).
 */
export class PublicStorage {
  private readonly order = new PeerOrder();

  constructor(
    private readonly p2p: P2pHost,
    private readonly chainContext: string,
    private readonly log: Log,
  ) {}

  /** The path of one key; undefined when no peer has it. */
  get(request: GetRequest): Promise<ProofResponse | undefined> {
    return this.ask(request.tree, (peer, id) => callPeer(this.p2p, peer, id, STORAGE_PUB, "Get", request));
  }

  /** Entries under prefixes; undefined when no peer has the tree. */
  getPrefixes(request: GetPrefixesRequest): Promise<ProofResponse | undefined> {
    return this.ask(request.tree, (peer, id) => callPeer(this.p2p, peer, id, STORAGE_PUB, "GetPrefixes", request));
  }

  /** The entry at or after a key and those that follow; undefined when no peer has the tree. */
  iterate(request: IterateRequest): Promise<ProofResponse | undefined> {
    return this.ask(request.tree, (peer, id) => callPeer(this.p2p, peer, id, STORAGE_PUB, "Iterate", request));
  }

  private async ask(
    tree: TreeId,
    call: (peer: Uint8Array, id: string) => Promise<ProofResponse>,
  ): Promise<ProofResponse | undefined> {
    const id = protocolId(this.chainContext, STORAGE_PUB, tree.root.namespace);
    for (const peer of this.order.best(this.p2p.peers(id)).slice(0, MAX_PEERS)) {
      const found = await this.attempt(tree, peer, id, call);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private async attempt(
    tree: TreeId,
    peer: Uint8Array,
    id: string,
    call: (peer: Uint8Array, id: string) => Promise<ProofResponse>,
  ): Promise<ProofResponse | undefined> {
    try {
      const response = await this.order.count(peer, () => call(peer, id));
      checkProof(tree, response);
      this.p2p.feedback(peer, id, "success");
      return response;
    } catch (error) {
      if (error instanceof DecodeError) {
        this.log.warn("peer sent a wrong proof", { peer: toHex(peer), error: error.message });
        this.p2p.feedback(peer, id, "bad-peer");
      } else if (!(error instanceof CodedError)) throw error;
      // Whoever asks may have made the root up: not having it is no fault of a peer.
      else if (!isGone(error)) this.p2p.feedback(peer, id, "failure");
      return undefined;
    }
  }
}

/** @throws DecodeError when a proof is of another tree, or shows nothing of it */
function checkProof({ root, position }: TreeId, { proof }: ProofResponse): void {
  const below = equalBytes(proof.untrustedRoot, position);
  const proven = verifyProof(below ? position : root.hash, proof);
  if (proven?.kind === STUB) throw new DecodeError("shows nothing but the root", "proof.entries");
}
