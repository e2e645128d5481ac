import { readU32be, u32be, concatBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { MAX_MESSAGE_BYTES } from "./messages/limits.js";

const HEAD_BYTES = 4;

/**
 * Puts the length in front of an encoded message (runtime host protocol: framing).
 *
 * @throws DecodeError when the message is larger than 32 MiB
 */
export function encodeFrame(message: Uint8Array): Uint8Array {
  if (message.length > MAX_MESSAGE_BYTES) {
    throw new DecodeError(`message of ${message.length} bytes, limit ${MAX_MESSAGE_BYTES}`);
  }
  return concatBytes(u32be(message.length), message);
}

/** Cuts a stream of bytes into messages, however the stream was split. */
export class FrameReader {
  private parts: Uint8Array[] = [];
  private size = 0;

  /**
   * Takes the next bytes of the stream.
   *
   * @returns the messages that became complete
   * @throws DecodeError when a frame announces more than 32 MiB; the stream cannot be read any further then
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.parts.push(chunk);
    this.size += chunk.length;
    const messages: Uint8Array[] = [];
    for (let message = this.take(); message !== undefined; message = this.take()) messages.push(message);
    return messages;
  }

  private take(): Uint8Array | undefined {
    if (this.size < HEAD_BYTES) return undefined;
    const length = readU32be(this.joined(HEAD_BYTES));
    if (length > MAX_MESSAGE_BYTES) {
      throw new DecodeError(`frame of ${length} bytes, limit ${MAX_MESSAGE_BYTES}`);
    }
    const end = HEAD_BYTES + length;
    if (this.size < end) return undefined;
    const all = this.joined(end);
    this.size -= end;
    this.parts = this.size === 0 ? [] : [all.subarray(end), ...this.parts.slice(1)];
    return all.subarray(HEAD_BYTES, end);
  }

  /** The first part, made at least so long; parts are joined only when a frame is spread over several. */
  private joined(length: number): Uint8Array {
    const first = this.parts[0] as Uint8Array;
    if (first.length >= length) return first;
    const all = concatBytes(...this.parts);
    this.parts = [all];
    return all;
  }
}
