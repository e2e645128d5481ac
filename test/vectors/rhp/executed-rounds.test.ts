import { expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { ComputeResultsHeader, Header, IncomingMessage, RoundResults } from "#consensus/services/roothash/types.js";
import { Tree } from "#mkvs/tree/tree.js";
import { Call, Dispatcher } from "#runtime/kit/index.js";
import { type Body, bodyOf, EXECUTION_MODE, type RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { IoTree } from "#runtime/transaction/io-tree.js";
import { lightBlock } from "../../unit/runtime/support/light-block.ts";
import { describeVectors } from "../support/vectors.ts";
import { simpleKeyValue } from "./support/simple-key-value.ts";

type Log = [string, string | null][];

interface Execution {
  epoch: number;
  consensus_height_of_input: number;
  max_messages: number;
  round_results_cbor: string;
  in_msgs: { id: number; caller: string; tag: number; fee?: string; tokens?: string; data?: string }[];
  scheduler_inputs: string[] | null;
  inputs_in_batch_order: string[];
  tx_hashes: string[];
  tx_reject_hashes: string[];
  tx_input_root: string;
  state_write_log: Log;
  io_write_log: Log;
}

interface Round {
  round: number;
  header_cbor: string;
  header: { state_root: string; io_root: string; messages_hash: string; in_msgs_hash: string };
  transactions: { tx: string; result: string; events: { key: string; value: string }[] }[];
  execution?: Execution;
}

/** Rounds after it use the key manager. */
const LAST_ROUND = 41;
/** Its result is read from the consensus layer's state, which a recording of rounds does not have. */
const CONSENSUS_READER = "consensus_accounts";

function hexLog(log: readonly (readonly [Uint8Array, Uint8Array | null])[]): Log {
  return log.map(([key, value]) => [toHex(key), value === null ? null : toHex(value)]);
}

function methodOf(transaction: string): string {
  return Call.decode(fromHex(transaction), "runtime").method;
}

function incomingMessage({ id, caller, tag, data = "" }: Execution["in_msgs"][number]): IncomingMessage {
  const of = (hex: string): Uint8Array => fromHex(unprefixed(hex));
  return { ...IncomingMessage.zero(), id: BigInt(id), caller: of(caller), tag: BigInt(tag), data: of(data) };
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

  rounds.forEach((round, i) => {
    const { execution } = round;
    const before = rounds[i - 1];
    if (execution === undefined || before === undefined || round.round > LAST_ROUND) return;
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
      const tree = (states.get(toHex(Header.decode(fromHex(before.header_cbor)).stateRoot)) as Tree).fork();
      tree.applyWriteLog(batch.stateWriteLog);
      expect(tree.rootHash()).toEqual(header.stateRoot);
      states.set(toHex(tree.rootHash()), tree);

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
      expect(ComputeResultsHeader.encode(header)).toBeInstanceOf(Uint8Array);
    });
  });
});
