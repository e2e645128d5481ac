import { DecodeError } from "../errors/index.js";
import { expectObject, type Json } from "../json.js";
import type { CborReader } from "../cbor/reader.js";
import { KeyOrder } from "../cbor/key-order.js";
import { SortedMap } from "../sorted-map.js";
import { define, type Infer, type Schema } from "./schema.js";

function within<R>(segment: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    throw error instanceof DecodeError ? error.within(segment) : error;
  }
}

/** Reads an element. The path to it is made only when it is wrong: there are many of them, and most are right. */
function readAt<T>(schema: Schema<T>, r: CborReader, what: string, index: number): T {
  try {
    return schema.read(r);
  } catch (error) {
    throw error instanceof DecodeError ? error.within(`[${what}${index}]`) : error;
  }
}

/**
 * An array of one type.
 * @param options.max most elements accepted
 * @param options.min fewest elements accepted in CBOR; 0 unless told
 */
export function list<T>(element: Schema<T>, options: { max: number; min?: number }): Schema<T[]> {
  const min = options.min ?? 0;
  return define<T[]>({
    typeName: `[${element.typeName}]`,
    description: { kind: "list", element: element as Schema<unknown>, max: options.max },
    write(w, value) {
      w.array(value.length);
      for (const item of value) element.write(w, item);
    },
    readValue(r) {
      const out: T[] = [];
      const n = r.startArray(options.max);
      for (let i = 0; r.hasMore(n, i, options.max); i++) {
        out.push(readAt(element, r, "", i));
      }
      if (out.length < min) throw new DecodeError(`${out.length} elements, at least ${min}`);
      return out;
    },
    toJson: (value) => value.map((item) => element.toJson(item)),
    fromJson(json) {
      if (json === null) return [];
      if (!Array.isArray(json)) throw new DecodeError("expected a JSON array");
      if (json.length > options.max) throw new DecodeError(`${json.length} elements, limit ${options.max}`);
      return (json as readonly Json[]).map((item, i) => within(`[${i}]`, () => element.fromJson(item)));
    },
    zero: () => [],
    isEmpty: (value) => value.length === 0,
    equals: (a, b) => a.length === b.length && a.every((item, i) => element.equals(item, b[i] as T)),
  });
}

/**
 * A map with keys in canonical order.
 * @param options.max most entries accepted
 */
export function map<K, V>(key: Schema<K>, value: Schema<V>, options: { max: number }): Schema<SortedMap<K, V>> {
  return define<SortedMap<K, V>>({
    typeName: `{${key.typeName}: ${value.typeName}}`,
    description: { kind: "map", key: key as Schema<unknown>, value: value as Schema<unknown>, max: options.max },
    write(w, entries) {
      w.map(entries.size);
      if (entries.size === 0) return;
      for (const [k, v] of entries.entries()) {
        key.write(w, k);
        value.write(w, v);
      }
    },
    readValue(r) {
      const out = new SortedMap<K, V>(key);
      const order = r.strictness.canonical ? new KeyOrder(r) : undefined;
      const n = r.startMap(options.max);
      for (let i = 0; r.hasMore(n, i, options.max); i++) {
        const from = r.offset;
        const k = readAt(key, r, "key ", i);
        order?.next(from, r.offset);
        const v = readAt(value, r, "", i);
        const before = out.size;
        out.set(k, v);
        if (out.size === before && r.strictness.uniqueKeys) throw new DecodeError(`duplicate map key ${i}`);
      }
      return out;
    },
    toJson(entries) {
      const members: [string, Json][] = [];
      for (const [k, v] of entries.entries()) members.push([key.toKey(k), value.toJson(v)]);
      // The reference prints map members in the order of their text.
      members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return Object.fromEntries(members);
    },
    fromJson(json) {
      const out = new SortedMap<K, V>(key);
      if (json === null) return out;
      const members = Object.entries(expectObject(json));
      if (members.length > options.max) throw new DecodeError(`${members.length} entries, limit ${options.max}`);
      for (const [k, v] of members)
        out.set(
          within(k, () => key.fromKey(k)),
          within(k, () => value.fromJson(v)),
        );
      return out;
    },
    zero: () => new SortedMap<K, V>(key),
    isEmpty: (entries) => entries.size === 0,
  });
}

