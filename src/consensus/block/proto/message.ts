import { assert } from "#common/assert.js";
import { DecodeError } from "#common/errors/index.js";
import { ProtoReader } from "./reader.js";
import { ProtoWriter, WireType } from "./writer.js";

/** A protobuf message type as a value: how a TypeScript value of type `T` is written to and read from bytes. */
export interface ProtoType<T> {
  readonly name: string;
  /** What an empty message means. */
  zero(): T;
  write(writer: ProtoWriter, value: T): void;
  /** Reads until the reader is done; throws `DecodeError` with the path of the field that is wrong. */
  read(reader: ProtoReader): T;
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** One field of a message. Repeated fields receive what was read before and return the longer list. */
export interface ProtoField<V> {
  readonly number: number;
  readonly wire: WireType;
  readonly repeated: boolean;
  absent(): V;
  write(writer: ProtoWriter, value: V): void;
  read(reader: ProtoReader, previous: V): V;
}

type Fields<T> = { readonly [K in keyof T]-?: ProtoField<T[K]> };

/** Adds `encode` and `decode` to a pair of read and write functions. */
export function protoType<T>(name: string, parts: Pick<ProtoType<T>, "zero" | "write" | "read">): ProtoType<T> {
  return {
    name,
    ...parts,
    encode(value) {
      const writer = new ProtoWriter();
      parts.write(writer, value);
      return writer.finish();
    },
    decode(bytes) {
      return withPath(name, () => parts.read(new ProtoReader(bytes)));
    },
  };
}

/**
 * Defines a message from its fields in ascending field number, which is the order they are written in.
 * Unknown fields are skipped; a singular field that appears twice and a known field with another wire type are refused.
 */
export function message<T extends object>(name: string, fields: Fields<T>): ProtoType<T> {
  const entries = Object.entries(fields) as [keyof T & string, ProtoField<T[keyof T & string]>][];
  const byNumber = new Map(entries.map((entry) => [entry[1].number, entry]));
  for (let i = 1; i < entries.length; i++) {
    assert((entries[i - 1]?.[1].number ?? 0) < (entries[i]?.[1].number ?? 0), `fields of ${name} are out of order`);
  }
  const zero = (): T => {
    const value = {} as T;
    for (const [key, field] of entries) value[key] = field.absent();
    return value;
  };
  return protoType<T>(name, {
    zero,
    write(writer, value) {
      for (const [key, field] of entries) field.write(writer, value[key]);
    },
    read(reader) {
      const value = zero();
      const seen = new Set<number>();
      while (!reader.done) {
        const { field: number, wire } = reader.tag();
        const entry = byNumber.get(number);
        if (entry === undefined) {
          reader.skip(wire);
          continue;
        }
        const [key, field] = entry;
        withPath(key, () => {
          if (wire !== field.wire) throw new DecodeError(`wire type ${wire} where ${field.wire} is expected`);
          if (seen.has(number) && !field.repeated) throw new DecodeError("field appears twice");
          value[key] = field.read(reader, value[key]);
        });
        seen.add(number);
      }
      return value;
    },
  });
}

/** Runs `read` and puts `segment` in front of the path of a `DecodeError` it throws. */
export function withPath<R>(segment: string, read: () => R): R {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw error.within(segment);
  }
}
