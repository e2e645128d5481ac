import { describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { MAX_KEY_BYTES } from "#mkvs/key-value.js";
import { ROOT_STATE } from "#mkvs/node/root.js";
import { Overlay } from "#mkvs/tree/overlay.js";
import { Tree } from "#mkvs/tree/tree.js";
import { change, expectModel, freshRoot, type Model, walk } from "./support/model.ts";
import { Random } from "./support/random.ts";

const NAMESPACE = new Uint8Array(32);

describe("a tree", () => {
  test("holds what was put into it, and its root depends on nothing else", () => {
    const random = new Random();
    for (let round = 0; round < 40; round++) {
      const tree = new Tree();
      const model: Model = new Map();
      for (let step = 0; step < 60; step++) {
        change(random, tree, model);
        if (random.below(8) === 0) tree.rootHash();
      }
      expectModel(random, tree, model);
      expect(toHex(tree.rootHash()), random.label).toBe(freshRoot(model));
    }
  });

  test("forks into trees that do not see each other's changes", () => {
    const random = new Random();
    const trees: [Tree, Model][] = [[new Tree(), new Map()]];
    for (let step = 0; step < 600; step++) {
      const [tree, model] = random.pick(trees);
      if (trees.length < 12 && random.below(20) === 0) trees.push([tree.fork(), new Map(model)]);
      else if (random.below(15) === 0) tree.commit(NAMESPACE, BigInt(step));
      else change(random, tree, model);
    }
    for (const [tree, model] of trees) {
      expectModel(random, tree, model);
      expect(toHex(tree.rootHash()), random.label).toBe(freshRoot(model));
    }
  });

  test("logs each touched key once, with its last value, and forgets keys that were absent before and after", () => {
    const tree = new Tree();
    tree.insert(utf8("a"), utf8("1"));
    tree.insert(utf8("b"), utf8("1"));
    tree.commit(NAMESPACE, 0n);
    tree.insert(utf8("a"), utf8("1"));
    tree.insert(utf8("c"), utf8("2"));
    tree.remove(utf8("c"));
    tree.remove(utf8("d"));
    tree.remove(utf8("b"));
    tree.insert(utf8("e"), utf8(""));
    expect(tree.commit(NAMESPACE, 1n).writeLog).toEqual([
      [utf8("a"), utf8("1")],
      [utf8("b"), null],
      [utf8("e"), utf8("")],
    ]);
  });

  test("turns into another tree by that tree's write log, and commits only the root that was announced", () => {
    const source = new Tree();
    for (let i = 0; i < 20; i++) source.insert(utf8(`key ${i}`), utf8(`value ${i}`));
    const first = source.commit(NAMESPACE, 0n);
    const copy = new Tree();
    copy.applyWriteLog(first.writeLog);
    source.remove(utf8("key 3"));
    const wrong = { namespace: NAMESPACE, version: 0n, type: ROOT_STATE, hash: source.rootHash() };
    expect(() => copy.commitKnown(wrong)).toThrow("known root mismatch");
    expect(copy.base).toBeUndefined();
    expect(copy.commitKnown({ ...wrong, hash: first.hash })).toEqual(first.writeLog);
  });

  test("refuses a key that is too long for 16-bit depths and takes the longest one", () => {
    const tree = new Tree();
    tree.insert(new Uint8Array(MAX_KEY_BYTES), utf8("v"));
    tree.insert(new Uint8Array(MAX_KEY_BYTES).fill(255), utf8("v"));
    expect(() => tree.insert(new Uint8Array(MAX_KEY_BYTES + 1), utf8("v"))).toThrow(InvalidInput);
    expect(walk(tree, new Uint8Array(0))).toHaveLength(2);
  });

  test("is not brought down by keys that make it very deep", () => {
    const tree = new Tree({ writeLog: false });
    const zeros = new Uint8Array(MAX_KEY_BYTES);
    // Deepest first: each key forks off near the root, so that building it does not take forever.
    for (let bit = 59_999; bit >= 0; bit -= 2) {
      const key = zeros.slice(0, (bit >> 3) + 1);
      key[bit >> 3] = 0x80 >> (bit & 7);
      tree.insert(key, utf8("v"));
    }
    expect(tree.get(Uint8Array.of(0x40))).toEqual(utf8("v"));
    tree.rootHash();
    let count = 0;
    const iterator = tree.iterator();
    for (iterator.seek(new Uint8Array(0)); iterator.valid; iterator.next()) count++;
    expect(count).toBe(30_000);
  });

  test("lets an iterator follow changes made under it", () => {
    const random = new Random();
    for (const make of [() => new Tree(), () => new Overlay(new Tree()), () => new Overlay(new Overlay(new Tree()))]) {
      const store = make();
      const model: Model = new Map();
      for (let i = 0; i < 60; i++) change(random, store, model);
      const iterator = store.iterator();
      let last = "";
      for (iterator.seek(new Uint8Array(0)); iterator.valid; iterator.next()) {
        const key = toHex(iterator.key);
        expect(key >= last, random.label).toBe(true);
        last = key;
        for (let i = 0; i < 3; i++) change(random, store, model);
        if (store instanceof Overlay && random.below(10) === 0) store.commit();
        const expected = [...model.keys()].filter((id) => id > key).sort()[0];
        const probe = store.iterator();
        probe.seek(Uint8Array.from([...iterator.key, 0]));
        expect(probe.valid ? toHex(probe.key) : undefined, random.label).toBe(expected);
      }
    }
  });
});

describe("an overlay", () => {
  test("answers like the merged store, keeps the inner one clean until its commit, and nests", () => {
    const random = new Random();
    for (let round = 0; round < 30; round++) {
      const tree = new Tree();
      const models: Model[] = [new Map()];
      const stores: [Tree, ...Overlay[]] = [tree];
      for (let step = 0; step < 200; step++) {
        const top = stores.length - 1;
        const roll = random.below(20);
        if (roll === 0 && top < 4) {
          stores.push(new Overlay(stores[top]!));
          models.push(new Map(models[top]));
        } else if (roll === 1 && top > 0) {
          (stores.pop() as Overlay).commit();
          models[top - 1] = models.pop()!;
        } else if (roll === 2 && top > 0) {
          (stores.pop() as Overlay).discard();
          models.pop();
        } else {
          change(random, stores[top]!, models[top]!);
        }
      }
      stores.forEach((store, i) => expectModel(random, store, models[i]!));
    }
  });

  test("leaves no trace of a missing key that was only asked to be removed if it exists", () => {
    const tree = new Tree();
    const overlay = new Overlay(tree);
    expect(overlay.removeExisting(utf8("missing"))).toBeUndefined();
    overlay.insert(utf8("key"), utf8("value"));
    expect(overlay.removeExisting(utf8("key"))).toEqual(utf8("value"));
    overlay.commit();
    expect(tree.commit(NAMESPACE, 0n).writeLog).toEqual([]);
  });
});
