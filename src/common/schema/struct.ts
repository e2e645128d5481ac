import type { CborReader } from "../cbor/reader.js";
import { KeyOrder } from "../cbor/reader.js";
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
}

/** Field names to wire names: gasWanted -> gas_wanted. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]+/g, (run) => `_${run.toLowerCase()}`);
}

function toField([key, schema]: [string, Schema<unknown>]): Field {
  const wire = schema.wireName ?? snakeCase(key);
  const w = new CborWriter();
  w.text(wire);
  return { key, wire, head: w.finish(), schema };
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

/** Matches the keys of a map to fields the way the decoder of the mode does. */
class FieldMatcher {
  private readonly exact = new Map<string, number>();
  private readonly folded = new Map<string, number>();

  constructor(
    private readonly typeName: string,
    private readonly fields: readonly Field[],
  ) {
    fields.forEach((field, i) => {
      this.exact.set(field.wire, i);
      const fold = field.wire.toLowerCase();
      if (!this.folded.has(fold)) this.folded.set(fold, i);
    });
  }

  /** Index of the field a key selects, or -1 for an unknown one that is to be skipped. */
  match(r: CborReader, seen: (string | undefined)[], strangers: Set<string>): number {
    const s = r.strictness;
    const major = r.peekMajor();
    if (major === 0 || major === 1)
      return this.stranger(r.readInt().toString(), s.uniqueKeys, s.knownFields, strangers);
    const key = r.readText(4096);
    let i = this.exact.get(key) ?? -1;
    if (i >= 0 && seen[i] === key) {
      if (s.uniqueKeys) throw new DecodeError(`duplicate field "${key}" of ${this.typeName}`);
      return i;
    }
    if (i < 0 && !s.canonical) i = this.folded.get(key.toLowerCase()) ?? -1;
    if (i < 0 || seen[i] !== undefined) return this.stranger(`"${key}"`, s.uniqueKeys, s.knownFields, strangers);
    seen[i] = key;
    return i;
  }

  private stranger(key: string, unique: boolean, known: boolean, strangers: Set<string>): number {
    if (known) throw new DecodeError(`unknown field ${key} of ${this.typeName}`);
    if (unique && strangers.has(key)) throw new DecodeError(`duplicate field ${key} of ${this.typeName}`);
    strangers.add(key);
    return -1;
  }

  /** JSON members match exactly, else without regard to case. */
  matchJson(name: string): Field | undefined {
    const i = this.exact.get(name) ?? this.folded.get(name.toLowerCase());
    return i === undefined ? undefined : this.fields[i];
  }
}

function readStruct(r: CborReader, fields: readonly Field[], matcher: FieldMatcher): Values {
  const out: Values = {};
  const seen: (string | undefined)[] = [];
  const strangers = new Set<string>();
  const order = r.strictness.canonical ? new KeyOrder(r) : undefined;
  r.readMap(r.strictness.maxElements, () => {
    const from = r.offset;
    const i = matcher.match(r, seen, strangers);
    order?.next(from, r.offset);
    const field = fields[i];
    if (field === undefined) {
      r.skip();
      return;
    }
    try {
      out[field.key] = field.schema.read(r);
    } catch (error) {
      throw error instanceof DecodeError ? error.within(field.wire) : error;
    }
  });
  for (const field of fields) {
    if (!(field.key in out) && field.schema.omit !== "undefined") out[field.key] = field.schema.zero();
  }
  return out;
}

function structFromJson(json: Json, fields: readonly Field[], matcher: FieldMatcher): Values {
  const out: Values = {};
  for (const field of fields) if (field.schema.omit !== "undefined") out[field.key] = field.schema.zero();
  if (json === null) return out;
  for (const [name, member] of Object.entries(expectObject(json))) {
    const field = matcher.matchJson(name);
    if (field === undefined || member === null) continue;
    try {
      out[field.key] = field.schema.fromJson(member);
    } catch (error) {
      throw error instanceof DecodeError ? error.within(field.wire) : error;
    }
  }
  return out;
}

function writeStruct(w: CborWriter, value: Values, fields: readonly Field[]): void {
  let n = fields.length;
  let skip = 0n;
  fields.forEach((field, i) => {
    if (leftOut(field, value[field.key])) {
      n--;
      skip |= 1n << BigInt(i);
    }
  });
  w.map(n);
  fields.forEach((field, i) => {
    if (skip !== 0n && (skip >> BigInt(i)) & 1n) return;
    w.raw(field.head);
    field.schema.write(w, value[field.key]);
  });
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
  const matcher = new FieldMatcher(typeName, fields);
  const schema = define<T>({
    typeName,
    write: (w, value) => writeStruct(w, value as Values, fields),
    readValue: (r) => readStruct(r, fields, matcher) as T,
    toJson(value) {
      const out: Record<string, Json> = {};
      for (const field of inOrder) {
        const member = (value as Values)[field.key];
        if (!leftOutOfJson(field, member)) out[field.wire] = field.schema.toJson(member);
      }
      return out;
    },
    fromJson: (json) => structFromJson(json, fields, matcher) as T,
    zero() {
      const out: Values = {};
      for (const field of inOrder) if (field.schema.omit !== "undefined") out[field.key] = field.schema.zero();
      return out as T;
    },
    isEmpty: (value) => fields.every((field) => leftOut(field, (value as Values)[field.key])),
    isJsonEmpty: () => false,
    equals: (a, b) => fields.every((field) => field.schema.equals((a as Values)[field.key], (b as Values)[field.key])),
  });
  return Object.assign(class {}, schema) as unknown as StructClass<T>;
}
