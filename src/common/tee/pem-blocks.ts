/**
 * PEM blocks in untrusted text, found exactly as Go's `encoding/pem` finds them: what a node took as certificates and
 * what it skipped decides whether its registration counts. Cost is linear in the length of the text.
 */
import { fromBase64 } from "../bytes.js";
import { DecodeError } from "../errors/index.js";

const BEGIN = "-----BEGIN ";
const END = "\n-----END ";
const DASHES = "-----";

/** One block and where the text after it begins. */
export interface PemBlock {
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Index of the first character after the block. */
  readonly end: number;
}

/** One character per byte, so that positions are byte positions and no byte is refused. */
export function latin1(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 4096) parts.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
  return parts.join("");
}

/** The line at a position without its end and trailing blanks, and where the next one begins. */
function lineAt(text: string, at: number): { line: string; next: number } {
  const feed = text.indexOf("\n", at);
  if (feed < 0) return { line: trimmedRight(text.slice(at)), next: text.length };
  const end = feed > at && text[feed - 1] === "\r" ? feed - 1 : feed;
  return { line: trimmedRight(text.slice(at, end)), next: feed + 1 };
}

function trimmedRight(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
  return line.slice(0, end);
}

/** Where the body of a block begins, behind its header lines; undefined when the text ends first. */
function skipHeaders(text: string, from: number): { body: number; headers: boolean } | undefined {
  let at = from;
  for (;;) {
    if (at >= text.length) return undefined;
    const { line, next } = lineAt(text, at);
    if (!line.includes(":")) return { body: at, headers: at !== from };
    at = next;
  }
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text.replace(/[ \t]/g, ""));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** The block whose last line has its "\n-----END " at `end`; undefined when it is none, "none" when no other can follow. */
function blockEndingAt(text: string, from: number, end: number): PemBlock | "none" | undefined {
  const begin = text.slice(from, end).lastIndexOf(BEGIN);
  if (begin < 0 || (begin > 0 && text[from + begin - 1] !== "\n")) return undefined;
  const { line, next } = lineAt(text, from + begin + BEGIN.length);
  if (!line.endsWith(DASHES)) return undefined;
  const type = line.slice(0, -DASHES.length);
  const found = skipHeaders(text, next);
  if (found === undefined) return "none";
  const { body, headers } = found;
  // Header lines may run across the end line; past all of it, nothing is looked for any more.
  if (headers && end < body) return end + END.length < body ? "none" : undefined;
  const trailer = type + DASHES;
  const afterEnd = end + END.length;
  if (!text.startsWith(trailer, afterEnd) || lineAt(text, afterEnd + trailer.length).line !== "") return undefined;
  const bytes = end > body ? decoded(text.slice(body, end)) : new Uint8Array(0);
  if (bytes === undefined) return undefined;
  return { type, bytes, end: lineAt(text, end + END.length - 1).next };
}

/** The first block at or after a position; undefined when there is none. */
export function nextPemBlock(text: string, from: number): PemBlock | undefined {
  let at = from;
  for (;;) {
    const end = text.indexOf(END, at);
    if (end < 0) return undefined;
    const block = blockEndingAt(text, at, end);
    if (block === "none") return undefined;
    if (block !== undefined) return block;
    at = end + END.length;
  }
}
