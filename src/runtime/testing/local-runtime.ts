/** A runtime without a network, for its author's own tests. */
import { assert } from "#common/assert.js";
import { equalBytes, utf8 } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { Signer } from "#common/crypto/signature.js";
import { CONSENSUS_PROTOCOL } from "#common/version.js";
import type { Infer, Schema } from "#common/schema/index.js";
import {
  type Header,
  HEADER_NORMAL,
  headerHash,
  type IncomingMessage,
  type Message,
  type MessageEvent,
} from "#consensus/services/roothash/types.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { ROOT_IO, ROOT_STATE, type Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { CallOutput, nextNonce, signCall } from "../kit/call.js";
import type { EventType } from "../kit/context.js";
import type { RuntimeProgram } from "../kit/define-runtime.js";
import { Dispatcher } from "../kit/dispatcher.js";
import { Refusal } from "../kit/refusal.js";
import { bodyOf, EXECUTION_MODE, type RuntimeExecuteTxBatchResponse } from "../rhp/messages/index.js";
import { type EmittedTag, IoTree } from "../transaction/io-tree.js";
import { wellFormedBlock } from "./light-block.js";

/** Identifier of the runtime, unless told otherwise. */
const RUNTIME_ID: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 0x80 : 0));
const CHAIN_CONTEXT = "00".repeat(32);
const START_SECONDS = 1_700_000_000n;
const MAX_MESSAGES = 128;

export interface LocalRuntimeOptions {
  /** 32 bytes; that of the local network when absent. */
  readonly runtimeId?: Uint8Array;
  /** Messages to the consensus layer that one round may send; 128 when absent. */
  readonly maxMessages?: number;
}

/** What a round is made of. */
export interface RoundInput {
  readonly transactions?: readonly Uint8Array[];
  /** Messages that came by way of the consensus layer; members that are left out are zero. */
  readonly incoming?: readonly Partial<IncomingMessage>[];
  /** What became of the messages that the round before has sent, by their places. */
  readonly results?: readonly Partial<MessageEvent>[];
}

/** What came of a round. */
export interface RoundOutcome {
  /** Its number. */
  readonly round: bigint;
  /** Answers of the transactions that the round took, in their order. */
  readonly outputs: readonly Infer<typeof CallOutput>[];
  /** Hashes of transactions that were not taken. */
  readonly rejected: readonly Uint8Array[];
  /** Messages to the consensus layer. */
  readonly messages: readonly Message[];
}

/**
 * Runs a program round by round in memory. Every batch is put together as by a scheduler, executed again as by another
 * member of the committee, and compared: what differs between two runs fails here and not on a network.
 */
export class LocalRuntime {
  private readonly db: MemoryNodeDb;
  private readonly dispatchers: readonly [Dispatcher, Dispatcher];
  private readonly runtimeId: Uint8Array;
  private readonly maxMessages: number;
  private header: Header;
  private tags: readonly EmittedTag[] = [];
  /** The epoch that the next round sees; a test may change it. */
  epoch = 1n;

  constructor(
    private readonly program: RuntimeProgram,
    { runtimeId = RUNTIME_ID, maxMessages = MAX_MESSAGES }: LocalRuntimeOptions = {},
  ) {
    this.runtimeId = runtimeId;
    this.maxMessages = maxMessages;
    this.db = new MemoryNodeDb(runtimeId);
    this.header = {
      version: 0,
      namespace: runtimeId,
      round: 0n,
      timestamp: START_SECONDS,
      headerType: HEADER_NORMAL,
      previousHash: EMPTY_HASH,
      ioRoot: EMPTY_HASH,
      stateRoot: EMPTY_HASH,
      messagesHash: EMPTY_HASH,
      inMessagesHash: EMPTY_HASH,
    };
    this.dispatchers = [this.dispatcher(), this.dispatcher()];
  }

  private dispatcher(): Dispatcher {
    const dispatcher = new Dispatcher(this.program, {
      openTree: (root) => new Tree({ db: this.db, root, writeLog: false }),
    });
    dispatcher.handle(
      bodyOf("RuntimeInfoRequest", {
        runtimeId: this.runtimeId,
        consensusBackend: "tendermint",
        consensusProtocolVersion: CONSENSUS_PROTOCOL,
        consensusChainContext: CHAIN_CONTEXT,
        localConfig: undefined,
      }),
    );
    return dispatcher;
  }

  /** A signed call with the sender's next nonce, for programs that open calls with `openSignedCall`. */
  sign<A>(signer: Signer, method: string, args: Schema<A>, value: A): Uint8Array {
    const { runtimeId } = this;
    const nonce = nextNonce(this.state(), signer.publicKey);
    const call = { nonce, method, args: args.encode(value) };
    return signCall(signer, call, { runtimeId, chainContext: CHAIN_CONTEXT });
  }

  /** The state after the last round, to be read. */
  state(): Tree {
    return new Tree({ db: this.db, root: this.stateRoot, writeLog: false });
  }

  private get stateRoot(): Root {
    const { namespace, round, stateRoot } = this.header;
    return { namespace, version: round, type: ROOT_STATE, hash: stateRoot };
  }

