import { CborReader } from "../cbor/reader.js";
import type { CborWriter } from "../cbor/writer.js";
import type { Json } from "../json.js";
import { optional } from "./modifiers.js";
import { define, type Schema } from "./schema.js";
import { u16 } from "./scalar.js";
import { struct, type StructClass } from "./struct.js";

/** What `withForms` may replace. */
export interface Forms<T> {
  write?(w: CborWriter, value: T): void;
  /** Reads one item, null included. */
  read?(r: CborReader): T;
  toJson?(value: T): Json;
  fromJson?(json: Json): T;
}

/**
 * A type with some of its forms replaced: a text form in JSON, or versions of a struct that decode differently.
 * Given a struct class, the result is one too.
 */
export function withForms<T>(base: StructClass<T>, forms: Forms<T>): StructClass<T>;
export function withForms<T>(base: Schema<T>, forms: Forms<T>): Schema<T>;
export function withForms<T>(base: Schema<T>, forms: Forms<T>): Schema<T> {
  const schema = define<T>({
    typeName: base.typeName,
    ownsNull: true,
    omit: base.omit,
    wireName: base.wireName,
    extension: base.extension,
    description: base.description,
    write: forms.write ?? base.write,
    readValue: forms.read ?? base.read,
    toJson: forms.toJson ?? base.toJson,
    fromJson: forms.fromJson ?? base.fromJson,
    zero: base.zero,
    isEmpty: base.isEmpty,
    isJsonEmpty: base.isJsonEmpty,
    equals: base.equals,
  });
  return typeof base === "function" ? Object.assign(class {}, schema) : schema;
}

class Versioned extends struct("Versioned", { v: optional(u16) }) {}

/** Marks a missing version in the reference. */
const NO_VERSION = 65535;

/**
 * The version (field `v`) of an encoded struct, whatever else it holds; undefined when it has none. What follows a
 * version in its canonical place is not looked at: the caller decodes the item anyway.
 * @throws DecodeError when the item is malformed in front of its version
 */
export function versionOf(item: Uint8Array): number | undefined {
  const first = new CborReader(item, "rpc").peekVersion();
  if (first !== undefined) return first;
  const { v } = Versioned.decode(item, "rpc");
  return v === NO_VERSION ? undefined : v;
}
