import { expect, test } from "vitest";
import { concatBytes, fromHex, toHex, u64be } from "#common/bytes.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import { bytes, list } from "#common/schema/index.js";
import { ROOT_IO } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { ARTIFACT, transactionKey } from "#runtime/transaction/artifacts.js";
import { IoTree } from "#runtime/transaction/io-tree.js";
import { checkIoWriteLog } from "#runtime/transaction/limits.js";
import { describeVectors } from "../support/vectors.ts";

type Pairs = readonly (readonly [string, string])[];

interface IoTreeVectors {
  batch_hash: { batch: string[]; cbor: string; hash: string };
  transactions: { root: string; key_values: Pairs };
  inputs_only: { root: string };
  empty_batch: { root: string };
  single: { key_values: Pairs; input_root: string; io_root: string };
  block_tag: { key: string; value: string };
  io_write_log_validation: {
    cases: { inputs: number; outputs: number; max_count: number; max_bytes: number; error: string | null }[];
  };
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const hexLog = (log: WriteLog): (string | null)[][] => log.map(([k, v]) => [toHex(k), v && toHex(v)]);
const byKey = (a: readonly string[], b: readonly string[]): number => ((a[0] ?? "") < (b[0] ?? "") ? -1 : 1);

function filled(log: Pairs): IoTree {
  const tree = new Tree({ type: ROOT_IO });
  for (const [key, value] of log) tree.insert(fromHex(key), fromHex(value));
  return new IoTree(tree);
}

describeVectors<IoTreeVectors>("runtime/io_tree.json", (data) => {
  test("the hash of a raw batch is the hash of its list", () => {
    const schema = list(bytes({ max: 100 }), { max: 10 });
    const encoded = schema.encode(data.batch_hash.batch.map(fromHex));
    expect(toHex(encoded)).toBe(data.batch_hash.cbor);
    expect(toHex(hash(encoded))).toBe(data.batch_hash.hash);
  });

  test("inputs, outputs and tags of 21 transactions give the keys, values and roots of the reference", () => {
    const io = new IoTree();
    const inputs = ["this goes in", ...Array.from({ length: 20 }, (_, i) => `this goes in (${i})`)].map(text);
    const hashes = inputs.map((input, i) => io.addInput(input, i));
    const proposed = io.commit();
    expect(toHex(proposed.root)).toBe(data.inputs_only.root);
    hashes.forEach((txHash, i) => {
      const tags =
        i === 0
          ? [["tag1", "value1"]]
          : [
              ["tagA", "valueA"],
              ["tagB", "valueB"],
            ];
      io.addOutput(
        txHash,
        text("and this comes out"),
        tags.map(([k, v]) => ({ key: text(k ?? ""), value: text(v ?? "") })),
      );
    });
    const executed = io.commit();
    expect(toHex(executed.root)).toBe(data.transactions.root);
    const all = [...hexLog(proposed.writeLog), ...hexLog(executed.writeLog)] as [string, string][];
    expect(all.sort(byKey)).toEqual([...data.transactions.key_values].sort(byKey));
    expect(io.inputBatch()).toEqual(inputs);
    expect(io.transactions().map((tx) => tx.input)).toEqual(inputs);
    expect(io.tagsOf(text("tag1")).map((tag) => toHex(tag.txHash))).toEqual([toHex(hashes[0] as Uint8Array)]);
    expect(io.tags()).toHaveLength(41);
  });

  test("a batch without transactions has the root of nothing", () => {
    expect(toHex(new IoTree().commit().root)).toBe(data.empty_batch.root);
  });

  test("a single transaction gives the recorded roots", () => {
    const io = new IoTree();
    const txHash = io.addInput(fromHex("01"), 0);
    const proposed = io.commit();
    expect(toHex(proposed.root)).toBe(data.single.input_root);
    io.addOutput(txHash, fromHex("02"), []);
    const executed = io.commit();
    expect(toHex(executed.root)).toBe(data.single.io_root);
    expect([...hexLog(proposed.writeLog), ...hexLog(executed.writeLog)]).toEqual(data.single.key_values);
    expect(io.transaction(txHash)?.output).toEqual(fromHex("02"));
    expect(io.transaction(EMPTY_HASH)).toBeUndefined();
  });

  test("block tags stand under the all-zero transaction hash", () => {
    const io = new IoTree();
    io.addBlockTags([{ key: text("blk"), value: text("v") }]);
    expect(hexLog(io.commit().writeLog)).toEqual([[data.block_tag.key, data.block_tag.value]]);
  });

  test("write logs are held to the limits of the descriptor", () => {
    for (const c of data.io_write_log_validation.cases) {
      const log: [Uint8Array, Uint8Array][] = [];
      const value = text("some long-ish value");
      for (let i = 0; i < c.inputs; i++) log.push([transactionKey(EMPTY_HASH, ARTIFACT.input), value]);
      for (let i = 0; i < c.outputs; i++) log.push([transactionKey(EMPTY_HASH, ARTIFACT.output), value]);
      const check = (): void => checkIoWriteLog(log, BigInt(c.max_count), BigInt(c.max_bytes));
      if (c.error === null) expect(check).not.toThrow();
      else expect(check).toThrow(c.error);
    }
    expect(() => checkIoWriteLog([[transactionKey(EMPTY_HASH, 42), text("v")]], 2n, 1024n)).toThrow(
      "invalid key format",
    );
    expect(() => checkIoWriteLog([[text("x"), text("v")]], 2n, 1024n)).toThrow("invalid key format");
  });
});

interface RandomTree {
  encoded_input_bytes: number;
  full_write_log: Pairs;
  input_root: string;
  input_write_log: Pairs;
  io_root: string;
  transactions: { batch_order: number; hash: string; input: string; output: string; tags: Pairs }[];
}

/** Key, transaction and value of all tags in the order of the tree; of two with the same key the last one counts. */
function tagsOf({ transactions }: RandomTree): (readonly string[])[] {
  const last = new Map(
    transactions.flatMap(({ hash: txHash, tags }) =>
      tags.map(([key, value]) => [key + txHash, [key, txHash, value]] as const),
    ),
  );
  return [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tag]) => tag);
}

