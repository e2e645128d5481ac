/**
 * Databases as an older version of the reference wrote them (schema 3). Nodes stand there under their hashes; what is
 * stored and what is hashed both have the version in front, which nodes have no more. Each node must have its hash, each
 * write log must turn one tree into the next, and the trees, put together anew, must have the roots that the reference
 * gives them after its migration.
 */
import { expect, test } from "vitest";
import { compareBytes, concatBytes, fromBase64, fromHex, readU16le, readU64be, toHex, utf8 } from "#common/bytes.js";
import { EMPTY_HASH, Hash, hash } from "#common/hash.js";
import { bool, bytes, list, map, named, nullable, struct, tuple } from "#common/schema/index.js";
import { bytesOfBits } from "#mkvs/node/bits.js";
import { childHash, parseNode } from "#mkvs/node/format.js";
import { LEAF } from "#mkvs/node/node.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors } from "../support/vectors.ts";

interface Dump {
  readonly pending_root: string;
  readonly pending_version: number;
  readonly long_roots: readonly string[] | null;
  readonly entries: readonly { readonly key: string; readonly value: string | null; readonly delete: boolean }[];
}

/** What the first byte of a key says is stored under it. */
const NODE = 0;
const WRITE_LOG = 1;
const ROOTS = 2;
const UPDATED = 3;
const VERSION_BYTES = 8;

const WriteLog = list(
  struct("LogEntry", { key: named("Key", bytes({ max: 256 })), hash: named("InsertedHash", nullable(Hash)) }),
  { max: 1000 },
);
const Roots = tuple("Roots", [map(Hash, list(Hash, { max: 10 }), { max: 10 })]);
const Updated = list(tuple("UpdatedNode", [bool, Hash]), { max: 1000 });

interface Stored {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

type Content = Map<string, Uint8Array>;

class Database {
  readonly #entries: readonly Stored[];
  readonly #nodes = new Map<string, Uint8Array>();

  constructor({ entries }: Dump) {
    const kept = entries.filter((entry) => !entry.delete);
    this.#entries = kept.map(({ key, value }) => ({ key: fromBase64(key), value: fromBase64(value ?? "") }));
    for (const { key, value } of this.of(NODE)) this.#nodes.set(toHex(key.subarray(1)), value);
  }

  of(kind: number): readonly Stored[] {
    return this.#entries.filter(({ key }) => key[0] === kind);
  }

  get nodes(): ReadonlyMap<string, Uint8Array> {
    return this.#nodes;
  }

  node(id: string): Uint8Array {
    const node = this.#nodes.get(id);
    expect(node, `node ${id}`).toBeDefined();
    return node as Uint8Array;
  }

  /** All keys and values of the tree under a hash. */
  content(root: Uint8Array): Content {
    const found: Content = new Map();
    const open = [toHex(root)];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (id === toHex(EMPTY_HASH)) continue;
      const { leaf, children } = read(this.node(id));
      if (leaf !== undefined) found.set(toHex(leaf.key), leaf.value);
      open.push(...children.map(toHex));
    }
    return found;
  }
}

interface Read {
  readonly leaf: { readonly key: Uint8Array; readonly value: Uint8Array } | undefined;
  readonly children: readonly Uint8Array[];
  /** The hash of the old form. */
  readonly hash: Uint8Array;
}

/** The stored form without the versions is the full form of today. */
function read(old: Uint8Array): Read {
  const kind = old.subarray(0, 1);
  const version = old.subarray(1, 1 + VERSION_BYTES);
  const rest = old.subarray(1 + VERSION_BYTES);
  if (kind[0] === 0) {
    const parsed = parseNode(concatBytes(kind, rest));
    if (parsed.kind !== LEAF) throw new TypeError("a leaf was stored");
    return { leaf: parsed.leaf, children: [], hash: oldLeafHash(version, parsed.leaf) };
  }
  const labelEnd = 2 + bytesOfBits(readU16le(rest));
  const embedded = rest[labelEnd] === 0;
  const full = concatBytes(
    kind,
    rest.subarray(0, labelEnd + 1),
    rest.subarray(labelEnd + 1 + (embedded ? VERSION_BYTES : 0)),
  );
  const parsed = parseNode(full);
  if (parsed.kind === LEAF) throw new TypeError("an internal node was stored");
  const children = [childHash(full, parsed.end, 0), childHash(full, parsed.end, 1)];
  const leafVersion = rest.subarray(labelEnd + 1, labelEnd + 1 + VERSION_BYTES);
  const leafHash = parsed.leaf === undefined ? EMPTY_HASH : oldLeafHash(leafVersion, parsed.leaf);
  const head = concatBytes(kind, version, rest.subarray(0, labelEnd));
  return { leaf: parsed.leaf, children, hash: hash(head, leafHash, ...children) };
}

