/** A node database in memory: it holds on to the nodes themselves, so nothing is ever copied or serialized. */
import { concatBytes, u64be } from "#common/bytes.js";
import { OrderedMap } from "#common/ordered-map.js";
import type { Child, Node, Stub } from "../node/node.js";
import type { Root } from "../node/root.js";
import type { Commit } from "../tree/working.js";
import type { WriteLog } from "../write-log.js";
import { NodeTreeDb } from "./node-tree-db.js";
import { lostNode, type RootRecord } from "./versioned.js";

interface MemoryRecord extends RootRecord {
  readonly tree: Child;
  readonly writeLog: WriteLog | undefined;
}

/** Dropping a root is all it takes to free the nodes that no other root shares. */
export class MemoryNodeDb extends NodeTreeDb<MemoryRecord> {
  readonly #records = new OrderedMap<MemoryRecord>();

  protected record(root: Root): MemoryRecord | undefined {
    return this.#records.get(recordKey(root));
  }

  protected records(version: bigint): MemoryRecord[] {
    const found: MemoryRecord[] = [];
    let entry = this.#records.atOrAfter(u64be(version));
    while (entry !== undefined && entry.value.root.version === version) {
      found.push(entry.value);
      entry = this.#records.atOrAfter(concatBytes(entry.key, Uint8Array.of(0)));
    }
    return found;
  }

  protected store(commit: Commit): Child {
    const { root, base, tree, writeLog } = commit;
    this.#records.set(recordKey(root), { root, base, tree, writeLog });
    return tree;
  }

  protected drop(record: MemoryRecord): void {
    this.#records.delete(recordKey(record.root));
  }

  protected forget(record: MemoryRecord): void {
    this.drop(record);
  }

  protected storedWriteLog(record: MemoryRecord): WriteLog | undefined {
    return record.writeLog;
  }

  protected open(record: MemoryRecord): Child {
    return record.tree;
  }

  protected saveVersions(): void {
    // They are where they belong already.
  }

  protected atomically<T>(body: () => T): T {
    return body();
  }

  resolve(stub: Stub): Node {
    throw lostNode(stub);
  }

  close(): void {
    this.#records.clear();
  }
}

function recordKey(root: Root): Uint8Array {
  return concatBytes(u64be(root.version), Uint8Array.of(root.type), root.hash);
}
