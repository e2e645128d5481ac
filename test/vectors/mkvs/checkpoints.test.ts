import { expect, test } from "vitest";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { createCheckpoint } from "#mkvs/checkpoint/create.js";
import { CheckpointMetadata, checkpointId } from "#mkvs/checkpoint/metadata.js";
import { CheckpointRestorer } from "#mkvs/checkpoint/restorer.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors } from "../support/vectors.ts";
import { generatedEntries, type Generator } from "./generators.ts";
import { NODE_DBS } from "./node-dbs.ts";

const NAMESPACE = new Uint8Array(32);
type Entries = readonly (readonly [Uint8Array, Uint8Array])[];

function build(
  entries: Entries,
  namespace: Uint8Array = NAMESPACE,
  version = 1n,
  db: NodeDb = new MemoryNodeDb(namespace),
): { db: NodeDb; root: Root } {
  const tree = new Tree({ db });
  for (const [key, value] of entries) tree.insert(key, value);
  tree.commit(namespace, version);
  db.finalize([tree.base as Root]);
  return { db, root: tree.base as Root };
}

interface Made {
  readonly metadata: CheckpointMetadata;
  readonly chunks: readonly Uint8Array[];
}

function make(db: NodeDb, root: Root, chunkSize: number, threads: number): Made {
  const chunks: Uint8Array[] = [];
  const metadata = createCheckpoint(db, root, { chunkSize, threads }, (_, chunk) => chunks.push(chunk.slice()));
  return { metadata, chunks };
}

/** Restores the chunks, last one first, and expects the whole tree. */
function expectRestores({ metadata, chunks }: Made): void {
  const { root } = metadata;
  const db = new MemoryNodeDb(root.namespace);
  const restorer = new CheckpointRestorer(db);
  db.startMultipart(root.version);
  restorer.start(metadata);
  for (let i = chunks.length - 1; i >= 0; i--) {
    expect(restorer.restoreChunk(i, chunks[i]!)).toBe(i === 0);
  }
  db.finalize([root]);
  expect(toHex(new Tree({ db, root }).rootHash())).toBe(toHex(root.hash));
}

interface Data {
  readonly sequential_numbers: {
    readonly tree: Generator;
    readonly root: string;
    readonly chunk_size: number;
    readonly chunks: readonly string[];
    readonly chunk_lengths: readonly number[];
  };
  readonly oversized: { readonly chunk_size: number; readonly num_chunks: number };
  readonly regression: {
    readonly namespace: string;
    readonly version: number;
    readonly root: string;
    readonly chunk_size: number;
    readonly cases: readonly { readonly threads: number; readonly metadata_hash: string }[];
    readonly chunks_threads_0: readonly string[];
    readonly chunks_threads_12: readonly string[];
    readonly entries: readonly (readonly [string, string])[];
  };
  readonly empty_root: { readonly chunk_hex: string };
  readonly small_chunk_example: { readonly tree: Generator; readonly chunk_size: number; readonly chunk_hex: string };
}

describeVectors<Data>("mkvs/checkpoints.json", (data) => {
  test("chunks of numbered keys have the recorded digests", () => {
    const { tree, root: expected, chunk_size, chunks, chunk_lengths } = data.sequential_numbers;
    const { db, root } = build(generatedEntries(tree));
    expect(toHex(root.hash)).toBe(expected);
    const made = make(db, root, chunk_size, 0);
    expect(made.chunks.map((chunk) => chunk.length)).toEqual(chunk_lengths);
    expect(made.metadata.chunks.map((chunk) => toHex(chunk))).toEqual(chunks);
    expectRestores(made);
  });

  test("keys longer than a chunk make a chunk each", () => {
    const entries = Array.from({ length: 100 }, (_, i) => {
      const value = `let's generate a somewhat long key at ${i} so that we try to overflow chunks`;
      return [utf8(`this is some key at index ${i} which is somewhat longish`), utf8(value)] as const;
    });
    const { db, root } = build(entries);
    const made = make(db, root, data.oversized.chunk_size, 0);
    expect(made.chunks).toHaveLength(data.oversized.num_chunks);
    expectRestores(made);
  });

  const { regression } = data;
  for (const { threads, metadata_hash } of regression.cases) {
    test.each(NODE_DBS)(`a checkpoint of ${threads} threads has the recorded identifier: %s`, (_, open) => {
      const entries = regression.entries.map(([key, value]) => [fromHex(key), fromHex(value)] as const);
      const namespace = fromHex(regression.namespace);
      const { db, root } = build(entries, namespace, BigInt(regression.version), open(namespace));
      expect(toHex(root.hash)).toBe(regression.root);
      const made = make(db, root, regression.chunk_size, threads);
      const recorded = threads === 12 ? regression.chunks_threads_12 : regression.chunks_threads_0;
      expect(made.metadata.chunks.map((chunk) => toHex(chunk))).toEqual(recorded);
      expect(toHex(checkpointId(made.metadata))).toBe(metadata_hash);
      expectRestores(made);
    });
  }

  test("an empty tree is one chunk with one null", () => {
    const { db, root } = build([]);
    for (const threads of [0, 12]) {
      const made = make(db, root, 1000, threads);
      expect(made.chunks.map((chunk) => toHex(chunk))).toEqual([data.empty_root.chunk_hex]);
      expectRestores(made);
    }
  });

  test("a small chunk has the recorded bytes", () => {
    const { tree, chunk_size, chunk_hex } = data.small_chunk_example;
    const { db, root } = build(generatedEntries(tree));
    expect(make(db, root, chunk_size, 0).chunks.map((chunk) => toHex(chunk))).toEqual([chunk_hex]);
  });
});

interface RandomData {
  readonly vectors: readonly {
    readonly entries: readonly (readonly [string, string])[];
    readonly namespace: string;
    readonly version: number;
    readonly root: string;
    readonly cases: readonly {
      readonly chunk_size: number;
      readonly threads: number;
      readonly chunks: readonly string[];
      readonly chunk_lengths: readonly number[];
      readonly metadata_cbor: string;
      readonly metadata_hash: string;
    }[];
  }[];
}

describeVectors<RandomData>("mkvs/checkpoints_random.json", ({ vectors }) => {
  for (const { entries, namespace, version, root: expected, cases } of vectors) {
    for (const { chunk_size, threads, chunks, chunk_lengths, metadata_cbor, metadata_hash } of cases) {
      test.each(NODE_DBS)(
        `a random tree in chunks of ${chunk_size} by ${threads} threads is as recorded: %s`,
        (_, open) => {
          const content = entries.map(([key, value]) => [fromHex(key), fromHex(value)] as const);
          const { db, root } = build(content, fromHex(namespace), BigInt(version), open(fromHex(namespace)));
          expect(toHex(root.hash)).toBe(expected);
          const made = make(db, root, chunk_size, threads);
          expect(made.chunks.map((chunk) => chunk.length)).toEqual(chunk_lengths);
          expect(made.chunks.map((chunk) => toHex(hash(chunk)))).toEqual(chunks);
          expect(toHex(CheckpointMetadata.encode(made.metadata))).toBe(metadata_cbor);
          expect(toHex(checkpointId(made.metadata))).toBe(metadata_hash);
          expectRestores(made);
        },
      );
    }
  }
});
