import { expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Root } from "#mkvs/node/root.js";
import { Proof } from "#mkvs/proof/proof.js";
import { verifyProof, verifyProofToWriteLog } from "#mkvs/proof/verify.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import { Random } from "./support/random.ts";

const NAMESPACE = new Uint8Array(32).fill(5);
const DATABASES: readonly (readonly [string, () => NodeDb])[] = [
  ["in memory", () => new MemoryNodeDb(NAMESPACE)],
  ["an arena", () => new ArenaNodeDb({ disk: new MemoryDisk(), name: "state", namespace: NAMESPACE })],
];

/** Keys of all lengths that share beginnings of all lengths: labels of every size, embedded leaves, deep paths. */
function someKeys(random: Random): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let i = 0; i < 120; i++) {
    const before = i === 0 ? new Uint8Array(0) : random.pick(keys);
    const kept = random.below(before.length + 1);
    const key = new Uint8Array(kept + random.below(random.pick([2, 5, 40])));
    key.set(random.bytes(key.length));
    key.set(before.subarray(0, kept));
    keys.push(key);
  }
  return keys;
}

test.each(DATABASES)("proofs of every key verify in both ways, and not when changed (%s)", (_, make) => {
  const random = new Random();
  const db = make();
  const tree = new Tree({ db });
  const keys = someKeys(random);
  const values = new Map(keys.map((key) => [toHex(key), random.bytes(random.below(50))]));
  for (const key of keys) tree.insert(key, values.get(toHex(key)) as Uint8Array);
  tree.commit(NAMESPACE, 1n);
  const root = tree.base as Root;
  const syncer = new NodeDbSyncer(db);
  for (const [i, key] of keys.entries()) {
    for (const proofVersion of [0, 1]) {
      const includeSiblings = i % 3 === 0;
      const request = { tree: { root, position: root.hash }, key, includeSiblings, proofVersion };
      const proof = Proof.decode(Proof.encode(syncer.syncGet(request).proof));
      const label = `${random.label}, key ${i}, version ${proofVersion}`;
      const log = verifyProofToWriteLog(root.hash, proof);
      const found = log.find(([other]) => toHex(other) === toHex(key));
      expect(toHex(found?.[1] ?? new Uint8Array(0)), label).toBe(toHex(values.get(toHex(key)) as Uint8Array));
      expect(found, label).toBeDefined();
      expect(toHex(verifyProof(root.hash, proof)?.hash as Uint8Array), label).toBe(toHex(root.hash));
      const at = random.below(proof.entries.length);
      const entries = proof.entries.map((entry, n) => (n === at ? damaged(entry, random) : entry));
      expect(() => verifyProofToWriteLog(root.hash, { ...proof, entries }), label).toThrow(DecodeError);
      expect(() => verifyProof(root.hash, { ...proof, entries }), label).toThrow(DecodeError);
    }
  }
});

function damaged(entry: Uint8Array | null, random: Random): Uint8Array | null {
  if (entry === null) return Uint8Array.of(2, ...random.bytes(32));
  const out = entry.slice();
  const at = random.below(out.length);
  out[at] = (out[at] as number) ^ (1 << random.below(8));
  return out;
}
