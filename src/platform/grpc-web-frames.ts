import { concatBytes, toBase64, u32be, utf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { MAX_MESSAGE_SIZE, RpcCode, RpcError, type RpcStatus } from "#common/rpc/index.js";
import { encodeStatusDetails, STATUS_DETAILS } from "#sdk/grpc-status.js";

const HEAD_SIZE = 5;
const MESSAGE_FLAG = 0x00;
const COMPRESSED_FLAG = 0x01;
const TRAILERS_FLAG = 0x80;

/** Whether frames travel as they are or as base64 text, which browsers can read while it arrives. */
export type WebForm = "binary" | "text";

/** Largest request body in bytes of a form: one frame with the largest message. */
export function maxBodySize(form: WebForm): number {
  const size = MAX_MESSAGE_SIZE + HEAD_SIZE;
  return form === "binary" ? size : Math.ceil(size / 3) * 4;
}

/** A message as a frame. */
export function messageFrame(message: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(MESSAGE_FLAG), u32be(message.length), message);
}

/** The frame that ends every answer: the status as a block of headers. */
export function trailersFrame(status: RpcStatus): Uint8Array {
  const lines = [`grpc-status:${status.code}`, `grpc-message:${percentEncode(status.message)}`];
  const details = encodeStatusDetails(status);
  // Binary metadata travels as base64 without padding.
  if (details !== undefined) lines.push(`${STATUS_DETAILS}:${toBase64(details).replace(/=+$/, "")}`);
  const block = utf8(lines.map((line) => `${line}\r\n`).join(""));
  return concatBytes(Uint8Array.of(TRAILERS_FLAG), u32be(block.length), block);
}

/**
 * The message of a request body, which is exactly one frame.
 *
 * @throws DecodeError or RpcError when it is not
 */
export function requestMessage(body: Buffer, form: WebForm): Uint8Array {
  const frame = form === "text" ? fromText(body) : body;
  if (frame.length < HEAD_SIZE) throw new DecodeError("request body holds no frame");
  const flag = frame.readUInt8(0);
  if (flag === COMPRESSED_FLAG) throw new RpcError(RpcCode.unimplemented, "compressed requests are not supported");
  if (flag !== MESSAGE_FLAG) throw new DecodeError(`unknown frame flag ${flag}`);
  const length = frame.readUInt32BE(1);
  if (length !== frame.length - HEAD_SIZE) {
    throw new DecodeError(`frame announces ${length} bytes, ${frame.length - HEAD_SIZE} follow`);
  }
  return new Uint8Array(frame.buffer, frame.byteOffset + HEAD_SIZE, length);
}

/** A frame in the form of the answer; each piece of text is padded by itself, as the protocol wants. */
export function inForm(frame: Uint8Array, form: WebForm): Buffer {
  const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  return form === "binary" ? buffer : Buffer.from(buffer.toString("base64"), "latin1");
}

function fromText(body: Buffer): Buffer {
  const text = body.toString("latin1");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const decoded = Buffer.from(text, "base64");
  // Node.js skips what is not base64, so the length tells whether anything was skipped.
  if (text.length % 4 !== 0 || decoded.length !== (text.length / 4) * 3 - padding) {
    throw new DecodeError("request body is not base64");
  }
  return decoded;
}

function percentEncode(message: string): string {
  let encoded = "";
  for (const byte of utf8(message)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
