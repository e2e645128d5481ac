import { DecodeError } from "#common/errors/index.js";
import { WireType } from "./writer.js";

/** Reads protobuf primitives from untrusted bytes. Every method throws `DecodeError` when the input ends too early. */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** True once every byte was consumed. */
  get done(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** Reads the key of the next field. */
  tag(): { field: number; wire: number } {
    const key = this.varint64();
    const field = key >> 3n;
    if (field < 1n || field > 0x1fffffffn) throw new DecodeError("protobuf field number out of range");
    return { field: Number(field), wire: Number(key & 7n) };
  }

  /** Reads a varint of at most ten bytes as an unsigned 64-bit number. */
  varint64(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      if (shift === 63n && byte > 1) throw new DecodeError("varint exceeds 64 bits");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new DecodeError("varint exceeds 64 bits");
  }

  /** Reads eight little-endian bytes as a signed number (sfixed64). */
  fixed64(): bigint {
    const raw = this.#take(8);
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = (value << 8n) | BigInt(raw[i] ?? 0);
    return BigInt.asIntN(64, value);
  }

  /** Reads a length-prefixed run of bytes of at most `max` bytes; the result is a copy. */
  bytes(max: number): Uint8Array {
    return this.#prefixed(max).slice();
  }

  /** Returns a reader over a length-prefixed submessage, without copying. */
  message(): ProtoReader {
    return new ProtoReader(this.#prefixed(this.#bytes.length));
  }

  /** Skips the value of an unknown field; groups (deprecated, never used by CometBFT) are refused. */
  skip(wire: number): void {
    switch (wire) {
      case WireType.varint:
        this.varint64();
        return;
      case WireType.fixed64:
        this.#take(8);
        return;
      case WireType.bytes:
        this.#prefixed(this.#bytes.length);
        return;
      case WireType.fixed32:
        this.#take(4);
        return;
      default:
        throw new DecodeError(`unsupported protobuf wire type ${wire}`);
    }
  }

  #prefixed(max: number): Uint8Array {
    const length = this.varint64();
    if (length > BigInt(max)) throw new DecodeError(`${length} bytes exceed the limit of ${max}`);
    return this.#take(Number(length));
  }

  #take(count: number): Uint8Array {
    const end = this.#position + count;
    if (end > this.#bytes.length) throw new DecodeError("protobuf message ends too early");
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) throw new DecodeError("protobuf message ends too early");
    this.#position++;
    return byte;
  }
}
