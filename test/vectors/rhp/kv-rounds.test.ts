import { keyValue } from "@qanat/example-kv";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { MemorySigner, TEST_KEYS_POLICY, verify } from "#common/crypto/signature.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { COMPUTE_RESULTS_CONTEXT, ComputeResultsHeader } from "#consensus/services/roothash/types.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { Call, Dispatcher } from "#runtime/kit/index.js";
import { errorBody } from "#runtime/rhp/connection.js";
import { type Body, Message, MESSAGE_TYPE } from "#runtime/rhp/messages/index.js";
import { hasVectors, listVectors, vectorLines, vectors } from "../support/vectors.ts";

const SUPPORTED = new Set(["insert", "get", "remove", "get_runtime_id"]);
const ANY_KEY = { policy: TEST_KEYS_POLICY };
const ROUNDS = "rhp/runtime_rounds.json";

interface Line {
  raw?: string;
  dir?: "host->runtime" | "runtime->host";
  case?: string;
  start?: number;
  decoded?: { id: number; kind: string };
}

interface Rounds {
  rounds: {
    header: { state_root: string };
    execution?: { state_write_log: [string, string | null][]; results_header: { state_root: string } };
  }[];
}

/** Every state that the recorded write logs lead to, by root. */
class States {
  private readonly trees = new Map<string, Tree>([[toHex(EMPTY_HASH), new Tree()]]);

  add(before: string, log: WriteLog, after: string): void {
    const tree = this.trees.get(before)?.fork();
    if (tree === undefined) return;
    tree.applyWriteLog(log);
    expect(toHex(tree.rootHash())).toBe(after);
    this.trees.set(after, tree);
  }

  has(root: string): boolean {
    return this.trees.has(root);
  }

  open(root: Uint8Array): Tree {
    const tree = this.trees.get(toHex(root));
    if (tree === undefined) throw new Fault(`no state ${toHex(root)}`);
    return tree.fork();
  }
}

function addRecordedRounds(states: States): void {
  const { rounds } = vectors<Rounds>(ROUNDS);
  rounds.forEach(({ header, execution }, i) => {
    const before = rounds[i - 1]?.header.state_root;
    if (execution === undefined || before === undefined) return;
    const log = execution.state_write_log.map(([k, v]) => [fromHex(k), v === null ? null : fromHex(v)] as const);
    states.add(before, log, header.state_root);
  });
}

interface Exchange {
  readonly request: Message;
  readonly response: Message;
  readonly responseHex: string;
}

/** Per life of the runtime: the requests of the host that were answered, in the order in which they were sent. */
function sessions(file: string): Exchange[][] {
  const found = new Map<string, { request: Message; answer?: { response: Message; responseHex: string } }[]>();
  for (const line of vectorLines<Line>(file)) {
    const message = line.raw === undefined ? undefined : tryDecode(line);
    if (message === undefined) continue;
    const name = `${line.case} ${line.start}`;
    const session = found.get(name) ?? [];
    found.set(name, session);
    if (line.dir === "host->runtime" && message.messageType === MESSAGE_TYPE.request)
      session.push({ request: message });
    if (line.dir !== "runtime->host" || message.messageType !== MESSAGE_TYPE.response) continue;
    const open = session.find((entry) => entry.answer === undefined && entry.request.id === message.id);
    if (open !== undefined) open.answer = { response: message, responseHex: line.raw ?? "" };
  }
  return [...found.values()].map((session) =>
    session.flatMap(({ request, answer }) => (answer === undefined ? [] : [{ request, ...answer }])),
  );
}

function tryDecode(line: Line): Message | undefined {
  try {
    return Message.decode(fromHex(line.raw ?? ""), line.dir === "runtime->host" ? "rpc" : "runtime");
  } catch {
    return undefined;
  }
}

function addExecutions(states: States, all: readonly Exchange[]): void {
  for (const { request, response } of all) {
    if (request.body.type !== "RuntimeExecuteTxBatchRequest") continue;
    if (response.body.type !== "RuntimeExecuteTxBatchResponse") continue;
    const { header, stateWriteLog } = response.body.value.batch;
    if (header.stateRoot === undefined) continue;
    states.add(toHex(request.body.value.block.header.stateRoot), stateWriteLog, toHex(header.stateRoot));
  }
}

function methodOf(transaction: Uint8Array): string {
  try {
    return Call.decode(transaction, "runtime").method;
  } catch {
    return "malformed";
  }
}

function unsupported(transactions: readonly Uint8Array[]): string[] {
  return transactions.map(methodOf).filter((method) => !SUPPORTED.has(method));
}

