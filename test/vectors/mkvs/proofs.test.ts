import { expect, test } from "vitest";
import { fromBase64, fromHex, toBase64, toHex, utf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Child, InternalNode, Node } from "#mkvs/node/node.js";
import type { Root } from "#mkvs/node/root.js";
import { ProofBuilder } from "#mkvs/proof/builder.js";
import { Proof, type ProofResponse } from "#mkvs/proof/proof.js";
import { verifyProof, verifyProofToWriteLog } from "#mkvs/proof/verify.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors } from "../support/vectors.ts";
import { generatedEntries, type Generator } from "./generators.ts";
import { NODE_DBS } from "./node-dbs.ts";

const NAMESPACE = new Uint8Array(32);

interface Built {
  readonly db: NodeDb;
  readonly root: Root;
}

function build(source: Generator): Built {
  const db = new MemoryNodeDb(NAMESPACE);
  const tree = new Tree({ db });
  for (const [key, value] of generatedEntries(source)) tree.insert(key, value);
  tree.commit(NAMESPACE, 0n);
  return { db, root: tree.base as Root };
}

/** The node at a place such as "root.left.right". */
function nodeAt(tree: Child, place: string): Node {
  let node = tree;
  for (const step of place.split(".").slice(1)) node = (node as InternalNode)[step as "left"];
  return node as Node;
}

interface BuilderCases {
  readonly tree: Generator;
  readonly root: string;
  readonly cases: readonly { readonly include: readonly string[]; readonly proof: string }[];
}
interface GetCases {
  readonly tree: Generator;
  readonly root?: string;
  readonly cases: readonly {
    readonly proof_version: number;
    readonly include_siblings: boolean;
    readonly proofs: readonly string[];
  }[];
}
interface Proofs {
  readonly builder_v0: BuilderCases;
  readonly builder_v1: BuilderCases;
  readonly sync_get: GetCases;
  readonly sync_get_siblings: GetCases;
  readonly verify_ok: readonly { readonly proof: string; readonly untrusted_root: string; readonly version: number }[];
  readonly verify_must_fail: readonly string[];
  readonly empty_root: { readonly root: string; readonly entries: readonly null[] };
}

describeVectors<Proofs>("mkvs/proofs.json", (data) => {
  for (const [version, { tree, root, cases }] of [data.builder_v0, data.builder_v1].entries()) {
    test(`the builder makes the recorded proofs of version ${version}`, () => {
      const built = build(tree);
      expect(toHex(built.root.hash)).toBe(root);
      for (const { include, proof } of cases) {
        const builder = new ProofBuilder(version, built.root.hash, built.root.hash);
        for (const place of include) builder.include(nodeAt(built.db.loadRoot(built.root), place));
        expect(toBase64(Proof.encode(builder.build()))).toBe(proof);
      }
    });
  }

  for (const source of [data.sync_get, data.sync_get_siblings]) {
    for (const { proof_version, include_siblings, proofs } of source.cases) {
      const siblings = include_siblings ? "with siblings" : "without siblings";
      test(`SyncGet of version ${proof_version} ${siblings} answers with the recorded proofs`, () => {
        const { db, root } = build(source.tree);
        if (source.root !== undefined) expect(toHex(root.hash)).toBe(source.root);
        const syncer = new NodeDbSyncer(db);
        proofs.forEach((expected, i) => {
          const request = { tree: { root, position: root.hash }, key: utf8(`key ${i}`) };
          const { proof } = syncer.syncGet({
            ...request,
            includeSiblings: include_siblings,
            proofVersion: proof_version,
          });
          expect(toBase64(Proof.encode(proof))).toBe(expected);
          const proven = verifyProofToWriteLog(root.hash, Proof.decode(fromBase64(expected)));
          expect(proven).toContainEqual([utf8(`key ${i}`), utf8(`value ${i}`)]);
        });
      });
    }
  }

  test("whole proofs verify", () => {
    for (const { proof, untrusted_root, version } of data.verify_ok) {
      const decoded = Proof.decode(fromBase64(proof));
      expect(decoded.v).toBe(version);
      verifyProof(fromHex(untrusted_root), decoded);
    }
  });

  for (const damage of data.verify_must_fail) {
    test(`a proof does not verify after this: ${damage}`, () => {
      for (const { proof, untrusted_root } of data.verify_ok) {
        const changed = DAMAGES[damage]!(Proof.decode(fromBase64(proof)));
        expect(() => verifyProof(fromHex(untrusted_root), changed)).toThrow(DecodeError);
      }
    });
  }

  test("one null entry proves the empty tree", () => {
    const root = fromHex(data.empty_root.root);
    const entries = [...data.empty_root.entries];
    expect(verifyProofToWriteLog(root, { v: 0, entries, untrustedRoot: root })).toEqual([]);
  });
});

