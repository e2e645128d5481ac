import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { ROOT_IO } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { type EmittedTag, type ExecutedTransaction, IoTree } from "../transaction/io-tree.js";

/** What a round did, read from the I/O tree that its block names. */
export class RoundReader {
  /** @param storage the node database that keeps the runtime's trees */
  constructor(private readonly storage: NodeDb) {}

  /**
   * Transactions in the order of their execution.
   *
   * @throws the errors of `NodeDb.loadRoot` when storage does not have the round
   */
  transactions(header: Header): ExecutedTransaction[] {
    return this.read(header, (tree) => tree.transactions());
  }

  /** Tags of the round in key order. Throws like `transactions`. */
  tags(header: Header): EmittedTag[] {
    return this.read(header, (tree) => tree.tags());
  }

  /** One transaction of the round; undefined when it is not there. Throws like `transactions`. */
  transaction(header: Header, txHash: Uint8Array): ExecutedTransaction | undefined {
    const [found] = this.read(header, (tree) => {
      const one = tree.transaction(txHash);
      return one === undefined ? [] : [one];
    });
    return found;
  }

  private read<T>(header: Header, of: (tree: IoTree) => T[]): T[] {
    // A block without transactions has no tree, not even an empty one.
    if (equalBytes(header.ioRoot, EMPTY_HASH)) return [];
    const root = { namespace: header.namespace, version: header.round, type: ROOT_IO, hash: header.ioRoot };
    return of(new IoTree(new Tree({ db: this.storage, root, writeLog: false })));
  }
}
