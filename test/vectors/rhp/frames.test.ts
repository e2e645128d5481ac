import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import type { Mode } from "#common/schema/index.js";
import { FrameReader } from "#runtime/rhp/framing.js";
import { Message, MESSAGE_TYPE } from "#runtime/rhp/messages/index.js";
import { describeVectors, listVectors, vectorLines } from "../support/vectors.ts";

interface Line {
  n: number;
  case?: string;
  dir?: "host->runtime" | "runtime->host";
  raw?: string;
  decoded?: { id: number | string; type: "request" | "response"; kind: string };
}

/** The host reads leniently what runtimes write, a runtime reads strictly what its host writes. */
const MODES: Record<NonNullable<Line["dir"]>, Mode> = { "runtime->host": "rpc", "host->runtime": "runtime" };

/** Whatever is wrong with a frame, as text; undefined when it decodes as recorded and encodes to the same bytes. */
function problem(line: Line): string | undefined {
  const raw = fromHex(line.raw ?? "");
  try {
    const message = Message.decode(raw, MODES[line.dir ?? "host->runtime"]);
    if (message.body.type !== line.decoded?.kind) return `kind ${message.body.type}`;
    if (message.messageType !== MESSAGE_TYPE[line.decoded.type]) return `type ${message.messageType}`;
    return toHex(Message.encode(message)) === line.raw ? undefined : `bytes ${toHex(Message.encode(message))}`;
  } catch (error) {
    return String(error);
  }
}

const transcripts = listVectors("rhp").filter((file) => file.endsWith(".jsonl.gz"));

describe("transcripts of Go hosts with Rust runtimes", () => {
  for (const file of transcripts.filter((name) => !name.includes("probes"))) {
    test(`every frame of ${file} decodes and encodes to the same bytes`, () => {
      const frames = vectorLines<Line>(file).filter((line) => line.raw !== undefined);
      expect(frames.length).toBeGreaterThan(20);
      const wrong = frames.map((line) => ({ line, why: problem(line) })).filter(({ why }) => why !== undefined);
      expect(wrong.slice(0, 3)).toEqual([]);
    });
  }

  for (const file of transcripts.filter((name) => name.includes("probes"))) {
    test(`probes of ${file}: frames of the runtime encode to the same bytes`, () => {
      const frames = vectorLines<Line>(file).filter((line) => line.dir === "runtime->host" && line.raw !== undefined);
      expect(frames.map((line) => problem(line)).filter((why) => why !== undefined)).toEqual([]);
    });

    test(`probes of ${file}: every request that we refuse was left without an answer by the runtime`, () => {
      const lines = vectorLines<Line>(file).filter((line) => line.raw !== undefined);
      const answered = new Set(lines.filter((line) => line.dir === "runtime->host").map(key));
      const requests = lines.filter((line) => line.dir === "host->runtime");
      const refused = requests.filter((line) => decodes(line) === undefined);
      expect(refused.length).toBeGreaterThan(10);
      expect(refused.filter((line) => line.decoded !== undefined && answered.has(key(line)))).toEqual([]);
    });

    test(`probes of ${file}: every request that we accept encodes to a fixed form`, () => {
      // The probing host writes members that a Go host leaves out when they are empty, so the bytes may differ once.
      for (const line of vectorLines<Line>(file)) {
        const message = line.dir === "host->runtime" ? decodes(line) : undefined;
        if (message === undefined) continue;
        const encoded = Message.encode(message);
        expect(Message.encode(Message.decode(encoded, "runtime"))).toEqual(encoded);
      }
    });
  }
});

/** Identifies a request and its answer within one session. */
function key(line: Line): string {
  return `${line.case} ${line.decoded?.id} ${line.decoded?.type === "response" || line.dir === "host->runtime"}`;
}

function decodes(line: Line): Message | undefined {
  try {
    return Message.decode(fromHex(line.raw ?? ""), "runtime");
  } catch {
    return undefined;
  }
}

interface FrameVectors {
  host_to_runtime: [string, string][];
  runtime_to_host: [string, string][];
}

describeVectors<FrameVectors>("runtime/rhp_frames.json", (data) => {
  const cases = [
    ...data.host_to_runtime.map(([name, frame]) => ({ name, frame, mode: "runtime" as const })),
    ...data.runtime_to_host.map(([name, frame]) => ({ name, frame, mode: "rpc" as const })),
  ];
  test("every frame decodes and encodes to the same bytes", () => {
    for (const { name, frame, mode } of cases) {
      const [payload, ...more] = new FrameReader().push(fromHex(frame));
      expect(more).toEqual([]);
      const message = Message.decode(payload ?? new Uint8Array(0), mode);
      expect(toHex(Message.encode(message)), name).toBe(frame.slice(8));
    }
  });
});
