import type { CborReader } from "../cbor/reader.js";
import { KeyOrder } from "../cbor/key-order.js";
import { CborWriter } from "../cbor/writer.js";
import { DecodeError } from "../errors/index.js";
import { expectObject, type Json } from "../json.js";
import { define, type Infer, type Schema } from "./schema.js";

/** Field name -> schema, in declaration order (which is also the order of JSON members). */
export type Fields = Readonly<Record<string, Schema<unknown>>>;

type OptionalKeys<F> = { [K in keyof F]: undefined extends Infer<F[K]> ? K : never }[keyof F];

/** The plain object a struct describes. */
export type Shape<F> = { [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & {
  [K in OptionalKeys<F>]?: Infer<F[K]>;
};

/** A struct declared as a class: its name is the type of the plain objects, its statics are the schema. */
export interface StructClass<T> extends Schema<T> {
  new (): T;
}

interface Field {
  readonly key: string;
  readonly wire: string;
  readonly head: Uint8Array;
  readonly schema: Schema<unknown>;
  // Members of the schema that decoding needs for every field, since looking them up in a class costs more than a call.
  readonly read: (r: CborReader) => unknown;
  /** What the field holds when the map does not have it. */
  readonly absent: () => unknown;
  /** Whether only some decoders know it. */
  readonly extension: boolean;
}

/** Field names to wire names: gasWanted -> gas_wanted. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]+/g, (run) => `_${run.toLowerCase()}`);
}

function toField([key, schema]: [string, Schema<unknown>]): Field {
  const wire = schema.wireName ?? snakeCase(key);
  const w = new CborWriter();
  w.text(wire);
  const { read, extension } = schema;
  const absent = schema.omit === "undefined" ? (): undefined => undefined : schema.zero;
  return { key, wire, head: w.finish(), schema, read, absent, extension };
}

function byHead(a: Field, b: Field): number {
  if (a.head.length !== b.head.length) return a.head.length - b.head.length;
  for (let i = 0; i < a.head.length; i++) {
    const d = (a.head[i] as number) - (b.head[i] as number);
    if (d !== 0) return d;
  }
  return 0;
}

type Values = Record<string, unknown>;

function leftOut(field: Field, value: unknown): boolean {
  const omit = field.schema.omit;
  return omit === "empty" ? field.schema.isEmpty(value) : omit === "undefined" && value === undefined;
}

function leftOutOfJson(field: Field, value: unknown): boolean {
  const omit = field.schema.omit;
  return omit === "empty" ? field.schema.isJsonEmpty(value) : omit === "undefined" && value === undefined;
}

/** ASCII only: the decoder of the reference compares names of one length in bytes without regard to case. */
function fold(name: string): string {
  return name.replace(/[A-Z]/g, (c) => c.toLowerCase());
}

/** Whether the decoder knows a field of ours. */
function isKnown(r: CborReader, { extension }: Field): boolean {
  return !extension || r.strictness.extensions;
}

const MAX_KEY = Number.MAX_SAFE_INTEGER;

/** Where the reading of one struct stands. */
class StructReading {
  /** The key that each field was found under. */
  readonly found: (string | undefined)[] = [];
  private strangers: Set<string> | undefined;

  constructor(
    private readonly r: CborReader,
    private readonly fields: readonly Field[],
    private readonly names: FieldNames,
  ) {}

  /** Index of the field that the next key selects, or -1 for an unknown one, whose value is to be skipped. */
  match(): number {
    const type = this.r.peekType();
    if (type === 0 || type === 1) return this.stranger(integerKey(this.r));
    if (type !== 3) throw new DecodeError(`${this.names.typeName} has a key that is neither text nor integer`);
    const key = this.r.readText(MAX_KEY);
    const exact = this.names.exact.get(key);
    const i = exact ?? (this.r.strictness.canonical ? undefined : this.names.folded.get(fold(key)));
    if (i === undefined || !isKnown(this.r, this.fields[i] as Field)) return this.stranger(`"${key}"`);
    if (this.found[i] !== undefined) return this.again(i, key);
    this.found[i] = key;
    return i;
  }

  /** A field can be selected once; the same key again is a duplicate, another spelling an unknown field. */
  private again(i: number, key: string): number {
    if (this.found[i] === key && this.r.strictness.uniqueKeys) {
      throw new DecodeError(`duplicate field "${key}" of ${this.names.typeName}`);
    }
    return this.stranger(`"${key}"`);
  }

  private stranger(key: string): number {
    const { knownFields, uniqueKeys } = this.r.strictness;
    if (knownFields) throw new DecodeError(`unknown field ${key} of ${this.names.typeName}`);
    if (!uniqueKeys) return -1;
    this.strangers ??= new Set();
    if (this.strangers.has(key)) throw new DecodeError(`duplicate field ${key} of ${this.names.typeName}`);
    this.strangers.add(key);
    return -1;
  }
}

/** Integer keys never select a field; the reference tells them apart in 64 signed bits. */
function integerKey(r: CborReader): string {
  const key = r.readInt();
  if (key < -(1n << 63n)) throw new DecodeError("integer key beyond 64 bits");
  return BigInt.asIntN(64, key).toString();
}

/** The names of a struct's fields, by position in canonical order. */
class FieldNames {
  readonly exact = new Map<string, number>();
  readonly folded = new Map<string, number>();

  constructor(
    readonly typeName: string,
    private readonly fields: readonly Field[],
  ) {
    fields.forEach((field, i) => {
      this.exact.set(field.wire, i);
      const folded = fold(field.wire);
      if (!this.folded.has(folded)) this.folded.set(folded, i);
    });
  }

  /** JSON members match exactly, else without regard to case. */
  matchJson(name: string): Field | undefined {
    const i = this.exact.get(name) ?? this.folded.get(fold(name));
    return i === undefined ? undefined : this.fields[i];
  }
}

function readField(r: CborReader, field: Field, out: Values): void {
  try {
    out[field.key] = field.read(r);
  } catch (error) {
    throw error instanceof DecodeError ? error.within(field.wire) : error;
  }
}

/** Consumes the key of a field if it is next and the decoder knows the field. */
function tryField(r: CborReader, field: Field): boolean {
  return isKnown(r, field) && r.tryBytes(field.head);
}

/** Of so many fields at most, those that were found fit in the bits of one small integer. */
const QUICK_FIELDS = 30;

/** How far the quick way through a map got. */
interface Progress {
  /** Entries of the map, or the reader's mark for an unknown number. */
  readonly entries: number;
  /** Entries that were read. */
  readonly done: number;
  /** Bit i is set when field i was found. */
  readonly seen: number;
  /** Where the last key stands; -1 before the first. */
  readonly keyFrom: number;
  readonly keyTo: number;
}

/**
 * Reads a map whose keys come in the order of our fields, as canonical encodings have them; members are made in that
 * order too, so that the objects of one struct share their shape. From the first other key on, the long way goes on.
 */
function readStruct(r: CborReader, fields: readonly Field[], names: FieldNames): Values {
  const out: Values = {};
  const count = fields.length;
  const max = r.strictness.maxElements;
  const entries = r.startMap(max);
  const quick = count <= QUICK_FIELDS ? entries : 0;
  let next = 0;
  let seen = 0;
  let done = 0;
  let keyFrom = -1;
  let keyTo = -1;
  for (; done < quick; done++) {
    const from = r.offset;
    let at = next;
    while (at < count && !tryField(r, fields[at] as Field)) at++;
    if (at === count) break;
    keyFrom = from;
    keyTo = r.offset;
    for (; next < at; next++) out[(fields[next] as Field).key] = (fields[next] as Field).absent();
    next++;
    seen |= 1 << at;
    readField(r, fields[at] as Field, out);
  }
  if (r.hasMore(entries, done, max)) {
    readRest(r, fields, names, out, { entries, done, seen, keyFrom, keyTo });
  } else {
    for (; next < count; next++) out[(fields[next] as Field).key] = (fields[next] as Field).absent();
  }
  return out;
}

/** Reads on where a key came that is unknown, out of order, or written in another way. */
function readRest(
  r: CborReader,
  fields: readonly Field[],
  names: FieldNames,
  out: Values,
  { entries, done, seen, keyFrom, keyTo }: Progress,
): void {
  const reading = new StructReading(r, fields, names);
  for (let i = 0; seen >> i !== 0; i++) if (((seen >> i) & 1) === 1) reading.found[i] = (fields[i] as Field).wire;
  const order = r.strictness.canonical ? new KeyOrder(r) : undefined;
  if (keyFrom >= 0) order?.next(keyFrom, keyTo);
  const max = r.strictness.maxElements;
  let i = done;
  do {
    const from = r.offset;
    const at = reading.match();
    order?.next(from, r.offset);
    if (at < 0) r.skip();
    else readField(r, fields[at] as Field, out);
    i++;
  } while (r.hasMore(entries, i, max));
  for (let at = 0; at < fields.length; at++) {
    if (reading.found[at] === undefined) out[(fields[at] as Field).key] = (fields[at] as Field).absent();
  }
}

function structFromJson(json: Json, fields: readonly Field[], names: FieldNames): Values {
  const out: Values = {};
  for (const field of fields) if (field.schema.omit !== "undefined") out[field.key] = field.schema.zero();
  if (json === null) return out;
  for (const [name, member] of Object.entries(expectObject(json))) {
    const field = names.matchJson(name);
    if (field === undefined || member === null) continue;
    try {
      out[field.key] = field.schema.fromJson(member);
    } catch (error) {
      throw error instanceof DecodeError ? error.within(field.wire) : error;
    }
  }
  return out;
}

function writeStruct(w: CborWriter, value: Values, fields: readonly Field[], allWritten: boolean): void {
  let n = fields.length;
  if (!allWritten) for (const field of fields) if (leftOut(field, value[field.key])) n--;
  w.map(n);
  const some = n < fields.length;
  for (const field of fields) {
    const member = value[field.key];
    if (some && leftOut(field, member)) continue;
    w.raw(field.head);
    field.schema.write(w, member);
  }
}

/**
 * Declares a struct: a map with text keys on the wire. Use as `class Transfer extends struct("Transfer", {...}) {}`;
 * the class is never constructed.
 * @param typeName name in error texts
 * @param declared field name (camelCase) -> schema, with modifiers
 */
export function struct<F extends Fields>(typeName: string, declared: F): StructClass<Shape<F>> {
  type T = Shape<F>;
  const inOrder = Object.entries(declared).map(toField);
  const fields = [...inOrder].sort(byHead);
  const names = new FieldNames(typeName, fields);
  const zero = (): Values => {
    const out: Values = {};
    for (const field of inOrder) if (field.schema.omit !== "undefined") out[field.key] = field.schema.zero();
    return out;
  };
  const allWritten = fields.every((field) => field.schema.omit === "never");
  const schema = define<T>({
    typeName,
    description: { kind: "struct", fields: declared },
    write: (w, value) => writeStruct(w, value as Values, fields, allWritten),
    ownsNull: true,
    readValue: (r) => (r.tryNull() ? zero() : readStruct(r, fields, names)) as T,
    toJson(value) {
      const out: Record<string, Json> = {};
      for (const field of inOrder) {
        const member = (value as Values)[field.key];
        if (!leftOutOfJson(field, member)) out[field.wire] = field.schema.toJson(member);
      }
      return out;
    },
    fromJson: (json) => structFromJson(json, fields, names) as T,
    zero: zero as () => T,
    isEmpty: (value) => fields.every((field) => leftOut(field, (value as Values)[field.key])),
    isJsonEmpty: () => false,
    equals: (a, b) => fields.every((field) => field.schema.equals((a as Values)[field.key], (b as Values)[field.key])),
  });
  return Object.assign(class {}, schema) as unknown as StructClass<T>;
}
