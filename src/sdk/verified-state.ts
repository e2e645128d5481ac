import { type Channel, type Client, createClient } from "#common/rpc/index.js";
import { STATE_NAMESPACE, STATE_ROOT } from "#consensus/app/state-root.js";
import type { Header } from "#consensus/block/header.js";
import { lightMethods } from "#consensus/light/rpc.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { PartialTree, queryRemote, type RemoteRequest } from "#mkvs/remote.js";
import type { ProofResponse } from "#mkvs/proof/proof.js";

/** Milliseconds that a node has for a proof. */
const PROOF_TIMEOUT_MS = 10_000;

/**
 * The consensus state after a block, read from a node that is not believed: each value comes with a proof against the
 * state root that a verified header carries.
 */
export class VerifiedState {
  /** The height after whose block this is the state. */
  readonly height: bigint;
  readonly #client: Client<(typeof lightMethods)["methods"]>;
  readonly #tree: PartialTree;

  /**
   * @param next the verified header of the *next* height: a header carries the root of the state before its block
   * @param channel a way to the node
   */
  constructor(next: Header, channel: Channel) {
    this.height = next.height - 1n;
    this.#client = createClient(lightMethods, channel);
    const root = { namespace: STATE_NAMESPACE, version: this.height, type: STATE_ROOT, hash: next.appHash } as const;
    this.#tree = new PartialTree(root);
  }

  /**
   * Runs a view of the state. What it reads for the first time is fetched and proved; the rest is known already.
   *
   * @param view a pure function, which may run several times
   * @throws DecodeError for a wrong proof, CodedError or RpcError of the node, Fault for one that answers beside the point
   */
  query<T>(view: (state: KeyValueReader) => T): Promise<T> {
    return queryRemote(this.#tree, (request) => this.#fetch(request), view);
  }

  #fetch({ kind, request }: RemoteRequest): Promise<ProofResponse> {
    const options = { timeoutMs: PROOF_TIMEOUT_MS };
    return kind === "get"
      ? this.#client.StateSyncGet(request, options)
      : this.#client.StateSyncIterate(request, options);
  }
}