/** Why an exchange cannot be compared; undefined when it can. */
function whyNot(body: Body, response: Body, states: States): string | undefined {
  switch (body.type) {
    case "RuntimeExecuteTxBatchRequest": {
      const { block, inputs, inMsgs, roundResults } = body.value;
      if ((roundResults?.messages.length ?? 0) > 0) return "it begins with results of messages";
      const methods = unsupported([...(inputs ?? []), ...inMsgs.map((message) => message.data)]);
      const foreign = methods.filter((method) => method !== "malformed" || inMsgs.length === 0);
      if (foreign.length > 0) return `it calls ${foreign.join(", ")}`;
      return states.has(toHex(block.header.stateRoot)) ? undefined : "its state is not recorded";
    }
    case "RuntimeCheckTxBatchRequest": {
      const foreign = unsupported(body.value.inputs ?? []);
      if (foreign.length > 0) return `it checks ${foreign.join(", ")}`;
      return states.has(toHex(body.value.block.header.stateRoot)) ? undefined : "its state is not recorded";
    }
    case "RuntimeQueryRequest":
      if (response.type === "Error" && response.value.module === "verifier") return "it needs a verifier";
      if (body.value.method === "enc_get") return "it queries enc_get";
      return states.has(toHex(body.value.header.stateRoot)) ? undefined : "its state is not recorded";
    case "RuntimeInfoRequest":
    case "RuntimePingRequest":
    case "RuntimeConsensusSyncRequest":
    case "RuntimeNotifyRequest":
      return response.type === "Error" && response.value.module === "verifier" ? "it needs a verifier" : undefined;
    case "RuntimeKeyManagerStatusUpdateRequest":
    case "RuntimeKeyManagerQuotePolicyUpdateRequest":
      return response.type === "Error" ? "it needs a verifier" : undefined;
    case "RuntimeAbortRequest":
      return "we have nothing left to abort, so we say that it worked";
    default:
      return /^Runtime(RPC|LocalRPC|Capability)/.test(body.type) ? "enclave calls and attestation" : undefined;
  }
}

function answer(dispatcher: Dispatcher, request: Body): Body {
  try {
    return dispatcher.handle(request);
  } catch (error) {
    if (error instanceof CodedError) return errorBody(error);
    throw error;
  }
}

const transcripts = listVectors("rhp").filter((file) => /\/kv-.*\.jsonl\.gz$/.test(file));

describe.skipIf(!hasVectors)("the example runtime against what the reference's test runtime answered", () => {
  for (const file of transcripts) {
    test(`answers every request of ${file} that only uses its methods with the same bytes`, () => {
      const states = new States();
      addRecordedRounds(states);
      const all = sessions(file);
      addExecutions(states, all.flat());
      const tally = { compared: new Map<string, number>(), skipped: [] as string[] };
      for (const session of all) {
        const dispatcher = new Dispatcher(keyValue, { openTree: (root) => states.open(root.hash) });
        // A transcript that only has the end of a life has its beginning in the life after it.
        const info = all.flat().find(({ request }) => request.body.type === "RuntimeInfoRequest");
        const hasInfo = session.some(({ request }) => request.body.type === "RuntimeInfoRequest");
        if (!hasInfo && info !== undefined) dispatcher.handle(info.request.body);
        for (const { request, response, responseHex } of session) {
          const why = whyNot(request.body, response.body, states);
          if (why !== undefined) {
            tally.skipped.push(`${describeRequest(request.body)}: ${why}`);
            continue;
          }
          const body = withForeignSignature(answer(dispatcher, request.body), response.body);
          const encoded = Message.encode({ id: response.id, messageType: MESSAGE_TYPE.response, body });
          expect(toHex(encoded), describeRequest(request.body)).toBe(responseHex);
          tally.compared.set(request.body.type, (tally.compared.get(request.body.type) ?? 0) + 1);
        }
      }
      const compared = [...tally.compared].map(([kind, n]) => `${kind} ${n}`).join(", ");
      process.stderr.write(`${file}: same bytes: ${compared || "none"}\n`);
      for (const line of tally.skipped) process.stderr.write(`  skipped ${line}\n`);
    });
  }
});

function describeRequest(body: Body): string {
  if (body.type === "RuntimeExecuteTxBatchRequest") {
    return `round ${body.value.block.header.round + 1n} ${body.value.mode === 1 ? "schedule" : "execute"}`;
  }
  if (body.type === "RuntimeCheckTxBatchRequest") return `check at round ${body.value.block.header.round}`;
  return body.type === "RuntimeQueryRequest" ? `query at round ${body.value.header.round}` : body.type;
}

/** A runtime in a trusted execution environment signs with a key of its own, which only it has. */
function withForeignSignature(ours: Body, recorded: Body): Body {
  if (ours.type !== "RuntimeExecuteTxBatchResponse" || recorded.type !== ours.type) return ours;
  const { header, rakSig } = recorded.value.batch;
  const insecure = MemorySigner.fromTestName("ekiden test key manager RAK seed").publicKey;
  if (verify(insecure, COMPUTE_RESULTS_CONTEXT, ComputeResultsHeader.encode(header), rakSig, ANY_KEY)) return ours;
  return { ...ours, value: { ...ours.value, batch: { ...ours.value.batch, rakSig } } };
}