/** Neither length was hashed then. */
function oldLeafHash(version: Uint8Array, { key, value }: { key: Uint8Array; value: Uint8Array }): Uint8Array {
  return hash(Uint8Array.of(0), version, key, value);
}

function rootOf(content: Content): string {
  const tree = new Tree();
  for (const [key, value] of content) tree.insert(fromHex(key), value);
  return toHex(tree.rootHash());
}

const sorted = (content: Content): string[] => [...content].map(([key, value]) => `${key}=${toHex(value)}`).sort();

describeVectors<Dump>("mkvs/badger-migration/case-long.json", checkHistory);
describeVectors<Dump>("mkvs/badger-migration/case-long-toempty.json", checkHistory);
describeVectors<Dump>("mkvs/badger-migration/case-nonfinalized.json", checkPending);
describeVectors<Dump>("mkvs/badger-migration/case-chunkrestore.json", checkPending);

function checkNodes(dump: Dump): void {
  test("every node has the hash under which it stands", () => {
    const { nodes } = new Database(dump);
    expect(nodes.size).toBeGreaterThan(0);
    for (const [id, node] of nodes) expect(toHex(read(node).hash)).toBe(id);
  });

  test("lists of nodes and of roots name nodes that are there", () => {
    const database = new Database(dump);
    for (const { value } of database.of(UPDATED)) {
      for (const [removed, id] of Updated.decode(value, "trusted")) if (!removed) database.node(toHex(id));
    }
    expect(database.of(ROOTS).length).toBeGreaterThan(0);
    for (const { value } of database.of(ROOTS)) {
      for (const [root, made] of Roots.decode(value, "trusted")[0].entries()) {
        for (const id of [root, ...made]) if (toHex(id) !== toHex(EMPTY_HASH)) database.node(toHex(id));
      }
    }
  });
}

/** Applies the write logs one after the other: each must give the next tree, with the root of today's format. */
function checkHistory(dump: Dump): void {
  checkNodes(dump);
  test("write logs lead from tree to tree, and the trees have the roots of the migration", () => {
    const database = new Database(dump);
    const logs = database.of(WRITE_LOG).toSorted((a, b) => compareBytes(a.key, b.key));
    const roots = dump.long_roots ?? [];
    expect(logs.length).toBeGreaterThanOrEqual(roots.length);
    const content: Content = new Map();
    let before = EMPTY_HASH;
    for (const [i, { key, value }] of logs.entries()) {
      expect(readU64be(key, 1)).toBe(BigInt(i + 1));
      expect(toHex(key.subarray(41))).toBe(toHex(before));
      before = key.subarray(9, 41);
      for (const entry of WriteLog.decode(value, "trusted")) {
        if (entry.hash === null) content.delete(toHex(entry.key));
        else content.set(toHex(entry.key), read(database.node(toHex(entry.hash))).leaf?.value ?? utf8("no leaf"));
      }
      expect(sorted(database.content(before))).toEqual(sorted(content));
      if (roots[i] !== undefined) expect(rootOf(content)).toBe(roots[i]);
    }
  });
}

/** A version that had not become final yet. */
function checkPending(dump: Dump): void {
  checkNodes(dump);
  test("the tree of the version under way has the root of the migration", () => {
    const database = new Database(dump);
    const pending = database.of(UPDATED).filter(({ key }) => readU64be(key, 1) === BigInt(dump.pending_version));
    expect(pending).toHaveLength(1);
    const content = database.content((pending[0] as Stored).key.subarray(9));
    expect(sorted(content)).toEqual(
      sorted(
        new Map([
          [toHex(utf8("this key is marvellous")), utf8("with a value to boot")],
          [
            toHex(utf8("and this key makes sure we have more than one node")),
            utf8("double the values! double the magic!"),
          ],
          [toHex(utf8("this key shares a prefix")), utf8("but not the value")],
        ]),
      ),
    );
    expect(rootOf(content)).toBe(dump.pending_root);
  });
}
