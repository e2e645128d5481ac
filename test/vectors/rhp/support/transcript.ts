import { fromHex } from "#common/bytes.js";
import { Message, MESSAGE_TYPE } from "#runtime/rhp/messages/index.js";
import { vectorLines } from "../../support/vectors.ts";

export interface Line {
  readonly n?: number;
  readonly event?: string;
  readonly raw?: string;
  readonly dir?: "host->runtime" | "runtime->host";
  readonly case?: string;
  readonly start?: number;
}

/** One frame; `message` is undefined when its reader refuses it. */
export interface Frame {
  readonly dir: "host->runtime" | "runtime->host";
  readonly hex: string;
  readonly message: Message | undefined;
}

/** A request of the host and what the runtime answered, if it did. */
export interface Exchange {
  readonly hex: string;
  readonly request: Message | undefined;
  answer?: { readonly message: Message; readonly hex: string };
}

function tryDecode(raw: string, dir: Frame["dir"]): Message | undefined {
  try {
    return Message.decode(fromHex(raw), dir === "runtime->host" ? "rpc" : "runtime");
  } catch {
    return undefined;
  }
}

/** The frames of each life of the runtime or case of the probes, by name. */
export function sessions(file: string): Map<string, Frame[]> {
  const found = new Map<string, Frame[]>();
  for (const { raw, dir, case: name, start } of vectorLines<Line>(file)) {
    if (raw === undefined || dir === undefined) continue;
    const key = name ?? `life ${start ?? 0}`;
    const frames = found.get(key) ?? [];
    found.set(key, frames);
    frames.push({ dir, hex: raw, message: tryDecode(raw, dir) });
  }
  return found;
}

/** What the host sent, except answers, in its order, each with what the runtime answered. */
export function exchangesOf(frames: readonly Frame[]): Exchange[] {
  const exchanges: Exchange[] = [];
  for (const { dir, hex, message } of frames) {
    if (dir === "host->runtime") {
      if (message?.messageType !== MESSAGE_TYPE.response) exchanges.push({ hex, request: message });
      continue;
    }
    if (message?.messageType !== MESSAGE_TYPE.response) continue;
    const open = exchanges.find(({ request, answer }) => answer === undefined && request?.id === message.id);
    if (open !== undefined) open.answer = { message, hex };
  }
  return exchanges;
}