/** The damages that the vectors list, by their wording. */
const DAMAGES: Readonly<Record<string, (proof: Proof) => Proof>> = {
  "append a copy of entries[0]": (proof) => ({ ...proof, entries: [...proof.entries, proof.entries[0]!] }),
  "entries = []": (proof) => ({ ...proof, entries: [] }),
  "verify against another root": (proof) => ({ ...proof, untrustedRoot: new Uint8Array(32).fill(1) }),
  "flip a byte inside a hash entry": (proof) => damaged(proof, 2, (entry) => entry.with(7, entry[7]! ^ 1)),
  "truncate a full entry to 3 bytes": (proof) => damaged(proof, 1, (entry) => entry.slice(0, 3)),
  "truncate a hash entry to 3 bytes": (proof) => damaged(proof, 2, (entry) => entry.slice(0, 3)),
  "change an entry tag to 0xaa": (proof) => damaged(proof, 2, (entry) => entry.with(0, 0xaa)),
  "drop trailing entries": (proof) => ({ ...proof, entries: proof.entries.slice(0, -2) }),
  "(v1) replace the nil leaf entry by 32 arbitrary bytes": (proof) =>
    proof.v === 0
      ? { ...proof, entries: [] }
      : { ...proof, entries: proof.entries.with(1, new Uint8Array(32).fill(9)) },
};

/** The proof with one entry changed: the first whose tag is given. */
function damaged(proof: Proof, tag: number, change: (entry: Uint8Array) => Uint8Array): Proof {
  const at = proof.entries.findIndex((entry) => entry?.[0] === tag);
  return { ...proof, entries: proof.entries.with(at, change(proof.entries[at]!)) };
}

interface Request {
  readonly request: "SyncGet" | "SyncIterate" | "SyncGetPrefixes";
  readonly key?: string;
  readonly prefixes?: readonly string[];
  readonly include_siblings?: boolean;
  readonly prefetch?: number;
  readonly limit?: number;
  readonly proof_version: number;
  readonly proof: string;
  readonly present?: boolean;
  readonly value?: string;
}
interface Sequences {
  readonly namespace: string;
  readonly vectors: readonly {
    readonly versions: readonly { readonly ops: readonly (readonly [string, string, string])[] }[];
    readonly proofs: readonly Request[];
  }[];
}

function answer(syncer: ReadSyncer, root: Root, request: Request): ProofResponse {
  const tree = { root, position: root.hash };
  const proofVersion = request.proof_version;
  const key = fromHex(request.key ?? "");
  switch (request.request) {
    case "SyncGet":
      return syncer.syncGet({ tree, key, includeSiblings: request.include_siblings === true, proofVersion });
    case "SyncIterate":
      return syncer.syncIterate({ tree, key, prefetch: request.prefetch ?? 0, proofVersion });
    case "SyncGetPrefixes":
      return syncer.syncGetPrefixes({
        tree,
        prefixes: (request.prefixes ?? []).map(fromHex),
        limit: request.limit ?? 0,
        proofVersion,
      });
  }
}

describeVectors<Sequences>("mkvs/sequences.json", (data) => {
  const namespace = fromHex(data.namespace);
  data.vectors.forEach(({ versions, proofs }, at) => {
    test.each(NODE_DBS)(`random sequence ${at} answers all sync requests with the recorded proofs: %s`, (_, open) => {
      const db = open(namespace);
      const tree = new Tree({ db });
      versions.forEach(({ ops }, i) => {
        for (const [op, key, value] of ops) {
          if (op === "insert") tree.insert(fromHex(key), fromHex(value));
          else tree.remove(fromHex(key));
        }
        tree.commit(namespace, BigInt(i + 1));
      });
      const root = tree.base as Root;
      const syncer = new NodeDbSyncer(db);
      for (const request of proofs) {
        const { proof } = answer(syncer, root, request);
        expect(toBase64(Proof.encode(proof)), JSON.stringify(request)).toBe(request.proof);
        verifyProof(root.hash, proof);
        if (request.request === "SyncGet") {
          const synced = new Tree({ root, syncer });
          const value = synced.get(fromHex(request.key ?? ""));
          expect(value === undefined ? undefined : toHex(value)).toBe(request.present ? request.value : undefined);
        }
      }
    });
  });
});
