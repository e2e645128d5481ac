/** Trees that somebody else holds (mkvs: sync API), the side that asks: what is missing is fetched with proofs. */
import { equalBytes, toHex } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { KeyValueIterator, KeyValueReader } from "./key-value.js";
import { type Child, INTERNAL, type InternalNode, LEAF, type Node, type NodeSource, STUB, Stub } from "./node/node.js";
import type { RecentNodes } from "./node/recent-nodes.js";
import { isEmptyRoot, type Root } from "./node/root.js";
import { type GetRequest, type IterateRequest, type Proof, PROOF_V0, type ProofResponse } from "./proof/proof.js";
import { verifyProof } from "./proof/verify.js";
import type { ReadSyncer } from "./sync.js";
import { NodeTree } from "./tree/node-tree.js";
import { TreeIterator } from "./tree/tree-iterator.js";

/** Nodes that a fetched tree keeps, unless told otherwise. */
const DEFAULT_MAX_NODES = 5000;
/** Bytes of values that a fetched tree keeps, unless told otherwise. */
const DEFAULT_MAX_VALUE_BYTES = 16 * 1024 * 1024;

export interface RemoteOptions {
  /** Where nodes are looked for before they are fetched, and kept afterwards. */
  readonly recent?: RecentNodes;
  /** Entries that an iteration asks for ahead; 0 when absent, at most 65535. */
  readonly prefetch?: number;
  /** Nodes that may come into memory before most are dropped again; 5000 when absent, 0 for no limit. */
  readonly maxNodes?: number;
  /** Bytes of values that may come into memory before most are dropped again; 16 MiB when absent, 0 for no limit. */
  readonly maxValueBytes?: number;
}

/** What is known of a remote tree. */
class KnownTree {
  readonly root: Root;
  readonly #maxNodes: number;
  readonly #maxValueBytes: number;
  #tree: Child;
  #nodes = 0;
  #valueBytes = 0;

  constructor(root: Root, { maxNodes, maxValueBytes }: RemoteOptions) {
    this.root = root;
    this.#maxNodes = maxNodes ?? DEFAULT_MAX_NODES;
    this.#maxValueBytes = maxValueBytes ?? DEFAULT_MAX_VALUE_BYTES;
  }

  /**
   * Verifies an answer and merges it into what is known.
   *
   * @returns the node that was asked for
   * @throws DecodeError for a wrong proof, Fault when the node is not in it
   */
  accept(stub: Stub, proof: Proof): Node {
    const node = findNode(this.#merge(stub, proof), stub.hash);
    if (node === undefined) {
      throw new Fault("mkvs: a sync answer lacks the node that was asked for");
    }
    return node;
  }

  /**
   * Verifies a proof from the root down and merges it into what is known.
   *
   * @throws DecodeError for a wrong proof
   */
  absorb(proof: Proof): Child {
    const proven = verifyProof(this.root.hash, proof);
    this.#makeRoom(proven);
    this.#tree = mergeTrees(this.#tree, proven);
    return proven;
  }

  /** A proof is rooted at the node that was asked for, or at the root of the tree. */
  #merge(stub: Stub, proof: Proof): Child {
    const below = equalBytes(proof.untrustedRoot, stub.hash);
    const proven = verifyProof(below ? stub.hash : this.root.hash, proof);
    this.#makeRoom(proven);
    if (!below || equalBytes(stub.hash, this.root.hash)) {
      this.#tree = mergeTrees(this.#tree, proven);
    }
    return proven;
  }

  /** Drops all but the uppermost part of the tree when it has become too large. */
  #makeRoom(proven: Child): void {
    for (const node of nodesOf(proven)) {
      this.#nodes++;
      this.#valueBytes += node.kind === LEAF ? node.value.length : 0;
    }
    const tooMany = this.#maxNodes > 0 && this.#nodes > this.#maxNodes;
    if (tooMany || (this.#maxValueBytes > 0 && this.#valueBytes > this.#maxValueBytes)) {
      // The root stays, and with it whatever the tree that is read from has changed itself.
      dropFetched(this.#tree);
      this.#nodes = 0;
      this.#valueBytes = 0;
    }
  }
}

/** Makes stubs of the fetched children of a node. Those that a tree has made itself cannot be fetched again: they stay. */
function dropFetched(root: Child): void {
  if (root === undefined || root.kind !== INTERNAL) {
    return;
  }
  const stubOf = (child: Child): Child =>
    child === undefined || child.kind === STUB || child.edit !== undefined || child.hash === undefined
      ? child
      : new Stub(child.hash);
  root.left = stubOf(root.left);
  root.right = stubOf(root.right);
}

/**
 * The source of a tree that a syncer holds: each missing node is asked for with the key that is being looked up, the proof
 * is verified against the hash that is known already, and what it shows is kept.
 */
export class SyncedSource implements NodeSource {
  readonly #syncer: ReadSyncer;
  readonly #known: KnownTree;
  readonly #prefetch: number;
  readonly #recent: RecentNodes | undefined;

  constructor(syncer: ReadSyncer, root: Root, options: RemoteOptions) {
    this.#syncer = syncer;
    this.#recent = options.recent;
    this.#known = new KnownTree(root, options);
    this.#prefetch = options.prefetch ?? 0;
  }

