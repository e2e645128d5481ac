import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { MemorySigner, TEST_KEYS_POLICY, verify } from "#common/crypto/signature.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { COMPUTE_RESULTS_CONTEXT, ComputeResultsHeader } from "#consensus/services/roothash/types.js";
import { Call } from "#runtime/kit/index.js";
import type { HostChannel } from "#runtime/kit/host-calls.js";
import { serve } from "#runtime/kit/serve.js";
import { errorBody } from "#runtime/rhp/connection.js";
import {
  Body,
  bodyOf,
  type HostStorageSyncRequest,
  Message,
  MESSAGE_TYPE,
  STORAGE_ENDPOINT,
} from "#runtime/rhp/messages/index.js";
import { lightBlock } from "../../unit/runtime/support/light-block.ts";
import { hasVectors, listVectors, vectors } from "../support/vectors.ts";
import { ProvingStates } from "./support/proving-states.ts";
import { NOT_EXECUTED, simpleKeyValue } from "./support/simple-key-value.ts";
import { type Exchange, exchangesOf, type Frame, sessions } from "./support/transcript.ts";

const ANY_KEY = { policy: TEST_KEYS_POLICY };
const ROUNDS = "rhp/runtime_rounds.json";

interface Rounds {
  rounds: { header: { state_root: string }; execution?: { state_write_log: [string, string | null][] } }[];
}

function addRecordedRounds(states: ProvingStates): void {
  const { rounds } = vectors<Rounds>(ROUNDS);
  rounds.forEach(({ header, execution }, i) => {
    const before = rounds[i - 1]?.header.state_root;
    if (execution === undefined || before === undefined) return;
    const log = execution.state_write_log.map(([k, v]) => [fromHex(k), v === null ? null : fromHex(v)] as const);
    expect(states.add(before, log)).toBe(header.state_root);
  });
}

function addExecutions(states: ProvingStates, all: readonly Exchange[]): void {
  for (const { request, answer } of all) {
    if (request?.body.type !== "RuntimeExecuteTxBatchRequest") continue;
    if (answer?.message.body.type !== "RuntimeExecuteTxBatchResponse") continue;
    const { header, stateWriteLog } = answer.message.body.value.batch;
    if (header.stateRoot === undefined) continue;
    const root = states.add(toHex(request.body.value.block.header.stateRoot), stateWriteLog);
    expect(root ?? toHex(header.stateRoot)).toBe(toHex(header.stateRoot));
  }
}

function methodOf(transaction: Uint8Array): string {
  try {
    return Call.decode(transaction, "runtime").method;
  } catch {
    return "malformed";
  }
}

function foreign(transactions: readonly Uint8Array[]): string[] {
  return transactions.map(methodOf).filter((method) => NOT_EXECUTED.has(method) || method === "malformed");
}

/** Why an exchange cannot be compared; undefined when it can. */
function whyNot(body: Body, response: Body | undefined, states: ProvingStates): string | undefined {
  switch (body.type) {
    case "RuntimeExecuteTxBatchRequest": {
      const { block, inputs, inMsgs } = body.value;
      const methods = foreign([...(inputs ?? []), ...inMsgs.map((message) => message.data)]);
      const missing = methods.filter((method) => method !== "malformed" || inMsgs.length === 0);
      if (missing.length > 0) return `it calls ${missing.join(", ")}`;
      if (!states.has(toHex(block.header.stateRoot))) return "its state is not recorded";
      return response === undefined ? "it was never answered" : undefined;
    }
    case "RuntimeCheckTxBatchRequest": {
      // The reference fails the whole batch, which blocks what is queued behind it; we fail the one transaction.
      if (foreign(body.value.inputs ?? []).includes("malformed")) return "one transaction of it is malformed";
      if (!states.has(toHex(body.value.block.header.stateRoot))) return "its state is not recorded";
      return response === undefined ? "it was never answered" : undefined;
    }
    case "RuntimeQueryRequest":
      if (body.value.method === "enc_get") return "it queries enc_get";
      if (response === undefined) return "it ended the runtime";
      return states.has(toHex(body.value.header.stateRoot)) ? undefined : "its state is not recorded";
    case "RuntimeConsensusSyncRequest":
      return response === undefined ? "the runtime was stopped before it answered" : undefined;
    case "RuntimeKeyManagerStatusUpdateRequest":
    case "RuntimeKeyManagerQuotePolicyUpdateRequest":
      return response?.type === "Error" ? undefined : "the state of the consensus layer is recorded in part only";
    case "RuntimeCapabilityTEERakInitRequest":
      return undefined;
    default:
      return body.type.startsWith("RuntimeCapability") ? "attestation" : undefined;
  }
}

