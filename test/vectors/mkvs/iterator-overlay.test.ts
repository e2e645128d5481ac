import { expect, test } from "vitest";
import { fromHex, fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import type { Root } from "#mkvs/node/root.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import { Overlay } from "#mkvs/tree/overlay.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors } from "../support/vectors.ts";

const NAMESPACE = new Uint8Array(32);

type Items = readonly (readonly [string, string])[];
type Ops = readonly (readonly [op: string, key: string, value?: string])[];
interface Walk {
  readonly items: Items;
  readonly seek: readonly (readonly [key: string, index: number])[];
}
interface Data {
  readonly basic: Walk & { readonly remote_sync_iterate_calls: Readonly<Record<string, number | string>> };
  readonly case1: Walk;
  readonly case2: { readonly keys_hex: readonly string[]; readonly seek_hex: string; readonly expected_index: number };
  readonly overlay: Walk & {
    readonly inner: Items;
    readonly ops: Ops;
    readonly copy_ops: Ops;
    readonly copy_items: Items;
  };
}

function treeOf(items: Items): Tree {
  const tree = new Tree();
  for (const [key, value] of items) tree.insert(utf8(key), utf8(value));
  return tree;
}

function apply(store: KeyValueStore, ops: Ops): void {
  for (const [op, key, value] of ops) {
    if (op === "insert") store.insert(utf8(key), utf8(value ?? ""));
    else store.remove(utf8(key));
  }
}

function itemsOf(store: KeyValueReader, from = ""): (readonly [string, string])[] {
  const found: [string, string][] = [];
  const iterator = store.iterator();
  for (iterator.seek(utf8(from)); iterator.valid; iterator.next()) {
    found.push([fromUtf8(iterator.key), fromUtf8(iterator.value)]);
  }
  return found;
}

function expectWalk(store: KeyValueReader, { items, seek }: Walk): void {
  expect(itemsOf(store)).toEqual(items);
  for (const [key, index] of seek) {
    expect(itemsOf(store, key)).toEqual(index < 0 ? [] : items.slice(index));
  }
}

describeVectors<Data>("mkvs/iterator_overlay.json", (data) => {
  test("a tree seeks and walks as recorded", () => {
    expectWalk(treeOf(data.basic.items), data.basic);
    expectWalk(treeOf(data.case1.items), data.case1);
  });

  for (const prefetch of [0, 3, 10]) {
    test(`a walk and seeks over a fetched tree with ${prefetch} entries ahead take the recorded number of requests`, () => {
      const db = new MemoryNodeDb(NAMESPACE);
      const tree = new Tree({ db });
      for (const [key, value] of data.basic.items) tree.insert(utf8(key), utf8(value));
      tree.commit(NAMESPACE, 0n);
      const inner = new NodeDbSyncer(db);
      let calls = 0;
      const syncer: ReadSyncer = {
        syncGet: (request) => inner.syncGet(request),
        syncGetPrefixes: (request) => inner.syncGetPrefixes(request),
        syncIterate: (request) => {
          calls++;
          return inner.syncIterate(request);
        },
      };
      expectWalk(new Tree({ syncer, root: tree.base as Root, prefetch }), data.basic);
      expect(calls).toBe(data.basic.remote_sync_iterate_calls[`prefetch_${prefetch}`]);
    });
  }

  test("a seek between two long keys with a common start finds the right one", () => {
    const { keys_hex, seek_hex, expected_index } = data.case2;
    const tree = new Tree();
    for (const key of keys_hex) tree.insert(fromHex(key), utf8("value"));
    const iterator = tree.iterator();
    iterator.seek(fromHex(seek_hex));
    expect(toHex(iterator.key)).toBe(keys_hex[expected_index]);
  });

  test("an overlay merges its changes with the tree below, before and after its commit", () => {
    const tree = treeOf(data.overlay.inner);
    const overlay = new Overlay(tree);
    apply(overlay, data.overlay.ops);
    expectWalk(overlay, data.overlay);
    expect(itemsOf(tree)).toEqual(data.overlay.inner);
    const copy = overlay.copy();
    apply(copy, data.overlay.copy_ops);
    expect(itemsOf(copy)).toEqual(data.overlay.copy_items);
    expectWalk(overlay, data.overlay);
    overlay.commit();
    expectWalk(overlay, data.overlay);
    expectWalk(tree, data.overlay);
  });
});
