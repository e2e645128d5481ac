/** Reading trees that somebody else holds (mkvs: sync API): the requests and the side that answers. `remote` asks. */
import { equalBytes } from "#common/bytes.js";
import type { NodeDb } from "./db/node-db.js";
import { bitAt } from "./node/bits.js";
import { LEAF, type Node } from "./node/node.js";
import type { Root } from "./node/root.js";
import { checkProofVersion, ProofBuilder } from "./proof/builder.js";
import {
  type GetPrefixesRequest,
  type GetRequest,
  type IterateRequest,
  type Proof,
  PROOF_V0,
  type ProofResponse,
} from "./proof/proof.js";
import { ProofWalk } from "./proof/walk.js";
import type { NodeReader } from "./tree/node-reader.js";
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
    if (!request.includeSiblings) {
      checkProofVersion(request.proofVersion);
      return { proof: proofOfGet(this.#db.openReader(root), request) };
    }
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

/** Writes the proof of a lookup in one go, which is what most requests want. */
function proofOfGet<H>(reader: NodeReader<H>, { tree, key, proofVersion: v }: GetRequest): Proof {
  const entries: (Uint8Array | null)[] = [];
  /** What comes behind the way: right sides of nodes that it leaves to the left. */
  const after: (Uint8Array | null)[] = [];
  const byHash = (child: H | undefined): Uint8Array | null => (child === undefined ? null : reader.hashEntry(child));
  const keyBits = key.length << 3;
  let depth = 0;
  let started = false;
  let handle = reader.root();
  if (handle === undefined) {
    entries.push(null);
  }
  while (handle !== undefined) {
    const node: H = reader.load(handle);
    if (!started && reader.hasHash(node, tree.position)) {
      // The proof begins here.
      started = true;
      entries.length = 0;
      after.length = 0;
    }
    entries.push(reader.nodeEntry(node, v));
    if (reader.isLeaf(node)) {
      break;
    }
    depth += reader.labelBits(node);
    if (v !== PROOF_V0) {
      const leaf = reader.leaf(node);
      const shown = keyBits === depth && leaf !== undefined;
      entries.push(shown ? reader.nodeEntry(reader.load(leaf), v) : byHash(leaf));
    }
    if (keyBits <= depth) {
      entries.push(byHash(reader.left(node)), byHash(reader.right(node)));
      break;
    }
    if (bitAt(key, depth)) {
      entries.push(byHash(reader.left(node)));
      handle = reader.right(node);
    } else {
      after.push(byHash(reader.right(node)));
      handle = reader.left(node);
    }
    if (handle === undefined) {
      entries.push(null);
    }
  }
  for (let i = after.length - 1; i >= 0; i--) {
    entries.push(after[i] as Uint8Array | null);
  }
  return { v, entries, untrustedRoot: started ? tree.position : tree.root.hash };
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
