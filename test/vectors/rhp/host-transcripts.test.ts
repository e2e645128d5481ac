import { describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { ProcessHost } from "#runtime/host/process.js";
import { queueStream } from "#runtime/host/queue-stream.js";
import { encodeFrame, FrameReader } from "#runtime/rhp/framing.js";
import {
  Body,
  type BodyValue,
  Message,
  MESSAGE_TYPE,
  RESPONSES,
  type RuntimeRequestKind,
} from "#runtime/rhp/messages/index.js";
import { KeptLog, ManualClock, settle } from "../../unit/runtime/support/world.ts";
import { hasVectors, listVectors } from "../support/vectors.ts";
import { RecordedEnvironment, renumbered } from "./support/recorded-environment.ts";
import { type Frame, sessions } from "./support/transcript.ts";

type Outcome = { readonly body?: Body; readonly error?: unknown };

const bodyHex = (body: Body): string => toHex(Body.encode(body));

/** The recorded runtime at one end, our host at the other; time stands still. */
class Play {
  /** What our host has sent. */
  private readonly requests: Message[] = [];
  readonly answers = new Map<bigint, string>();
  private readonly host: ProcessHost;
  private readonly outcomes = new Map<bigint, Promise<Outcome>>();
  /** Numbers that the recorded host gave to its requests, and those that ours gave. */
  private readonly ids = new Map<bigint, bigint>();
  private send: (bytes: Uint8Array) => void = () => undefined;
  private close: () => void = () => undefined;
  private used = 0;
  readonly counts = { requests: 0, answers: 0, given: 0 };

  constructor(frames: readonly Frame[], info: BodyValue<"RuntimeInfoRequest">) {
    this.host = new ProcessHost({
      runtimeId: info.runtimeId,
      chainContext: info.consensusChainContext,
      localConfig: info.localConfig,
      environment: new RecordedEnvironment(frames).environment,
      clock: new ManualClock(),
      log: new KeptLog(),
      launcher: { launch: async () => this.connect() },
    });
  }

  private connect() {
    const [stream, ours] = queueStream();
    const reader = new FrameReader();
    ours.open({
      data: (bytes) => reader.push(bytes).forEach((frame) => this.arrived(frame)),
      closed: () => undefined,
    });
    this.send = (message) => ours.send(encodeFrame(message));
    this.close = () => ours.close();
    return { stream, kill: () => undefined, ended: Promise.resolve() };
  }

  private arrived(frame: Uint8Array): void {
    const message = Message.decode(frame, "runtime");
    expect(toHex(Message.encode(message))).toBe(toHex(frame));
    if (message.messageType === MESSAGE_TYPE.request) this.requests.push(message);
    else this.answers.set(message.id, toHex(frame));
  }

  async start(): Promise<void> {
    void this.host.start().catch(() => undefined);
    await settle();
  }

  /** What the recorded host asked, ours is made to ask; the info request it sends by itself. */
  async hostAsks(recorded: Message): Promise<void> {
    const { type, value } = recorded.body;
    if (type !== "RuntimeInfoRequest") {
      const call = this.host.call(type as RuntimeRequestKind, value as never, 3_600_000);
      const outcome = call.then(
        (answer): Outcome => ({ body: { type: RESPONSES[type as RuntimeRequestKind][0], value: answer } as Body }),
        (error: unknown): Outcome => ({ error }),
      );
      this.outcomes.set(recorded.id, outcome);
    }
    await settle();
    const sent = this.requests[this.used++] ?? expect.unreachable(`${type} was not sent`);
    expect(bodyHex(sent.body), type).toBe(bodyHex(recorded.body));
    expect(sent.id, "numbers count from 0").toBe(BigInt(this.used - 1));
    this.ids.set(recorded.id, sent.id);
    this.counts.requests++;
  }

  /** The recorded runtime answers; what the host makes of it must be what was recorded. */
  async runtimeAnswers(recorded: Message): Promise<void> {
    const id = this.ids.get(recorded.id) ?? expect.unreachable(`answer to request ${recorded.id} of nobody`);
    this.send(renumbered(recorded, id));
    await settle();
    const outcome = this.outcomes.get(recorded.id);
    this.counts.answers++;
    if (outcome === undefined) return;
    const { body, error } = await outcome;
    if (recorded.body.type === "Error") {
      const { module, code, message } = recorded.body.value;
      expect(error).toMatchObject({ module, code, message });
    } else {
      expect(bodyHex(body ?? expect.unreachable(String(error)))).toBe(bodyHex(recorded.body));
    }
  }

  async runtimeAsks(recorded: Message): Promise<void> {
    this.send(Message.encode(recorded));
    await settle();
  }

  /** Our answer must be the recorded one, whenever it came. */
  hostAnswered(recorded: Message, hex: string): void {
    expect(this.answers.get(recorded.id), recorded.body.type).toBe(hex);
    this.counts.given++;
  }

  async end(): Promise<void> {
    await this.host.stop();
    this.close();
    await settle();
  }
}

/** Frames of one life, up to where our host can follow. */
async function play(frames: readonly Frame[], start: Frame[]): Promise<Play["counts"]> {
  const all = [...start, ...frames];
  const info = all.find(({ message }) => message?.body.type === "RuntimeInfoRequest")?.message?.body;
  if (info?.type !== "RuntimeInfoRequest") return expect.unreachable("no info request");
  const stage = new Play(frames, info.value);
  await stage.start();
  const late: { message: Message; hex: string }[] = [];
  const known = new Set<bigint>();
  for (const { dir, hex, message } of all) {
    if (message === undefined) return expect.unreachable(`unreadable frame ${hex}`);
    const asks = message.messageType === MESSAGE_TYPE.request;
    if (dir === "host->runtime" && asks) {
      known.add(message.id);
      await stage.hostAsks(message);
    } else if (dir === "runtime->host" && !asks) {
      // An excerpt may begin with the answer to a request before it.
      if (known.has(message.id)) await stage.runtimeAnswers(message);
    } else if (asks) await stage.runtimeAsks(message);
    else late.push({ message, hex });
  }
  // The recorded host answered later than ours in many places, never earlier than it was asked.
  for (const { message, hex } of late) stage.hostAnswered(message, hex);
  await stage.end();
  return stage.counts;
}

const isInfo = ({ message }: Frame): boolean => message?.body.type.startsWith("RuntimeInfo") === true;

/** How a runtime is introduced where a recording lacks the beginning. */
function introduction(file: string): Frame[] {
  const own = [...sessions(file).values()].flat().filter(isInfo);
  return (own.length > 0 ? own : [...sessions("rhp/kv-client.jsonl.gz").values()].flat().filter(isInfo)).slice(0, 2);
}

const transcripts = listVectors("rhp").filter((file) => file.endsWith(".jsonl.gz") && !file.includes("probes"));

describe.skipIf(!hasVectors)("our host with recorded runtimes", () => {
  for (const file of transcripts) {
    test(`sends and answers in ${file} what the reference's host did, byte for byte`, async () => {
      const lives = [...sessions(file)];
      for (const [name, frames] of lives) {
        const start = frames.some(isInfo) ? [] : introduction(file);
        const { requests, answers, given } = await play(frames, start);
        process.stderr.write(
          `${file} ${name}: ${requests} requests, ${answers} answers read, ${given} answers given\n`,
        );
        expect(requests).toBeGreaterThan(0);
      }
    });
  }
});
