import { equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { OrderedMap } from "#common/ordered-map.js";
import type { KeyValueIterator } from "#mkvs/key-value.js";
import { ROOT_IO } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { LogEntry, WriteLog } from "#mkvs/write-log.js";
import {
  ARTIFACT,
  BLOCK_TAG_HASH,
  InputArtifact,
  type IoKey,
  OutputArtifact,
  parseIoKey,
  runtimeTransactionHash,
  tagKey,
  tagPrefix,
  transactionKey,
  transactionPrefix,
} from "./artifacts.js";
import { IoTreeError } from "./errors.js";

/** A tag as it is emitted: an indexed key and a value, whose meaning is the runtime's. */
export interface Tag {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A tag as it is read back. */
export interface EmittedTag extends Tag {
  /** The transaction that emitted it; all zero for the block itself. */
  readonly txHash: Uint8Array;
}

/** All that a round keeps of one transaction. */
export interface ExecutedTransaction {
  readonly hash: Uint8Array;
  readonly input: Uint8Array;
  /** Absent while the transaction has only been proposed. */
  readonly output: Uint8Array | undefined;
  readonly batchOrder: number;
}

/** Limits of one batch; absent for none. */
export interface BatchLimits {
  readonly maxCount?: bigint;
  readonly maxBytes?: bigint;
}

/** Inputs, outputs and tags of one round (runtime layer: blocks, batches, roots). */
export class IoTree {
  private changes = new OrderedMap<Uint8Array>();

  /** @param tree the tree of a round to read; without it an empty one to fill */
  constructor(private readonly tree: Tree = new Tree({ type: ROOT_IO, writeLog: false })) {}

  /**
   * Adds a transaction to the batch.
   *
   * @param batchOrder its place, counted from 0 without gaps
   * @returns its hash
   * @throws IoTreeError when the transaction is empty
   */
  addInput(input: Uint8Array, batchOrder: number): Uint8Array {
    if (input.length === 0) throw new IoTreeError("no input given");
    const txHash = runtimeTransactionHash(input);
    this.insert(transactionKey(txHash, ARTIFACT.input), InputArtifact.encode([input, batchOrder]));
    return txHash;
  }

  /** Adds what a transaction answered and emitted. Of two tags with the same key the last one stays. */
  addOutput(txHash: Uint8Array, output: Uint8Array, tags: readonly Tag[]): void {
    this.insert(transactionKey(txHash, ARTIFACT.output), OutputArtifact.encode([output]));
    for (const tag of tags) this.insert(tagKey(tag.key, txHash), tag.value);
  }

  /** Adds tags that belong to no transaction. */
  addBlockTags(tags: readonly Tag[]): void {
    for (const tag of tags) this.insert(tagKey(tag.key, BLOCK_TAG_HASH), tag.value);
  }

  private insert(key: Uint8Array, value: Uint8Array): void {
    this.tree.insert(key, value);
    this.changes.set(key, value);
  }

  /** The root of the tree as it stands, and what was added since the last call, in key order. */
  commit(): { readonly root: Uint8Array; readonly writeLog: WriteLog } {
    const writeLog: LogEntry[] = [];
    for (const { key, value } of this.changes.entries()) writeLog.push([key, value]);
    this.changes = new OrderedMap();
    return { root: this.tree.rootHash(), writeLog };
  }

  /**
   * The transactions of the batch in batch order.
   *
   * @throws IoTreeError when the batch is over a limit, or its places are not 0, 1, 2, …
   */
  inputBatch(limits: BatchLimits = {}): Uint8Array[] {
    const found: { readonly input: Uint8Array; readonly order: number }[] = [];
    let size = 0n;
    for (const { key, value } of this.transactionEntries()) {
      if (key.artifact !== ARTIFACT.input) continue;
      const [input, order] = decodeInput(value);
      found.push({ input, order });
      size += BigInt(input.length);
      if (limits.maxCount !== undefined && BigInt(found.length) > limits.maxCount) {
        throw new IoTreeError(`input batch too large (max: ${limits.maxCount} txes)`);
      }
      if (limits.maxBytes !== undefined && size > limits.maxBytes) {
        throw new IoTreeError(`input batch too large (max: ${limits.maxBytes} bytes)`);
      }
    }
    found.sort((a, b) => a.order - b.order);
    found.forEach(({ order }, i) => {
      if (order !== i) throw new IoTreeError(`inconsistent order: item ${i} has batch order ${order}`);
    });
    return found.map(({ input }) => input);
  }

  /**
   * All transactions in the order in which they were executed.
   *
   * @throws IoTreeError when an output has no input
   */
  transactions(): ExecutedTransaction[] {
    const out: ExecutedTransaction[] = [];
    for (const { key, value } of this.transactionEntries()) {
      if (key.artifact === ARTIFACT.input) {
        const [input, batchOrder] = decodeInput(value);
        out.push({ hash: key.txHash, input, output: undefined, batchOrder });
        continue;
      }
      const last = out.pop();
      if (last === undefined || !equalBytes(last.hash, key.txHash)) throw new IoTreeError("malformed transaction tree");
      out.push({ ...last, output: decodeOutput(value) });
    }
    return out.sort((a, b) => a.batchOrder - b.batchOrder);
  }

  /** One transaction; undefined when it is not in the tree. */
  transaction(txHash: Uint8Array): ExecutedTransaction | undefined {
    const input = this.tree.get(transactionKey(txHash, ARTIFACT.input));
    if (input === undefined) return undefined;
    const output = this.tree.get(transactionKey(txHash, ARTIFACT.output));
    const [raw, batchOrder] = decodeInput(input);
    return { hash: txHash, input: raw, output: output && decodeOutput(output), batchOrder };
  }

  /** All tags in the order of their keys, then of the transaction hashes. */
  tags(): EmittedTag[] {
    return this.tagsFrom(tagPrefix(), () => true);
  }

  /** The tags of one key. */
  tagsOf(key: Uint8Array): EmittedTag[] {
    return this.tagsFrom(tagPrefix(key), (found) => equalBytes(found, key));
  }

  private tagsFrom(start: Uint8Array, wanted: (key: Uint8Array) => boolean): EmittedTag[] {
    const out: EmittedTag[] = [];
    const it = this.tree.iterator();
    for (it.seek(start); it.valid && startsWith(it.key, start); it.next()) {
      const key = parseIoKey(it.key);
      if (key?.kind === "tag" && wanted(key.key)) out.push({ key: key.key, value: it.value, txHash: key.txHash });
    }
    return out;
  }

  private *transactionEntries(): Iterable<{ key: IoKey & { kind: "transaction" }; value: Uint8Array }> {
    const it: KeyValueIterator = this.tree.iterator();
    for (it.seek(transactionPrefix()); it.valid; it.next()) {
      const key = parseIoKey(it.key);
      if (key?.kind !== "transaction") return;
      yield { key, value: it.value };
    }
  }
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return equalBytes(key.subarray(0, prefix.length), prefix);
}

function decodeInput(value: Uint8Array): readonly [Uint8Array, number] {
  return decoded("input", () => InputArtifact.decode(value));
}

function decodeOutput(value: Uint8Array): Uint8Array {
  return decoded("output", () => OutputArtifact.decode(value)[0]);
}

function decoded<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) throw new IoTreeError(`malformed ${what} artifacts: ${error.message}`);
    throw error;
  }
}