  resolve(stub: Stub, key: Uint8Array, iterating: boolean): Node {
    const recent = this.#recent?.get(stub.hash);
    if (recent !== undefined) {
      return recent;
    }
    const request = requestFor(this.#known.root, stub, key, iterating, this.#prefetch);
    const { proof } =
      request.kind === "get" ? this.#syncer.syncGet(request.request) : this.#syncer.syncIterate(request.request);
    const node = this.#known.accept(stub, proof);
    this.#remember(node);
    return node;
  }

  prefetch(prefixes: readonly Uint8Array[], limit: number): void {
    const { root } = this.#known;
    if (prefixes.length === 0 || isEmptyRoot(root)) {
      return;
    }
    const tree = { root, position: root.hash };
    const request = { tree, prefixes: prefixes.slice(), limit, proofVersion: PROOF_V0 };
    this.#remember(this.#known.absorb(this.#syncer.syncGetPrefixes(request).proof));
  }

  #remember(fetched: Child): void {
    if (this.#recent === undefined) {
      return;
    }
    for (const node of nodesOf(fetched)) {
      this.#recent.add(node);
    }
  }
}

/** What to ask a peer for. */
export type RemoteRequest =
  | { readonly kind: "get"; readonly request: GetRequest }
  | { readonly kind: "iterate"; readonly request: IterateRequest };

function requestFor(root: Root, stub: Stub, key: Uint8Array, iterating: boolean, prefetch: number): RemoteRequest {
  const tree = { root, position: stub.hash };
  return iterating
    ? { kind: "iterate", request: { tree, key, prefetch, proofVersion: PROOF_V0 } }
    : { kind: "get", request: { tree, key, includeSiblings: false, proofVersion: PROOF_V0 } };
}

/** Thrown where a query needs a node that is not known yet: fetch it, hand it to `PartialTree.accept`, run the query again. */
export class Missing extends Error {
  readonly request: RemoteRequest;
  readonly stub: Stub;

  constructor(stub: Stub, request: RemoteRequest) {
    super(`mkvs: node ${toHex(stub.hash)} is not known yet`);
    this.name = "Missing";
    this.stub = stub;
    this.request = request;
  }
}

/**
 * A tree of which parts are known, for queries that cannot wait: reading what is not known throws `Missing`. Answers that
 * were accepted stay for the next run, within the limits of the options.
 */
export class PartialTree implements KeyValueReader {
  readonly #known: KnownTree;
  readonly #nodes: NodeTree;
  /** Nodes that were fetched and that the next run will hang where they belong. */
  readonly #fetched = new Map<string, Node>();

  constructor(root: Root, options: RemoteOptions = {}) {
    this.#known = new KnownTree(root, options);
    const source: NodeSource = {
      resolve: (stub, key, iterating) => {
        const id = toHex(stub.hash);
        const node = this.#fetched.get(id);
        if (node === undefined) {
          throw new Missing(stub, requestFor(root, stub, key, iterating, options.prefetch ?? 0));
        }
        this.#fetched.delete(id);
        return node;
      },
    };
    this.#nodes = new NodeTree(source, isEmptyRoot(root) ? undefined : new Stub(root.hash));
  }

  /** @throws Missing */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#nodes.get(key);
  }

  /** Its `seek` and `next` throw Missing; it is then to be given up and the query run again. */
  iterator(): KeyValueIterator {
    return new TreeIterator(this.#nodes);
  }

  /**
   * Takes the answer to what was missing.
   * @throws DecodeError for a wrong proof, Fault when the node is not in it
   */
  accept({ stub }: Missing, { proof }: ProofResponse): void {
    const node = this.#known.accept(stub, proof);
    this.#fetched.set(toHex(stub.hash), node);
  }
}

/** Whoever can prove parts of trees, but not at once. */
export type Fetch = (request: RemoteRequest) => Promise<ProofResponse>;

/**
 * Runs a query on a remote tree, fetching what it lacks, until it goes through.
 *
 * @param query a pure function of the tree: it may run many times
 * @param maxFetches requests after which it is given up
 * @throws Fault when that many did not suffice; what `fetch` throws; DecodeError for a wrong answer
 */
export async function queryRemote<T>(
  tree: PartialTree,
  fetch: Fetch,
  query: (reader: KeyValueReader) => T,
  maxFetches = 1000,
): Promise<T> {
  for (let fetches = 0; ; fetches++) {
    try {
      return query(tree);
    } catch (error) {
      if (!(error instanceof Missing)) {
        throw error;
      }
      if (fetches >= maxFetches) {
        throw new Fault(`mkvs: a query needed more than ${maxFetches} requests`, { cause: error });
      }
      tree.accept(error, await fetch(error.request));
    }
  }
}

function* nodesOf(tree: Child): Iterable<Node> {
  const open: Child[] = [tree];
  while (open.length > 0) {
    const node = open.pop();
    if (node !== undefined && node.kind !== STUB) {
      yield node;
      if (node.kind === INTERNAL) {
        open.push(node.leaf, node.left, node.right);
      }
    }
  }
}

/** The node with a hash in what a proof has shown. */
function findNode(proven: Child, hash: Uint8Array): Node | undefined {
  for (const node of nodesOf(proven)) {
    if (equalBytes(node.hash as Uint8Array, hash)) {
      return node;
    }
  }
  return undefined;
}

/** Fills the stubs of one partial tree with what another of the same hash has. */
function mergeTrees(into: Child, from: Child): Child {
  if (into === undefined || into.kind === STUB) {
    return from;
  }
  const open: (readonly [InternalNode, InternalNode])[] = [];
  const pair = (a: Child, b: Child): void => {
    if (a !== undefined && b !== undefined && a.kind === INTERNAL && b.kind === INTERNAL) {
      open.push([a, b]);
    }
  };
  pair(into, from);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [a, b] = next;
    a.leaf = a.leaf?.kind === STUB ? b.leaf : a.leaf;
    a.left = a.left?.kind === STUB ? b.left : a.left;
    a.right = a.right?.kind === STUB ? b.right : a.right;
    pair(a.left, b.left);
    pair(a.right, b.right);
  }
  return into;
}
