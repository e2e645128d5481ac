/** Reading trees that somebody else holds (mkvs: sync API): the requests and the side that answers. `remote` asks. */
import { equalBytes } from "#common/bytes.js";
import type { NodeDb } from "./db/node-db.js";
import { bitAt } from "./node/bits.js";
import { LEAF, type Node } from "./node/node.js";
import type { Root } from "./node/root.js";
import { checkProofVersion, ProofBuilder, tagged } from "./proof/builder.js";
import {
  ENTRY_NODE,
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

/** The way of a lookup: nodes from the root down, and where it leaves each. */
interface Path<H> {
  readonly nodes: H[];
  readonly turns: number[];
}

const TO_LEAF = 0;
const TO_LEFT = 1;
const TO_RIGHT = 2;
/** The lookup ends here: nothing below is part of the proof. */
const END = 3;

function pathOf<H>(reader: NodeReader<H>, key: Uint8Array): Path<H> {
  const nodes: H[] = [];
  const turns: number[] = [];
  const keyBits = key.length << 3;
  let depth = 0;
  let handle = reader.root();
  while (handle !== undefined) {
    const node: H = reader.load(handle);
    nodes.push(node);
    if (reader.isLeaf(node)) {
      turns.push(END);
      break;
    }
    depth += reader.labelBits(node);
    if (keyBits <= depth) {
      turns.push(keyBits === depth ? TO_LEAF : END);
      break;
    }
    const right = bitAt(key, depth);
    turns.push(right ? TO_RIGHT : TO_LEFT);
    handle = right ? reader.right(node) : reader.left(node);
  }
  return { nodes, turns };
}

/** Writes the proof of a lookup in one go, which is what most requests want. */
function proofOfGet<H>(reader: NodeReader<H>, { tree, key, proofVersion: v }: GetRequest): Proof {
  const { nodes, turns } = pathOf(reader, key);
  const start = nodes.findIndex((node) => equalBytes(reader.hash(node), tree.position));
  const first = start < 0 ? 0 : start;
  const entries: (Uint8Array | null)[] = [];
  const byHash = (child: H | undefined): Uint8Array | null => (child === undefined ? null : reader.hashEntry(child));
  const after: (Uint8Array | null)[] = [];
  for (let i = first; i < nodes.length; i++) {
    const node = nodes[i] as H;
    entries.push(tagged(ENTRY_NODE, reader.compact(node, v)));
    if (reader.isLeaf(node)) {
      break;
    }
    const turn = turns[i] as number;
    if (v !== PROOF_V0) {
      const leaf = reader.leaf(node);
      const shown = turn === TO_LEAF && leaf !== undefined;
      entries.push(shown ? tagged(ENTRY_NODE, reader.compact(reader.load(leaf), v)) : byHash(leaf));
    }
    if (turn === TO_LEFT) {
      after.push(byHash(reader.right(node)));
      if (i + 1 === nodes.length) {
        entries.push(null);
      }
      continue;
    }
    entries.push(byHash(reader.left(node)));
    if (turn !== TO_RIGHT) {
      entries.push(byHash(reader.right(node)));
    } else if (i + 1 === nodes.length) {
      entries.push(null);
    }
  }
  while (after.length > 0) {
    entries.push(after.pop() as Uint8Array | null);
  }
  if (nodes.length === 0) {
    entries.push(null);
  }
  return { v, entries, untrustedRoot: start < 0 ? tree.root.hash : tree.position };
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
