/** Reading trees that somebody else holds (mkvs: sync API): requests, the side that answers, the side that asks. */
import { equalBytes } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { NodeDb } from "./db/node-db.js";
import { bitAt } from "./node/bits.js";
import {
  type Child,
  INTERNAL,
  type InternalNode,
  LEAF,
  type Node,
  type NodeSource,
  STUB,
  type Stub,
} from "./node/node.js";
import type { Root } from "./node/root.js";
import { ProofBuilder } from "./proof/builder.js";
import {
  type GetPrefixesRequest,
  type GetRequest,
  type IterateRequest,
  type Proof,
  PROOF_V0,
  type ProofResponse,
} from "./proof/proof.js";
import { verifyProof } from "./proof/verify.js";
import { ProofWalk } from "./proof/walk.js";
import { loadChild, loadLeaf, NodeTree } from "./tree/node-tree.js";

/** Whoever can prove parts of trees. Synchronous, like all reading of state. */
export interface ReadSyncer {
  syncGet(request: GetRequest): ProofResponse;
  syncGetPrefixes(request: GetPrefixesRequest): ProofResponse;
  syncIterate(request: IterateRequest): ProofResponse;
}

/**
 * Answers sync requests from a node database. Throws the errors of `NodeDb.loadRoot`, and a CodedError for a proof
 * version that does not exist.
 */
export class NodeDbSyncer implements ReadSyncer {
  readonly #db: NodeDb;

  constructor(db: NodeDb) {
    this.#db = db;
  }

  /** The path of one key, with the siblings beside it if asked. */
  syncGet(request: GetRequest): ProofResponse {
    const { root, position } = request.tree;
    const builder = new ProofBuilder(request.proofVersion, root.hash, position);
    proveGet(this.#open(root), builder, request.key, request.includeSiblings);
    return { proof: builder.build() };
  }

  /** All entries under the prefixes, one prefix after the other, until `limit` entries. */
  syncGetPrefixes(request: GetPrefixesRequest): ProofResponse {
    const { root } = request.tree;
    const builder = new ProofBuilder(request.proofVersion, root.hash, root.hash);
    const walk = new ProofWalk(this.#open(root), builder);
    let total = 0;
    for (const prefix of request.prefixes) {
      walk.seek(prefix);
      for (; walk.key !== undefined; total++) {
        if (total >= request.limit) {
          return { proof: builder.build() };
        }
        if (!hasPrefix(walk.key, prefix)) {
          break;
        }
        walk.next();
      }
    }
    return { proof: builder.build() };
  }

  /** The entry at or after a key and up to `prefetch` more. */
  syncIterate(request: IterateRequest): ProofResponse {
    const { root } = request.tree;
    const builder = new ProofBuilder(request.proofVersion, root.hash, root.hash);
    const walk = new ProofWalk(this.#open(root), builder);
    walk.seek(request.key);
    for (let i = 0; i < request.prefetch && walk.key !== undefined; i++) {
      walk.next();
    }
    return { proof: builder.build() };
  }

  #open(root: Root): NodeTree {
    return new NodeTree(this.#db, this.#db.loadRoot(root));
  }
}

function hasPrefix(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length >= prefix.length && equalBytes(key.subarray(0, prefix.length), prefix);
}

/** Includes the path that a lookup takes. Siblings are included without what is below them. */
function proveGet(tree: NodeTree, builder: ProofBuilder, key: Uint8Array, siblings: boolean): void {
  const { source } = tree;
  const include = (node: Node | undefined): void => {
    if (node !== undefined) {
      builder.include(node);
    }
  };
  const keyBits = key.length << 3;
  let depth = 0;
  let node = tree.loadRoot(key, false);
  while (node !== undefined) {
    builder.include(node);
    if (node.kind === LEAF) {
      return;
    }
    depth += node.labelBits;
    if (keyBits < depth) {
      return;
    }
    const ends: boolean = keyBits === depth;
    const right: boolean = !ends && bitAt(key, depth);
    if (siblings) {
      include(ends || right ? loadChild(source, node, false, key, false) : undefined);
      include(ends || !right ? loadChild(source, node, true, key, false) : undefined);
    }
    if (builder.version !== PROOF_V0 && (ends || siblings)) {
      include(loadLeaf(source, node, key, false));
    }
    node = ends ? undefined : loadChild(source, node, right, key, false);
  }
}

/**
 * The source of a tree that a syncer holds: each missing node is asked for with the key that is being looked up, the proof
 * is verified against the hash that is known already, and what it shows is kept.
 */
export class SyncedSource implements NodeSource {
  readonly #syncer: ReadSyncer;
  readonly #root: Root;
  readonly #prefetch: number;
  #tree: Child;

  /**
   * @param prefetch entries that an iteration asks for ahead, at most 65535
   */
  constructor(syncer: ReadSyncer, root: Root, tree: Child, prefetch: number) {
    this.#syncer = syncer;
    this.#root = root;
    this.#tree = tree;
    this.#prefetch = prefetch;
  }

  resolve(stub: Stub, key: Uint8Array, iterating: boolean): Node {
    const tree = { root: this.#root, position: stub.hash };
    const { proof } = iterating
      ? this.#syncer.syncIterate({ tree, key, prefetch: this.#prefetch, proofVersion: PROOF_V0 })
      : this.#syncer.syncGet({ tree, key, includeSiblings: false, proofVersion: PROOF_V0 });
    const node = findNode(this.#merge(stub, proof), stub.hash);
    if (node === undefined) {
      throw new Fault("mkvs: a sync answer lacks the node that was asked for");
    }
    return node;
  }

  /** A proof is rooted at the node that was asked for, or at the root of the tree. */
  #merge(stub: Stub, proof: Proof): Child {
    if (equalBytes(proof.untrustedRoot, stub.hash)) {
      return verifyProof(stub.hash, proof);
    }
    const proven = verifyProof(this.#root.hash, proof);
    this.#tree = mergeTrees(this.#tree, proven);
    return proven;
  }
}

/** The node with a hash in what a proof has shown. */
function findNode(proven: Child, hash: Uint8Array): Node | undefined {
  const open: Child[] = [proven];
  while (open.length > 0) {
    const node = open.pop();
    if (node !== undefined && node.kind !== STUB) {
      if (equalBytes(node.hash as Uint8Array, hash)) {
        return node;
      }
      if (node.kind === INTERNAL) {
        open.push(node.leaf, node.left, node.right);
      }
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
