import { fromUtf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { Refusal } from "./refusal.js";

/** Bytes that must follow a first byte; -1 for a byte that cannot be first. */
function following(first: number): number {
  if (first < 0x80) return 0;
  if (first < 0xc2) return -1;
  if (first < 0xe0) return 1;
  if (first < 0xf0) return 2;
  return first < 0xf5 ? 3 : -1;
}

/** Lowest and highest second byte after a first one: no overlong forms, no surrogates, nothing above U+10FFFF. */
function secondBounds(first: number): readonly [number, number] {
  if (first === 0xe0) return [0xa0, 0xbf];
  if (first === 0xed) return [0x80, 0x9f];
  if (first === 0xf0) return [0x90, 0xbf];
  return first === 0xf4 ? [0x80, 0x8f] : [0x80, 0xbf];
}

function fault(bytes: Uint8Array): string {
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] as number;
    const rest = following(first);
    if (rest < 0) return `invalid utf-8 sequence of 1 bytes from index ${at}`;
    for (let i = 1; i <= rest; i++) {
      const byte = bytes[at + i];
      if (byte === undefined) return `incomplete utf-8 byte sequence from index ${at}`;
      const [low, high] = i === 1 ? secondBounds(first) : [0x80, 0xbf];
      if (byte < low || byte > high) return `invalid utf-8 sequence of ${i} bytes from index ${at}`;
    }
    at += rest + 1;
  }
  return "invalid utf-8 sequence";
}

/**
 * Stored bytes as text. The refusal is worded as runtimes written in Rust word it: its text is part of the transaction's
 * output, on which members of a committee have to agree.
 *
 * @throws Refusal when the bytes are not valid UTF-8
 */
export function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal(fault(bytes));
    throw error;
  }
}