/** Plays the host: gives recorded requests one after the other and answers what the runtime asks about its state. */
class RecordedHost implements HostChannel {
  /** What the runtime answered. */
  readonly answers: Message[] = [];
  private readonly replies: Uint8Array[] = [];
  private next = 0;

  constructor(
    private readonly requests: readonly Uint8Array[],
    private readonly states: ProvingStates,
    private readonly recorded: RecordedAnswers,
  ) {}

  receive(): Uint8Array | undefined {
    const reply = this.replies.shift();
    if (reply !== undefined) return reply;
    return this.requests[this.next++];
  }

  send(bytes: Uint8Array): void {
    const message = Message.decode(bytes, "rpc");
    expect(toHex(Message.encode(message))).toBe(toHex(bytes));
    if (message.messageType === MESSAGE_TYPE.response) this.answers.push(message);
    else this.reply(message);
  }

  private reply({ id, body }: Message): void {
    const ofRuntime = body.type === "HostStorageSyncRequest" && body.value.endpoint === STORAGE_ENDPOINT.runtime;
    const answer = ofRuntime ? this.prove(body.value) : this.recorded.answer(body);
    this.replies.push(Message.encode({ id, messageType: MESSAGE_TYPE.response, body: answer }));
  }

  private prove({ syncGet, syncIterate }: HostStorageSyncRequest): Body {
    try {
      const proofResponse =
        syncGet === undefined
          ? this.states.syncIterate(syncIterate ?? expect.unreachable("no request"))
          : this.states.syncGet(syncGet);
      return bodyOf("HostStorageSyncResponse", { proofResponse });
    } catch (error) {
      if (error instanceof CodedError) return errorBody(error);
      throw error;
    }
  }
}

/** What the recorded host answered about the consensus layer, by the bytes of the request. */
class RecordedAnswers {
  private readonly answers = new Map<string, Body>();

  constructor(frames: readonly Frame[]) {
    const asked = new Map<bigint, string>();
    for (const { dir, message } of frames) {
      if (message === undefined) continue;
      const { id, body, messageType } = message;
      if (dir === "runtime->host" && messageType === MESSAGE_TYPE.request) asked.set(id, toHex(Body.encode(body)));
      const request = asked.get(id);
      if (dir === "host->runtime" && messageType === MESSAGE_TYPE.response && request !== undefined) {
        this.answers.set(request, body);
      }
    }
  }

  /** The recorded answer; any block of a height that the recorded runtime had no need to ask for. */
  answer(request: Body): Body {
    const recorded = this.answers.get(toHex(Body.encode(request)));
    if (recorded !== undefined) return recorded;
    if (request.type !== "HostFetchConsensusBlockRequest") return expect.unreachable(`asks for ${request.type}`);
    return bodyOf("HostFetchConsensusBlockResponse", { block: lightBlock(request.value.height) });
  }
}

const transcripts = listVectors("rhp").filter((file) => /\/kv-.*\.jsonl\.gz$/.test(file));

describe.skipIf(!hasVectors)("our runtime against what the reference's test runtime answered", () => {
  for (const file of transcripts) {
    test(`answers every request of ${file} that only uses its methods with the same bytes`, () => {
      const states = new ProvingStates();
      addRecordedRounds(states);
      const all = [...sessions(file)].map(([name, frames]) => ({
        name,
        exchanges: exchangesOf(frames),
        recorded: new RecordedAnswers(frames),
      }));
      addExecutions(
        states,
        all.flatMap(({ exchanges }) => exchanges),
      );
      const tally = { compared: new Map<string, number>(), skipped: [] as string[] };
      for (const { name, exchanges, recorded } of all)
        play(withInfo(exchanges, all), { states, recorded }, name, tally);
      const compared = [...tally.compared].map(([kind, n]) => `${kind} ${n}`).join(", ");
      process.stderr.write(`${file}: same bytes: ${compared || "none"}\n`);
      for (const line of tally.skipped) process.stderr.write(`  skipped ${line}\n`);
      // One recording is an excerpt of checks that the reference fails as a whole.
      if (!file.includes("failing-check")) expect(tally.compared.size).toBeGreaterThan(0);
    });
  }
});

