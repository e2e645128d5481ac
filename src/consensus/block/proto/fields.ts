import { fromUtf8, utf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import type { ProtoField, ProtoType } from "./message.js";
import type { ProtoReader } from "./reader.js";
import { type ProtoWriter, WireType } from "./writer.js";

const INT32_MIN = -0x80000000n;
const INT32_MAX = 0x7fffffffn;

function scalar<V>(
  number: number,
  wire: WireType,
  zero: V,
  write: (writer: ProtoWriter, value: V) => void,
  read: (reader: ProtoReader) => V,
): ProtoField<V> {
  return {
    number,
    wire,
    repeated: false,
    absent: () => zero,
    write(writer, value) {
      // proto3 leaves out scalars that are zero.
      if (value === zero) return;
      writer.tag(number, wire);
      write(writer, value);
    },
    read,
  };
}

/** `uint32`; larger values are refused. */
export function uint32(number: number): ProtoField<number> {
  return scalar(
    number,
    WireType.varint,
    0,
    (writer, value) => writer.varint32(value),
    (reader) => {
      const value = reader.varint64();
      if (value > 0xffffffffn) throw new DecodeError("value exceeds 32 bits");
      return Number(value);
    },
  );
}

/** `int32` and enumerations; values outside 32 bits are refused. */
export function int32(number: number): ProtoField<number> {
  return scalar(
    number,
    WireType.varint,
    0,
    (writer, value) => writer.varint64(BigInt(value)),
    (reader) => {
      const value = BigInt.asIntN(64, reader.varint64());
      if (value < INT32_MIN || value > INT32_MAX) throw new DecodeError("value exceeds 32 bits");
      return Number(value);
    },
  );
}

/** `int64`. */
export function int64(number: number): ProtoField<bigint> {
  return scalar(
    number,
    WireType.varint,
    0n,
    (writer, value) => writer.varint64(BigInt.asIntN(64, value)),
    (reader) => BigInt.asIntN(64, reader.varint64()),
  );
}

/** `uint64`. */
export function uint64(number: number): ProtoField<bigint> {
  return scalar(
    number,
    WireType.varint,
    0n,
    (writer, value) => writer.varint64(BigInt.asUintN(64, value)),
    (reader) => reader.varint64(),
  );
}

/** `sfixed64`, used where CometBFT wants bytes of constant length to sign. */
export function sfixed64(number: number): ProtoField<bigint> {
  return scalar(
    number,
    WireType.fixed64,
    0n,
    (writer, value) => writer.fixed64(value),
    (reader) => reader.fixed64(),
  );
}

/** `bytes` of at most `max` bytes; empty bytes are not written. */
export function bytes(number: number, max: number): ProtoField<Uint8Array> {
  return {
    number,
    wire: WireType.bytes,
    repeated: false,
    absent: () => new Uint8Array(0),
    write(writer, value) {
      if (value.length === 0) return;
      writer.tag(number, WireType.bytes);
      writer.bytes(value);
    },
    read: (reader) => reader.bytes(max),
  };
}

/** `string` of at most `max` bytes of UTF-8; the empty string is not written. */
export function text(number: number, max: number): ProtoField<string> {
  return scalar(
    number,
    WireType.bytes,
    "",
    (writer, value) => writer.bytes(utf8(value)),
    (reader) => readText(reader, max),
  );
}

/** `repeated string`: at most `maxCount` strings of at most `max` bytes. */
export function texts(number: number, maxCount: number, max: number): ProtoField<readonly string[]> {
  return repeated(
    number,
    maxCount,
    (writer, value) => writer.bytes(utf8(value)),
    (reader) => readText(reader, max),
  );
}

/** `repeated bytes`: at most `maxCount` items of at most `max` bytes; empty items are written. */
export function byteList(number: number, maxCount: number, max: number): ProtoField<readonly Uint8Array[]> {
  return repeated(
    number,
    maxCount,
    (writer, value) => writer.bytes(value),
    (reader) => reader.bytes(max),
  );
}

/** A submessage that is always written (gogoproto `nullable = false`); `absent` tells what a missing one means. */
export function embedded<T>(number: number, type: ProtoType<T>, absent: () => T = type.zero): ProtoField<T> {
  return {
    number,
    wire: WireType.bytes,
    repeated: false,
    absent,
    write(writer, value) {
      writer.tag(number, WireType.bytes);
      writer.nested(() => type.write(writer, value));
    },
    read: (reader) => type.read(reader.message()),
  };
}

/** A submessage that may be missing. */
export function optional<T>(number: number, type: ProtoType<T>): ProtoField<T | undefined> {
  return {
    number,
    wire: WireType.bytes,
    repeated: false,
    absent: () => undefined,
    write(writer, value) {
      if (value === undefined) return;
      writer.tag(number, WireType.bytes);
      writer.nested(() => type.write(writer, value));
    },
    read: (reader) => type.read(reader.message()),
  };
}

/** A list of at most `maxCount` submessages. */
export function messages<T>(number: number, type: ProtoType<T>, maxCount: number): ProtoField<readonly T[]> {
  return repeated(
    number,
    maxCount,
    (writer, value) => writer.nested(() => type.write(writer, value)),
    (reader) => type.read(reader.message()),
  );
}

function repeated<V>(
  number: number,
  maxCount: number,
  write: (writer: ProtoWriter, value: V) => void,
  read: (reader: ProtoReader) => V,
): ProtoField<readonly V[]> {
  // The list grows in place while one message is read: `absent` hands out a fresh list each time.
  const growing = new WeakMap<readonly V[], V[]>();
  return {
    number,
    wire: WireType.bytes,
    repeated: true,
    absent() {
      const list: V[] = [];
      growing.set(list, list);
      return list;
    },
    write(writer, values) {
      for (const value of values) {
        writer.tag(number, WireType.bytes);
        write(writer, value);
      }
    },
    read(reader, previous) {
      if (previous.length >= maxCount) throw new DecodeError(`more than ${maxCount} items`);
      const list = growing.get(previous) ?? [...previous];
      list.push(read(reader));
      return list;
    },
  };
}

function readText(reader: ProtoReader, max: number): string {
  return fromUtf8(reader.bytes(max));
}
