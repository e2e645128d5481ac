import { expect } from "vitest";
import { toHex } from "#common/bytes.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { Random } from "./random.ts";

/** What a store should hold: hex of key to hex of value. */
export type Model = Map<string, string>;

/** Entries of a model in key order from a key on. Hex text sorts as its bytes do. */
export function entriesOf(model: Model, from = ""): [string, string][] {
  return [...model].filter(([key]) => key >= from).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Everything that an iterator yields from a key on. */
export function walk(store: KeyValueReader, from: Uint8Array): [string, string][] {
  const found: [string, string][] = [];
  const iterator = store.iterator();
  for (iterator.seek(from); iterator.valid; iterator.next()) {
    found.push([toHex(iterator.key), toHex(iterator.value)]);
  }
  return found;
}

/** Applies one random change to a store and its model, and compares their answers. */
export function change(random: Random, store: KeyValueStore, model: Model): void {
  const key = random.key();
  const id = toHex(key);
  switch (random.below(5)) {
    case 0:
      store.remove(key);
      model.delete(id);
      break;
    case 1: {
      const old = store.removeExisting(key);
      expect(old === undefined ? undefined : toHex(old), random.label).toBe(model.get(id));
      model.delete(id);
      break;
    }
    default: {
      const value = random.bytes(random.below(3));
      store.insert(key, value);
      model.set(id, toHex(value));
    }
  }
}

/** Compares a store with its model: every answer to get, and walks from random keys. */
export function expectModel(random: Random, store: KeyValueReader, model: Model): void {
  expect(walk(store, new Uint8Array(0)), random.label).toEqual(entriesOf(model));
  for (let i = 0; i < 5; i++) {
    const key = random.key();
    const value = store.get(key);
    expect(value === undefined ? undefined : toHex(value), random.label).toBe(model.get(toHex(key)));
    expect(walk(store, key), random.label).toEqual(entriesOf(model, toHex(key)));
  }
}

/** The root of a tree that was made of nothing but the entries of a model. */
export function freshRoot(model: Model): string {
  const tree = new Tree();
  for (const [key, value] of model) {
    tree.insert(Uint8Array.from(Buffer.from(key, "hex")), Uint8Array.from(Buffer.from(value, "hex")));
  }
  return toHex(tree.rootHash());
}
