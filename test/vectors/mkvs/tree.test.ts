import { expect, test } from "vitest";
import { compareBytes, fromBase64, fromHex, toHex, utf8 } from "#common/bytes.js";
import type { Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors, vectors } from "../support/vectors.ts";
import { generatedEntries, type Generator } from "./generators.ts";
import { NODE_DBS } from "./node-dbs.ts";

const NAMESPACE = new Uint8Array(32);

interface Roots {
  readonly generated: readonly (Generator & { readonly root: string })[];
  readonly kv_roots_after_each_insert_n20: { readonly roots: readonly string[] };
  readonly prefix_roots_after_each_insert: { readonly roots: readonly string[] };
  readonly ops: readonly {
    readonly ops: readonly (readonly [op: string, key?: string, value?: string])[];
    readonly root: string;
    readonly write_log?: readonly (readonly [string, string | null])[];
  }[];
  readonly empty_root: string;
}

describeVectors<Roots>("mkvs/roots.json", (data) => {
  test("an empty tree has the empty root", () => {
    expect(toHex(new Tree().rootHash())).toBe(data.empty_root);
  });

  for (const generated of data.generated) {
    test(`entries "${generated.generator}" ${generated.n ?? ""} have the root of the reference in any order`, () => {
      const entries = generatedEntries(generated);
      for (const order of [entries, [...entries].reverse()]) {
        const tree = new Tree();
        for (const [key, value] of order) tree.insert(key, value);
        expect(toHex(tree.rootHash())).toBe(generated.root);
      }
    });
  }

  test("each insertion of numbered keys gives the recorded root", () => {
    const tree = new Tree();
    data.kv_roots_after_each_insert_n20.roots.forEach((root, i) => {
      tree.insert(utf8(`key ${i}`), utf8(`value ${i}`));
      expect(toHex(tree.rootHash())).toBe(root);
    });
  });

  test("each insertion of ever longer keys gives the recorded root, and each removal the one before", () => {
    const prefixes = data.generated.find(({ generator }) => generator === "prefixes") as Generator;
    const entries = generatedEntries(prefixes);
    const { roots } = data.prefix_roots_after_each_insert;
    const tree = new Tree();
    entries.forEach(([key, value], i) => {
      tree.insert(key, value);
      expect(toHex(tree.rootHash())).toBe(roots[i]);
    });
    for (let i = entries.length - 1; i > 0; i--) {
      tree.remove(entries[i]![0]);
      expect(toHex(tree.rootHash())).toBe(roots[i - 1]);
    }
  });

  for (const { ops, root, write_log } of data.ops) {
    test(`the operations ${JSON.stringify(ops)} give the recorded root and write log`, () => {
      const tree = new Tree();
      for (const [op, key, value] of ops) {
        if (op === "insert") tree.insert(utf8(key!), utf8(value!));
        else if (op === "remove") tree.remove(utf8(key!));
        else tree.commit(NAMESPACE, 0n);
      }
      const { hash, writeLog } = tree.commit(NAMESPACE, 1n);
      expect(toHex(hash)).toBe(root);
      if (write_log !== undefined) {
        const expected = write_log.map(([key, value]) => [utf8(key), value === null ? null : utf8(value)]);
        expect(writeLog).toEqual(sortedLog(expected as [Uint8Array, Uint8Array | null][]));
      }
    });
  }
});

interface Case {
  readonly op: "Insert" | "Remove" | "Get" | "IteratorSeek";
  readonly key?: string;
  readonly value?: string;
  readonly expected_key?: string;
}

describeVectors<{ readonly roots: Readonly<Record<string, readonly (string | null)[]>> }>(
  "mkvs/case_roots.json",
  ({ roots }) => {
    for (const [file, expected] of Object.entries(roots)) {
      test.each(NODE_DBS)(`the operations of ${file} give the recorded roots and answers: %s`, (_, open) => {
        const db = open(NAMESPACE);
        const tree = new Tree({ db });
        let version = 0n;
        vectors<readonly Case[]>(`mkvs/${file}`).forEach((step, i) => {
          runCase(tree, step);
          if (typeof expected[i] === "string") {
            const { hash } = tree.commit(NAMESPACE, version);
            expect(toHex(hash)).toBe(expected[i]);
            db.finalize([tree.base as Root]);
            version++;
          }
        });
      });
    }
  },
);

function runCase(tree: Tree, step: Case): void {
  const key = fromBase64(step.key ?? "");
  const value = fromBase64(step.value ?? "");
  const iterator = tree.iterator();
  switch (step.op) {
    case "Insert":
      tree.insert(key, value);
      expect(tree.get(key)).toEqual(value);
      break;
    case "Remove":
      tree.remove(key);
      expect(tree.get(key)).toBeUndefined();
      break;
    case "Get":
      expect(tree.get(key)).toEqual(value);
      break;
    case "IteratorSeek":
      iterator.seek(key);
      expect([iterator.key, iterator.value]).toEqual([fromBase64(step.expected_key ?? ""), value]);
  }
}

interface Sequences {
  readonly namespace: string;
  readonly vectors: readonly {
    readonly versions: readonly {
      readonly ops: readonly (readonly [op: string, key: string, value: string])[];
      readonly root: string;
      readonly write_log: readonly (readonly [string, string | null])[];
    }[];
    readonly final_count: number;
    readonly iterations: readonly { readonly seek: string; readonly keys: readonly string[] }[];
  }[];
}

describeVectors<Sequences>("mkvs/sequences.json", (data) => {
  const namespace = fromHex(data.namespace);
  data.vectors.forEach(({ versions, final_count, iterations }, at) => {
    test.each(NODE_DBS)(`random sequence ${at} gives the recorded roots, write logs and key order: %s`, (_, open) => {
      const db = open(namespace);
      const tree = new Tree({ db });
      versions.forEach(({ ops, root, write_log }, i) => {
        for (const [op, key, value] of ops) {
          if (op === "insert") tree.insert(fromHex(key), fromHex(value));
          else tree.remove(fromHex(key));
        }
        const { hash, writeLog } = tree.commit(namespace, BigInt(i + 1));
        db.finalize([tree.base as Root]);
        expect(toHex(hash)).toBe(root);
        expect(writeLog.map(([key, value]) => [toHex(key), value && toHex(value)])).toEqual(write_log);
      });
      expect(keysFrom(tree, "", 1_000_000)).toHaveLength(final_count);
      for (const { seek, keys } of iterations) {
        expect(keysFrom(tree, seek, 12)).toEqual(keys);
      }
    });
  });
});

function keysFrom(tree: Tree, seek: string, limit: number): string[] {
  const keys: string[] = [];
  const iterator = tree.iterator();
  for (iterator.seek(fromHex(seek)); iterator.valid && keys.length < limit; iterator.next()) {
    keys.push(toHex(iterator.key));
  }
  return keys;
}

function sortedLog(log: [Uint8Array, Uint8Array | null][]): [Uint8Array, Uint8Array | null][] {
  return log.sort(([a], [b]) => compareBytes(a, b));
}
