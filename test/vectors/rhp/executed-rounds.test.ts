import { decode } from "cborg";
import { expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import {
  ComputeResultsHeader,
  Header,
  headerHash,
  IncomingMessage,
  Message,
  RoundResults,
} from "#consensus/services/roothash/types.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { Call, Dispatcher } from "#runtime/kit/index.js";
import { type Body, bodyOf, EXECUTION_MODE, type RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { IoTree } from "#runtime/transaction/io-tree.js";
import { lightBlock } from "../../unit/runtime/support/light-block.ts";
import { describeVectors } from "../support/vectors.ts";
import { NOT_EXECUTED, simpleKeyValue } from "./support/simple-key-value.ts";

type Log = [string, string | null][];

interface Execution {
  epoch: number;
  consensus_height_of_input: number;
  max_messages: number;
  round_results_cbor: string;
  in_msgs: { id: number; caller: string; tag?: number; fee?: string; tokens?: string; data?: string }[];
  scheduler_inputs: string[] | null;
  inputs_in_batch_order: string[];
  tx_hashes: string[];
  tx_reject_hashes: string[];
  tx_input_root: string;
  results_header: Record<string, string | number>;
  messages: unknown[];
  state_write_log: Log;
  io_write_log: Log;
}

interface Round {
  round: number;
  header_cbor: string;
  header_hash: string;
  round_results_cbor: string;
  incoming_message_queue_cbor?: string[];
  header: { state_root: string; io_root: string; messages_hash: string; in_msgs_hash: string };
  transactions: { tx: string; result: string; events: { key: string; value: string }[] }[];
  execution?: Execution;
}

/** Its result is read from the consensus layer's state, which a recording of rounds does not have. */
const CONSENSUS_READER = "consensus_accounts";

function hexLog(log: readonly (readonly [Uint8Array, Uint8Array | null])[]): Log {
  return log.map(([key, value]) => [toHex(key), value === null ? null : toHex(value)]);
}

function methodOf(transaction: string): string {
  return Call.decode(fromHex(transaction), "runtime").method;
}

function incomingMessage({ id, caller, tag, fee, tokens, data = "" }: Execution["in_msgs"][number]): IncomingMessage {
  const of = (hex: string): Uint8Array => fromHex(unprefixed(hex));
  const quantity = (hex = ""): bigint => BigInt(`0x0${unprefixed(hex)}`);
  const value = { fee: quantity(fee), tokens: quantity(tokens), tag: BigInt(tag ?? 0) };
  return { id: BigInt(id), caller: of(caller), data: of(data), ...value };
}

/** What the recording writes for decoded CBOR: bytes in hexadecimal, all else as it is. */
function worded(value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${toHex(value)}`;
  if (Array.isArray(value)) return value.map(worded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, worded(member)]));
}

/** Whether the key manager is needed to execute a round, which a recording of rounds does not have. */
function needsKeyManager({ inputs_in_batch_order, scheduler_inputs, in_msgs }: Execution): boolean {
  const calls = [...inputs_in_batch_order, ...(scheduler_inputs ?? []), ...in_msgs.map(({ data = "" }) => data)];
  return calls.some((call) => isCallOf(call, (method) => NOT_EXECUTED.has(method) && method !== CONSENSUS_READER));
}

function isCallOf(transaction: string, wanted: (method: string) => boolean): boolean {
  try {
    return wanted(methodOf(unprefixed(transaction)));
  } catch {
    // Anybody may send anything to a runtime.
    return false;
  }
}

const unprefixed = (hex: string): string => hex.replace(/^0x/, "");

describeVectors<{ runtime_id: string; rounds: Round[] }>("rhp/runtime_rounds.json", ({ runtime_id, rounds }) => {
  const states = new Map<string, Tree>([[toHex(EMPTY_HASH), new Tree()]]);

  /** Has a new instance of the runtime carry out a recorded execution. */
  function execute(before: Round, execution: Execution, mode: number): RuntimeExecuteTxBatchResponse {
    const dispatcher = new Dispatcher(simpleKeyValue, {
      openTree: ({ hash }) => (states.get(toHex(hash)) ?? expect.unreachable(`no state ${toHex(hash)}`)).fork(),
    });
    const info = bodyOf("RuntimeInfoRequest", {
      runtimeId: fromHex(unprefixed(runtime_id)),
      consensusBackend: "tendermint",
      consensusProtocolVersion: { major: 7, minor: 0, patch: 0 },
      consensusChainContext: "",
    });
    dispatcher.handle(info);
    const scheduling = mode === EXECUTION_MODE.schedule;
    const inputs = scheduling ? (execution.scheduler_inputs ?? []) : execution.inputs_in_batch_order;
    const request: Body = bodyOf("RuntimeExecuteTxBatchRequest", {
      mode,
      consensusBlock: lightBlock(BigInt(execution.consensus_height_of_input)),
      roundResults: RoundResults.decode(fromHex(execution.round_results_cbor)),
      ioRoot: scheduling ? new Uint8Array(32) : fromHex(execution.tx_input_root),
      inputs: inputs.map((input) => fromHex(unprefixed(input))),
      inMsgs: execution.in_msgs.map(incomingMessage),
      block: { header: Header.decode(fromHex(before.header_cbor)) },
      epoch: BigInt(execution.epoch),
      maxMessages: execution.max_messages,
    });
    const answer = dispatcher.handle(request);
    return answer.type === "RuntimeExecuteTxBatchResponse" ? answer.value : expect.unreachable(answer.type);
  }

  /** Outputs and events of the transactions, as RuntimeClient would return them. */
  function transactionsOf(batch: RuntimeExecuteTxBatchResponse): Round["transactions"] {
    const io = new Tree();
    io.applyWriteLog([...batch.txInputWriteLog, ...batch.batch.ioWriteLog]);
    const tree = new IoTree(io);
    const sorted = (tags: readonly { key: Uint8Array; value: Uint8Array }[]): { key: string; value: string }[] =>
      tags.map(({ key, value }) => ({ key: toHex(key), value: toHex(value) })).sort((a, b) => (a.key < b.key ? -1 : 1));
    return tree.transactions().map((tx) => ({
      tx: toHex(tx.input),
      result: toHex(tx.output ?? new Uint8Array(0)),
      events: sorted(tree.tags().filter((tag) => toHex(tag.txHash) === toHex(tx.hash))),
    }));
  }

  /** Keeps the state that a write log leads to. Returns its root. */
  function advance(before: Round, log: WriteLog): string {
    const tree = (states.get(toHex(Header.decode(fromHex(before.header_cbor)).stateRoot)) as Tree).fork();
    tree.applyWriteLog(log);
    const root = toHex(tree.rootHash());
    states.set(root, tree);
    return root;
  }

  test("headers, round results and queues come back from their bytes and have the recorded names", () => {
    for (const round of rounds) {
      const header = Header.decode(fromHex(round.header_cbor));
      expect(toHex(Header.encode(header))).toBe(round.header_cbor);
      expect(toHex(headerHash(header))).toBe(round.header_hash);
      expect([header.round, toHex(header.stateRoot), toHex(header.ioRoot)]).toEqual([
        BigInt(round.round),
        round.header.state_root,
        round.header.io_root,
      ]);
      expect(toHex(RoundResults.encode(RoundResults.decode(fromHex(round.round_results_cbor))))).toBe(
        round.round_results_cbor,
      );
      for (const queued of round.incoming_message_queue_cbor ?? []) {
        expect(toHex(IncomingMessage.encode(IncomingMessage.decode(fromHex(queued))))).toBe(queued);
      }
    }
  });

  rounds.forEach((round, i) => {
    const { execution } = round;
    const before = rounds[i - 1];
    if (execution === undefined || before === undefined) return;
    if (needsKeyManager(execution)) {
      test(`round ${round.round}: its write log leads to the next state`, () => {
        const log = execution.state_write_log.map(([k, v]) => [fromHex(k), v === null ? null : fromHex(v)] as const);
        expect(advance(before, log)).toBe(round.header.state_root);
      });
      return;
    }
    test(`round ${round.round}: ${round.transactions.map(({ tx }) => methodOf(unprefixed(tx))).join(", ") || "no transactions"}`, () => {
      const scheduled = execute(before, execution, EXECUTION_MODE.schedule);
      expect(execute(before, execution, EXECUTION_MODE.execute)).toEqual(scheduled);
      const { batch } = scheduled;
      expect(hexLog(batch.stateWriteLog)).toEqual(execution.state_write_log);
      expect(scheduled.txHashes.map(toHex)).toEqual(execution.tx_hashes.map(unprefixed));
      expect(scheduled.txRejectHashes.map(toHex)).toEqual(execution.tx_reject_hashes.map(unprefixed));
      expect(toHex(scheduled.txInputRoot)).toBe(unprefixed(execution.tx_input_root));
      const { header } = batch;
      expect(toHex(header.stateRoot ?? EMPTY_HASH)).toBe(unprefixed(round.header.state_root));
      expect(toHex(header.messagesHash ?? EMPTY_HASH)).toBe(unprefixed(round.header.messages_hash));
      expect(toHex(header.inMessagesHash ?? EMPTY_HASH)).toBe(unprefixed(round.header.in_msgs_hash));
      expect(advance(before, batch.stateWriteLog)).toBe(toHex(header.stateRoot ?? EMPTY_HASH));
      expect(batch.messages.map((message) => worded(decode(Message.encode(message))))).toEqual(execution.messages);

      const ours = transactionsOf(scheduled);
      const theirs = round.transactions.map(({ tx, result, events }) => ({
        tx: unprefixed(tx),
        result: unprefixed(result),
        events: events
          .map(({ key, value }) => ({ key: unprefixed(key), value: unprefixed(value) }))
          .sort((a, b) => (a.key < b.key ? -1 : 1)),
      }));
      const reads = theirs.some(({ tx }) => methodOf(tx) === CONSENSUS_READER);
      const blank = (list: Round["transactions"]): Round["transactions"] =>
        list.map((entry) => (methodOf(entry.tx) === CONSENSUS_READER ? { ...entry, result: "" } : entry));
      expect(blank(ours)).toEqual(blank(theirs));
      if (reads) return;
      expect(hexLog(batch.ioWriteLog)).toEqual(execution.io_write_log);
      expect(toHex(header.ioRoot ?? EMPTY_HASH)).toBe(unprefixed(round.header.io_root));
      expect(worded(decode(ComputeResultsHeader.encode(header)))).toEqual(execution.results_header);
    });
  });
});