type Items<S extends readonly Schema<unknown>[]> = { -readonly [I in keyof S]: Infer<S[I]> };

/** A struct written as an array in declaration order; the number of elements must be exact. */
export function tuple<const S extends readonly Schema<unknown>[]>(typeName: string, items: S): Schema<Items<S>> {
  return define<Items<S>>({
    typeName,
    description: { kind: "tuple", items },
    write(w, value) {
      w.array(items.length);
      items.forEach((item, i) => {
        item.write(w, value[i]);
      });
    },
    readValue(r) {
      const out: unknown[] = [];
      const n = r.startArray(items.length);
      for (let i = 0; r.hasMore(n, i, items.length); i++) {
        out.push(readAt(items[i] as Schema<unknown>, r, "", i));
      }
      if (out.length !== items.length)
        throw new DecodeError(`${typeName} has ${out.length} elements, must have ${items.length}`);
      return out as Items<S>;
    },
    toJson: (value) => items.map((item, i) => item.toJson(value[i])),
    fromJson(json) {
      if (!Array.isArray(json) || json.length !== items.length)
        throw new DecodeError(`expected an array of ${items.length}`);
      return items.map((item, i) => item.fromJson(json[i] as Json)) as Items<S>;
    },
    zero: () => items.map((item) => item.zero()) as Items<S>,
    isEmpty: () => false,
  });
}

/** One of several variants, on the wire a map with exactly one key: the name of the variant. */
export type Variant<V> = { [K in keyof V & string]: { type: K; value: Infer<V[K]> } }[keyof V & string];

function readVariant(variant: Schema<unknown>, r: CborReader): unknown {
  // As a member null would be an empty struct; of a union it says that this variant is not meant, and nothing is left.
  if (variant.description.kind === "struct" && r.tryNull()) throw new DecodeError("null is no variant");
  return variant.read(r);
}

/** The sum type of the host protocol and of runtime calls. Unknown or several variants are refused. */
export function unionOf<V extends Readonly<Record<string, Schema<unknown>>>>(
  typeName: string,
  variants: V,
): Schema<Variant<V>> {
  const find = (name: string): Schema<unknown> => {
    const found = Object.hasOwn(variants, name) ? variants[name] : undefined;
    if (found === undefined) throw new DecodeError(`unknown variant "${name}" of ${typeName}`);
    return found;
  };
  return define<Variant<V>>({
    typeName,
    description: { kind: "union", variants },
    ownsNull: true,
    write(w, value) {
      w.map(1);
      w.text(value.type);
      find(value.type).write(w, value.value);
    },
    readValue(r) {
      let out: { type: string; value: unknown } | undefined;
      const n = r.startMap(1);
      for (let i = 0; r.hasMore(n, i, 1); i++) {
        const type = r.readText(128);
        try {
          out = { type, value: readVariant(find(type), r) };
        } catch (error) {
          throw error instanceof DecodeError ? error.within(type) : error;
        }
      }
      if (out === undefined) throw new DecodeError(`${typeName} must have exactly one variant`);
      return out as Variant<V>;
    },
    toJson: (value) => ({ [value.type]: find(value.type).toJson(value.value) }),
    fromJson(json) {
      const members = Object.entries(expectObject(json));
      const only = members[0];
      if (members.length !== 1 || only === undefined)
        throw new DecodeError(`${typeName} must have exactly one variant`);
      return { type: only[0], value: find(only[0]).fromJson(only[1]) } as Variant<V>;
    },
    zero() {
      throw new DecodeError(`${typeName} has no zero value`);
    },
    isEmpty: () => false,
  });
}
