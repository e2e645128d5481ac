import { EMPTY_HASH } from "#common/hash.js";
import { type Header, headerHash } from "#consensus/services/roothash/types.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { ROOT_IO, ROOT_STATE, type Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { Call, type HostPort } from "#runtime/kit/index.js";
import type {
  RuntimeCheckTxBatchRequest,
  RuntimeExecuteTxBatchRequest,
  RuntimeExecuteTxBatchResponse,
  RuntimeQueryRequest,
} from "#runtime/rhp/messages/index.js";
import { lightBlock } from "./light-block.ts";

export const RUNTIME_ID: Uint8Array = Uint8Array.from([0x80, ...new Array<number>(31).fill(0)]);

/** Encodes a call of the example format. */
export function call(
  sender: string,
  nonce: number,
  method: string,
  args: Uint8Array = Uint8Array.of(0xf6),
): Uint8Array {
  return Call.encode({ sender: new TextEncoder().encode(sender), nonce: BigInt(nonce), method, args });
}

/** What a node does around a runtime: it keeps the trees and makes a block of each batch. */
export class TestNode implements HostPort {
  readonly db = new MemoryNodeDb(RUNTIME_ID);
  header: Header = {
    version: 0,
    namespace: RUNTIME_ID,
    round: 0n,
    timestamp: 1_700_000_000n,
    headerType: 1,
    previousHash: EMPTY_HASH,
    ioRoot: EMPTY_HASH,
    stateRoot: EMPTY_HASH,
    messagesHash: EMPTY_HASH,
    inMessagesHash: EMPTY_HASH,
  };

  openTree(root: Root): Tree {
    return new Tree({ db: this.db, root, writeLog: false });
  }

  private get basis() {
    return { consensusBlock: lightBlock(10n), epoch: 5n, maxMessages: 16 };
  }

  checking(inputs: Uint8Array[]): RuntimeCheckTxBatchRequest {
    return { ...this.basis, inputs, block: { header: this.header } };
  }

  querying(method: string, args: Uint8Array): RuntimeQueryRequest {
    return { ...this.basis, header: this.header, method, args };
  }

  scheduling(inputs: Uint8Array[]): RuntimeExecuteTxBatchRequest {
    return {
      ...this.basis,
      mode: 1,
      roundResults: null,
      ioRoot: new Uint8Array(32),
      inputs,
      inMsgs: [],
      block: { header: this.header },
    };
  }

  /** Applies the write logs of a batch and makes it the latest block. */
  finalize({ batch, txInputWriteLog }: RuntimeExecuteTxBatchResponse): void {
    const { header } = this;
    const round = header.round + 1n;
    const stateRoot = this.commit({ ...stateOf(header), type: ROOT_STATE }, batch.stateWriteLog, round);
    const ioRoot = this.commit(undefined, [...txInputWriteLog, ...batch.ioWriteLog], round);
    this.db.finalize([stateRoot, ioRoot]);
    this.header = {
      ...header,
      round,
      timestamp: header.timestamp + 1n,
      previousHash: headerHash(header),
      ioRoot: ioRoot.hash,
      stateRoot: stateRoot.hash,
    };
  }

  private commit(base: Root | undefined, log: WriteLog, version: bigint): Root {
    const tree = new Tree(base === undefined ? { db: this.db, type: ROOT_IO } : { db: this.db, root: base });
    tree.applyWriteLog(log);
    const { hash } = tree.commit(RUNTIME_ID, version);
    return { namespace: RUNTIME_ID, version, type: base === undefined ? ROOT_IO : ROOT_STATE, hash };
  }
}

function stateOf(header: Header): Root {
  return { namespace: header.namespace, version: header.round, type: ROOT_STATE, hash: header.stateRoot };
}