describeVectors<{ namespace: string; vectors: RandomTree[] }>("runtime/io_trees.json", (data) => {
  test("random trees of the reference come out the same and read back", () => {
    for (const vector of data.vectors) {
      const io = new IoTree();
      for (const tx of vector.transactions) {
        expect(toHex(io.addInput(fromHex(tx.input), tx.batch_order))).toBe(tx.hash);
      }
      const proposed = io.commit();
      expect(toHex(proposed.root)).toBe(vector.input_root);
      expect(hexLog(proposed.writeLog)).toEqual([...vector.input_write_log].sort(byKey));
      const size = proposed.writeLog.reduce((sum, [, value]) => sum + (value?.length ?? 0), 0);
      expect(size).toBe(vector.encoded_input_bytes);
      for (const tx of vector.transactions) {
        const tags = tx.tags.map(([key, value]) => ({ key: fromHex(key), value: fromHex(value) }));
        io.addOutput(fromHex(tx.hash), fromHex(tx.output), tags);
      }
      const executed = io.commit();
      expect(toHex(executed.root)).toBe(vector.io_root);
      const whole = [...hexLog(proposed.writeLog), ...hexLog(executed.writeLog)] as [string, string][];
      expect(whole.sort(byKey)).toEqual([...vector.full_write_log].sort(byKey));
      const read = filled(vector.full_write_log);
      expect(read.tags().map(({ key, value, txHash }) => [toHex(key), toHex(txHash), toHex(value)])).toEqual(
        tagsOf(vector),
      );
      expect(read.transactions().map((tx) => [toHex(tx.hash), toHex(tx.input), toHex(tx.output ?? u64be(0n))])).toEqual(
        vector.transactions.map((tx) => [tx.hash, tx.input, tx.output]),
      );
    }
  });
});

test("a batch whose places have a gap is refused as a whole", () => {
  const io = new IoTree();
  io.addInput(text("a"), 0);
  io.addInput(text("b"), 2);
  expect(() => io.inputBatch()).toThrow("inconsistent order: item 1 has batch order 2");
  expect(() => io.addInput(concatBytes(), 3)).toThrow("no input given");
});
