import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { Root } from "#mkvs/node/root.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";

/** Every state that the recorded write logs lead to, by root, with proofs as a node gives them. */
export class ProvingStates implements ReadSyncer {
  private readonly trees = new Map<string, Tree>([[toHex(EMPTY_HASH), new Tree()]]);
  private readonly syncers = new Map<string, NodeDbSyncer>();

  /** Adds the state that a write log leads to, when the state before is known. Returns its root. */
  add(before: string, log: WriteLog): string | undefined {
    const tree = this.trees.get(before)?.fork();
    if (tree === undefined) return undefined;
    tree.applyWriteLog(log);
    const root = toHex(tree.rootHash());
    this.trees.set(root, tree);
    return root;
  }

  has(root: string): boolean {
    return this.trees.has(root);
  }

  syncGet: ReadSyncer["syncGet"] = (request) => this.open(request.tree.root).syncGet(request);
  syncGetPrefixes: ReadSyncer["syncGetPrefixes"] = (request) => this.open(request.tree.root).syncGetPrefixes(request);
  syncIterate: ReadSyncer["syncIterate"] = (request) => this.open(request.tree.root).syncIterate(request);

  private open(root: Root): NodeDbSyncer {
    const name = `${root.version} ${toHex(root.hash)}`;
    const known = this.syncers.get(name);
    if (known !== undefined) return known;
    const state = this.trees.get(toHex(root.hash));
    if (state === undefined) throw new CodedError("storage/mkvs/db", 1, "no such state was recorded");
    const db = new MemoryNodeDb(root.namespace);
    const copy = new Tree({ db });
    const entries = state.fork().iterator();
    for (entries.seek(new Uint8Array(0)); entries.valid; entries.next()) copy.insert(entries.key, entries.value);
    const { hash } = copy.commit(root.namespace, root.version);
    db.finalize([{ ...root, hash }]);
    const syncer = new NodeDbSyncer(db);
    this.syncers.set(name, syncer);
    return syncer;
  }
}
