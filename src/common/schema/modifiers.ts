import type { CborReader } from "../cbor/reader.js";
import { DecodeError } from "../errors/index.js";
import { define, type Omit, type Schema } from "./schema.js";

function derive<T, U>(inner: Schema<T>, changes: Partial<Schema<U>>): Schema<U> {
  return { ...copyOf(inner), ...changes } as Schema<U>;
}

/** The members of a schema as own properties; struct classes keep theirs on a base class. */
function copyOf<T>(s: Schema<T>): Schema<T> {
  return {
    typeName: s.typeName,
    omit: s.omit,
    wireName: s.wireName,
    extension: s.extension,
    description: s.description,
    write: s.write,
    read: s.read,
    encode: s.encode,
    decode: s.decode,
    toJson: s.toJson,
    fromJson: s.fromJson,
    toKey: s.toKey,
    fromKey: s.fromKey,
    zero: s.zero,
    isEmpty: s.isEmpty,
    isJsonEmpty: s.isJsonEmpty,
    equals: s.equals,
  };
}

/** A field that is left out when its value is empty (Go `omitempty` on a value); absent decodes to the zero value. */
export function omitEmpty<T>(inner: Schema<T>): Schema<T> {
  return derive<T, T>(inner, { omit: "empty" });
}

/** A field that has a wire name of its own instead of its name in snake case. */
export function named<T>(wireName: string, inner: Schema<T>): Schema<T> {
  return derive<T, T>(inner, { wireName });
}

function wrapped<T, N extends null | undefined>(inner: Schema<T>, nothing: N, omit: Omit): Schema<T | N> {
  const isNothing = (value: T | N): value is N => value === nothing;
  return define<T | N>({
    typeName: `${inner.typeName}?`,
    ownsNull: true,
    omit,
    wireName: inner.wireName,
    description: { kind: "maybe", inner: inner as Schema<unknown>, nothing },
    write(w, value) {
      if (isNothing(value)) w.null();
      else inner.write(w, value);
    },
    readValue: (r) => (r.tryNull() ? nothing : inner.read(r)),
    toJson: (value) => (isNothing(value) ? null : inner.toJson(value)),
    fromJson: (json) => (json === null ? nothing : inner.fromJson(json)),
    toKey: (value) => inner.toKey(value as T),
    fromKey: (key) => inner.fromKey(key),
    zero: () => nothing,
    isEmpty: (value) => isNothing(value) || (omit === "never" && inner.isEmpty(value)),
    isJsonEmpty: (value) => isNothing(value) || (omit === "never" && inner.isJsonEmpty(value)),
    equals: (a, b) => (isNothing(a) || isNothing(b) ? a === b : inner.equals(a, b)),
  });
}

/** A field that may be absent (Go pointer with `omitempty`): a present zero is kept. */
export function optional<T>(inner: Schema<T>): Schema<T | undefined> {
  return wrapped<T, undefined>(inner, undefined, "undefined");
}

/**
 * A field that v26.1 does not have; `inner` says when it is left out. To a decoder without extensions its key is an
 * unknown field; the others refuse null in it.
 */
export function extension<T>(inner: Schema<T>): Schema<T> {
  const read = (r: CborReader): T => {
    if (r.tryNull()) throw new DecodeError("null instead of no field");
    return inner.read(r);
  };
  return derive<T, T>(inner, { extension: true, read });
}

/**
 * A field that is always written and may be null (Go pointer, slice or map without `omitempty`). Inside `omitEmpty` it
 * is Go's slice or map with `omitempty` where the reader has to tell nil from empty; both are left out on the wire.
 */
export function nullable<T>(inner: Schema<T>): Schema<T | null> {
  return wrapped<T, null>(inner, null, "never");
}

/** Breaks a cycle between types: the schema is looked up when it is first used. */
export function lazy<T>(typeName: string, get: () => Schema<T>): Schema<T> {
  return define<T>({
    typeName,
    ownsNull: true,
    description: { kind: "lazy", get: get as () => Schema<unknown> },
    write: (w, value) => get().write(w, value),
    readValue: (r) => get().read(r),
    toJson: (value) => get().toJson(value),
    fromJson: (json) => get().fromJson(json),
    zero: () => get().zero(),
    isEmpty: (value) => get().isEmpty(value),
    isJsonEmpty: (value) => get().isJsonEmpty(value),
    equals: (a, b) => get().equals(a, b),
  });
}
