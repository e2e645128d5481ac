import { describe, expect, test } from "vitest";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { DecodeError, Fault } from "#common/errors/index.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Root } from "#mkvs/node/root.js";
import type { ProofResponse } from "#mkvs/proof/proof.js";
import { RecentNodes } from "#mkvs/node/recent-nodes.js";
import { Missing, PartialTree, queryRemote, type RemoteRequest } from "#mkvs/remote.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import { walk } from "./support/model.ts";

const NAMESPACE = new Uint8Array(32);
const KEYS = 500;

function held(): { root: Root; syncer: ReadSyncer } {
  const db = new MemoryNodeDb(NAMESPACE);
  const tree = new Tree({ db });
  for (let i = 0; i < KEYS; i++) tree.insert(utf8(`key ${i}`), utf8(`value ${i}`));
  tree.commit(NAMESPACE, 1n);
  return { root: tree.base as Root, syncer: new NodeDbSyncer(db) };
}

function answer(syncer: ReadSyncer, { kind, request }: RemoteRequest): ProofResponse {
  return kind === "get" ? syncer.syncGet(request) : syncer.syncIterate(request);
}

describe("trees that follow one another", () => {
  /** Counts what is asked of a syncer. */
  function counting(syncer: ReadSyncer): { syncer: ReadSyncer; asked: () => number } {
    let asked = 0;
    const counted = (ask: (request: never) => ProofResponse) => (request: never) => {
      asked++;
      return ask(request);
    };
    const proxy = {
      syncGet: counted(syncer.syncGet.bind(syncer) as never),
      syncGetPrefixes: counted(syncer.syncGetPrefixes.bind(syncer) as never),
      syncIterate: counted(syncer.syncIterate.bind(syncer) as never),
    } as ReadSyncer;
    return { syncer: proxy, asked: () => asked };
  }

  test("share what was fetched and changed, and stay what they were", () => {
    const seed = 20_261_121;
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const db = new MemoryNodeDb(NAMESPACE);
    const held = new Tree({ db });
    for (let i = 0; i < KEYS; i++) held.insert(utf8(`key ${i}`), utf8(`value ${i}`));
    held.commit(NAMESPACE, 1n);
    db.finalize([held.base as Root]);
    for (const limit of [100_000, 40]) {
      const recent = new RecentNodes(limit);
      let asked = 0;
      for (let round = 0; round < 30; round++) {
        const root = held.base as Root;
        const { syncer, asked: count } = counting(new NodeDbSyncer(db));
        const remote = new Tree({ root, syncer, recent, writeLog: false });
        const untouched = toHex(new Tree({ root, syncer: new NodeDbSyncer(db) }).rootHash());
        for (let i = 0; i < 20; i++) {
          const key = utf8(`key ${random(KEYS + 100)}`);
          expect(remote.get(key), `seed ${seed}`).toEqual(held.get(key));
          if (random(3) === 0) {
            remote.remove(key);
            held.remove(key);
          } else {
            const value = utf8(`${round} ${i}`);
            remote.insert(key, value);
            held.insert(key, value);
          }
        }
        remote.share(recent);
        held.commit(NAMESPACE, root.version + 1n);
        db.finalize([held.base as Root]);
        expect(toHex(remote.rootHash()), `seed ${seed}, round ${round}`).toBe(toHex(held.rootHash()));
        // The tree that it was made from has not changed under those who still read it.
        expect(toHex(new Tree({ root, syncer, recent }).rootHash())).toBe(untouched);
        asked += count();
      }
      process.stderr.write(`mkvs: 600 reads of following trees with ${limit} recent nodes asked ${asked} times\n`);
      if (limit > KEYS) expect(asked).toBeLessThan(600);
    }
  });

  test("need not ask for what was changed here", () => {
    const db = new MemoryNodeDb(NAMESPACE);
    const held = new Tree({ db });
    held.commit(NAMESPACE, 1n);
    const recent = new RecentNodes();
    for (let round = 1; round < 10; round++) {
      const { syncer, asked } = counting(new NodeDbSyncer(db));
      const remote = new Tree({ root: held.base as Root, syncer, recent, writeLog: false });
      for (let i = 0; i < 50; i++) {
        remote.insert(utf8(`key ${i}`), utf8(`${round}`));
        held.insert(utf8(`key ${i}`), utf8(`${round}`));
      }
      remote.share(recent);
      held.commit(NAMESPACE, BigInt(round + 1));
      expect(remote.rootHash()).toEqual(held.rootHash());
      expect(asked()).toBe(0);
    }
  });
});

describe("a tree of which parts are known", () => {
  test("says what it is missing, and knows it from then on", () => {
    const { root, syncer } = held();
    const tree = new PartialTree(root);
    const get = () => tree.get(utf8("key 7"));
    let missing: unknown;
    try {
      get();
    } catch (error) {
      missing = error;
    }
    expect(missing).toBeInstanceOf(Missing);
    tree.accept(missing as Missing, answer(syncer, (missing as Missing).request));
    expect(fromUtf8(get() as Uint8Array)).toBe("value 7");
    expect(() => tree.get(utf8("key 499"))).toThrow(Missing);
  });

  test("runs queries again until they go through, whatever the limits of its memory", async () => {
    const { root, syncer } = held();
    const sum = (reader: KeyValueReader): number => walk(reader, utf8("key 2")).length;
    const expected = sum(new Tree({ root, syncer }));
    for (const options of [{}, { prefetch: 20 }, { prefetch: 1000, maxNodes: 0, maxValueBytes: 0 }]) {
      let fetches = 0;
      const fetch = async (request: RemoteRequest) => {
        fetches++;
        return answer(syncer, request);
      };
      expect(await queryRemote(new PartialTree(root, options), fetch, sum)).toBe(expected);
      expect(fetches).toBeGreaterThan(0);
    }
  });

  test("gives a query up that needs too many requests", async () => {
    const { root, syncer } = held();
    const fetch = async (request: RemoteRequest) => answer(syncer, request);
    const query = queryRemote(new PartialTree(root), fetch, (reader) => walk(reader, utf8("")), 3);
    await expect(query).rejects.toThrow(Fault);
  });

  test("refuses answers about another tree", async () => {
    const { root, syncer } = held();
    const fetch = async (request: RemoteRequest) => {
      const { proof } = answer(syncer, request);
      return { proof: { ...proof, entries: proof.entries.slice(1) } };
    };
    const query = queryRemote(new PartialTree(root), fetch, (reader) => reader.get(utf8("key 1")));
    await expect(query).rejects.toThrow(DecodeError);
  });

  test("keeps its own changes when it drops what was fetched", () => {
    const { root, syncer } = held();
    const tree = new Tree({ root, syncer, maxNodes: 20, maxValueBytes: 100 });
    const same = new Tree();
    for (let i = 0; i < KEYS; i++) same.insert(utf8(`key ${i}`), utf8(`value ${i}`));
    for (let i = 0; i < KEYS; i += 7) {
      for (const store of [tree, same]) {
        store.insert(utf8(`key ${i}`), utf8("changed"));
        store.remove(utf8(`key ${i + 3}`));
      }
    }
    expect(toHex(tree.rootHash())).toBe(toHex(same.rootHash()));
    expect(walk(tree, utf8(""))).toEqual(walk(same, utf8("")));
  });
});