/** Sessions in which the recorded runtime ended its process, and what ours does with the same request. */
const ENDS = {
  // Whoever proposes a batch must not be able to end the runtimes of all that execute it.
  "exec-execute-wrong-io-root": ["dispatcher", 1, "I/O root inconsistent with inputs"],
  "exec-state-unavailable": ["storage/mkvs/db", 1, "no such state was recorded"],
  // Anybody may send a query.
  "exec-query-panic": ["test", 1, "malformed call arguments"],
  rakreport: ["rhp/dispatcher", 1, "method not supported"],
  "exec-unexpected-message-result": "ends",
} as const;

describe.skipIf(!hasVectors)("our runtime where the recorded one ended its process", () => {
  for (const [name, outcome] of Object.entries(ENDS)) {
    test(`${outcome === "ends" ? "ends, too" : "answers"}: ${name}`, () => {
      const frames = sessions("rhp/kv-host-probes.jsonl.gz").get(name) ?? expect.unreachable(name);
      const exchanges = exchangesOf(frames);
      const fatal = exchanges.findIndex(({ answer }) => answer === undefined);
      const requests = exchanges.slice(0, fatal + 1).map(({ hex }) => fromHex(hex));
      const host = new RecordedHost(requests, new ProvingStates(), new RecordedAnswers(frames));
      const run = (): void => serve(simpleKeyValue, host, () => undefined);
      if (outcome === "ends") return expect(run).toThrow(Fault);
      run();
      const [module, code, message] = outcome;
      expect(host.answers.at(-1)?.body).toEqual(bodyOf("Error", { module, code, message }));
    });
  }
});

/** A transcript that only has the end of a life has its beginning in the life after it. */
function withInfo(exchanges: Exchange[], all: readonly { exchanges: Exchange[] }[]): Exchange[] {
  const isInfo = ({ request }: Exchange): boolean => request?.body.type === "RuntimeInfoRequest";
  if (exchanges.some(isInfo)) return exchanges;
  const info = all.flatMap((session) => session.exchanges).find(isInfo);
  return info === undefined ? exchanges : [info, ...exchanges];
}

/** Has a new instance of our runtime answer what can be compared, and compares. */
function play(
  exchanges: readonly Exchange[],
  { states, recorded }: { readonly states: ProvingStates; readonly recorded: RecordedAnswers },
  name: string,
  tally: { compared: Map<string, number>; skipped: string[] },
): void {
  // A frame that announces more than 32 MiB ends the connection; what arrives here is messages.
  let ended = name === "toolarge";
  const played = exchanges.filter(({ request, answer }) => {
    if (request === undefined) return true;
    const reason = whyNot(request.body, answer?.message.body, states);
    const why = ended && answer === undefined ? "the runtime had ended" : reason;
    ended ||= reason !== undefined && answer === undefined;
    if (why !== undefined) tally.skipped.push(`${name}: ${describeRequest(request.body)}: ${why}`);
    return why === undefined;
  });
  const host = new RecordedHost(
    played.map(({ hex }) => fromHex(hex)),
    states,
    recorded,
  );
  serve(simpleKeyValue, host, () => undefined);
  const { answers } = host;
  played.forEach(({ request, answer, hex }, i) => {
    const [ours] = answers.filter(({ id }) => id === request?.id).slice(before(played, i));
    const what = `${name}: ${request === undefined ? hex : describeRequest(request.body)}`;
    if (answer === undefined) {
      expect(ours, what).toBeUndefined();
      tally.compared.set("not answered", (tally.compared.get("not answered") ?? 0) + 1);
      return;
    }
    if (ours === undefined) throw new Fault(`${what} was not answered`);
    const body = withForeignSignature(ours.body, answer.message.body);
    expect(toHex(Message.encode({ ...ours, body })), what).toBe(answer.hex);
    const kind = request?.body.type ?? "none";
    tally.compared.set(kind, (tally.compared.get(kind) ?? 0) + 1);
  });
}

/** How often a number was used and answered before: numbers may be used again. */
function before(played: readonly Exchange[], at: number): number {
  const id = played[at]?.request?.id;
  return played.slice(0, at).filter(({ request, answer }) => answer !== undefined && request?.id === id).length;
}

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