  /**
   * Runs one round.
   *
   * @throws AssertionFailure when it comes to something else the second time; whatever breaks the program
   */
  run({ transactions = [], incoming = [], results = [] }: RoundInput): RoundOutcome {
    const basis = {
      ...this.basis,
      block: { header: this.header },
      inMsgs: incoming.map((message, i) => ({ ...NO_MESSAGE, id: BigInt(i), ...message })),
      roundResults: {
        messages: results.map((event, index) => ({ ...NO_RESULT, index, ...event })),
        goodComputeEntities: [],
        badComputeEntities: [],
      },
    };
    const [first, second] = this.dispatchers;
    const scheduling = { ...basis, mode: EXECUTION_MODE.schedule, ioRoot: new Uint8Array(32) };
    const scheduled = executed(first, { ...scheduling, inputs: [...transactions] });
    const taken = new IoTree(treeOf(scheduled)).transactions();
    const inputs = taken.map(({ input }) => input);
    const execution = { ...basis, mode: EXECUTION_MODE.execute, ioRoot: scheduled.txInputRoot, inputs };
    const again = executed(second, execution);
    const { batch } = scheduled;
    const same = equalBytes(rootOf(batch.header.stateRoot), rootOf(again.batch.header.stateRoot));
    assert(same, "the round led to two different states");
    const sameOutputs = equalBytes(rootOf(batch.header.ioRoot), rootOf(again.batch.header.ioRoot));
    assert(sameOutputs, "the round gave two different answers");
    this.tags = new IoTree(treeOf(scheduled)).tags();
    this.finalize(scheduled);
    const outputs = taken.map(({ output }) => CallOutput.decode(output ?? new Uint8Array(0)));
    return { round: this.header.round, outputs, rejected: scheduled.txRejectHashes, messages: batch.messages };
  }

  /**
   * Runs a round with one call.
   *
   * @returns its result
   * @throws Refusal when it is refused, in the check or in the execution
   */
  call<A, R>(signer: Signer, method: string, args: Schema<A>, value: A, result: Schema<R>): R {
    const transaction = this.sign(signer, method, args, value);
    const { error } = this.check(transaction);
    if (error !== undefined) throw new Refusal(error);
    const [output] = this.run({ transactions: [transaction] }).outputs;
    assert(output !== undefined, "a call that passed its check was not taken");
    if (output.type === "Error") throw new Refusal(output.value);
    return result.decode(output.value);
  }

  /** What the pool would say of a transaction: nothing, or why it is refused. */
  check(transaction: Uint8Array): { readonly error: string | undefined } {
    const request = { ...this.basis, inputs: [transaction], block: { header: this.header } };
    const answer = this.dispatchers[0].handle(bodyOf("RuntimeCheckTxBatchRequest", request));
    assert(answer.type === "RuntimeCheckTxBatchResponse", "a check is answered as one");
    const error = answer.value.results[0]?.error;
    return { error: error === undefined || error.code === 0 ? undefined : error.message };
  }

  /** Asks a query of the state after the last round. @throws CodedError when it is refused */
  query<A, R>(method: string, args: Schema<A>, value: A, result: Schema<R>): R {
    const request = { ...this.basis, header: this.header, method, args: args.encode(value) };
    const answer = this.dispatchers[0].handle(bodyOf("RuntimeQueryRequest", request));
    assert(answer.type === "RuntimeQueryResponse", "a query is answered as one");
    return result.decode(answer.value.data);
  }

  /** Values of the events of one type that the last round has emitted. */
  events<T>({ key, value }: EventType<T>): T[] {
    const wanted = utf8(key);
    return this.tags.filter((tag) => equalBytes(tag.key, wanted)).map((tag) => value.decode(tag.value));
  }

  private get basis() {
    const consensusBlock = wellFormedBlock(this.header.round + 1n);
    return { consensusBlock, epoch: this.epoch, maxMessages: this.maxMessages };
  }

  private finalize({ batch, txInputWriteLog }: RuntimeExecuteTxBatchResponse): void {
    const { header } = this;
    const round = header.round + 1n;
    const stateRoot = this.commit(this.stateRoot, batch.stateWriteLog, round);
    const ioRoot = this.commit(undefined, [...txInputWriteLog, ...batch.ioWriteLog], round);
    this.db.finalize([stateRoot, ioRoot]);
    const roots = { ioRoot: ioRoot.hash, stateRoot: stateRoot.hash };
    this.header = { ...header, ...roots, round, timestamp: header.timestamp + 1n, previousHash: headerHash(header) };
  }

  private commit(base: Root | undefined, log: WriteLog, version: bigint): Root {
    const { db, runtimeId: namespace } = this;
    const tree = new Tree(base === undefined ? { db, type: ROOT_IO } : { db, root: base });
    tree.applyWriteLog(log);
    const { hash } = tree.commit(namespace, version);
    return { namespace, version, type: base === undefined ? ROOT_IO : ROOT_STATE, hash };
  }
}

const NO_MESSAGE: IncomingMessage = {
  id: 0n,
  caller: new Uint8Array(21),
  tag: 0n,
  fee: 0n,
  tokens: 0n,
  data: new Uint8Array(0),
};
const NO_RESULT: MessageEvent = { module: "", code: 0, index: 0, result: Uint8Array.of(0xf6) };

function rootOf(hash: Uint8Array | undefined): Uint8Array {
  return hash ?? EMPTY_HASH;
}

function executed(
  dispatcher: Dispatcher,
  request: Parameters<typeof bodyOf<"RuntimeExecuteTxBatchRequest">>[1],
): RuntimeExecuteTxBatchResponse {
  const answer = dispatcher.handle(bodyOf("RuntimeExecuteTxBatchRequest", request));
  assert(answer.type === "RuntimeExecuteTxBatchResponse", "an execution is answered as one");
  return answer.value;
}

function treeOf({ batch, txInputWriteLog }: RuntimeExecuteTxBatchResponse): Tree {
  const tree = new Tree();
  tree.applyWriteLog([...txInputWriteLog, ...batch.ioWriteLog]);
  return tree;
}
