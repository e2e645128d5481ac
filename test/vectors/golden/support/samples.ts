import { hash } from "#common/hash.js";
import { utf8 } from "#common/bytes.js";
import type { Schema } from "#common/schema/index.js";
import { SortedMap } from "#common/sorted-map.js";

/** Deeper than this, lists have one element and recursive types end. */
const DEEP = 2;
const BOTTOM = 8;

/** Values that a type's description cannot tell: text and number forms of their own, versions that are checked. */
const CUSTOM: Readonly<Record<string, (path: string) => unknown>> = {
  Quantity: (path) => BigInt(number(path)) * 1_000_000_007n,
  RolesMask: () => 9,
  nothing: () => null,
};

/** Members that a versioned or checked type wants, by its name. */
const FIXED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Node: { v: 3 },
  Entity: { v: 2 },
  Runtime: { v: 3 },
  // Four bytes would come back from JSON as sixteen, as in the reference.
  NodeAddress: {
    ip: Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    port: 26656n,
    zone: "",
  },
};

/** A number below 2^32 that depends on the path alone. */
function number(path: string): number {
  const digest = hash(utf8(path));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

function bytesOf(path: string, size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let at = 0; at < size; at += 32) out.set(hash(utf8(`${path}/${at}`)).subarray(0, size - at), at);
  return out;
}

function integer(path: string, max: bigint, big: boolean): number | bigint {
  // Every width of the encoding comes up: the path chooses how many bits stay. Some are times, so no year beyond 9999.
  const bits = BigInt(number(`${path}/bits`) % 36);
  const value = ((BigInt(number(path)) << 20n) % (1n << (bits + 1n))) % (max + 1n);
  return big ? value : Number(value);
}

/**
 * A value of a type in which every field holds something, made of nothing but the type and the path of the field: the
 * same on every machine and at every time. Fields that v26.1 does not have are left out unless `extended`.
 */
export function sampleOf(schema: Schema<unknown>, path: string, depth = 0, extended = false): unknown {
  const d = schema.description;
  const at = (member: string, inner: Schema<unknown>): unknown =>
    sampleOf(inner, `${path}.${member}`, depth + 1, extended);
  const own = CUSTOM[schema.typeName];
  if (own !== undefined) return own(path);
  const several = depth < DEEP ? 2 : 1;
  switch (d.kind) {
    case "integer":
      return integer(path, d.max, d.big);
    case "enumeration": {
      const values = Object.values(d.words);
      return values[number(path) % values.length];
    }
    case "bool":
      return true;
    case "time":
      return { seconds: 1_700_000_000n + BigInt(number(path) % 1_000_000), nanos: 0 };
    case "raw":
      return Uint8Array.of(0xa1, 0x61, 0x61, number(path) % 24);
    case "text":
      return `text ${number(path) % 1000}`.slice(0, d.max);
    case "bytes":
      return bytesOf(path, Math.min(d.max, 3 + (number(path) % 40)));
    case "fixed bytes": {
      const value = bytesOf(path, d.size);
      return schema.typeName === "Namespace" ? value.fill(0, 0, 8) : value;
    }
    case "list":
      return Array.from({ length: Math.min(several, d.max) }, (_, i) => at(String(i), d.element));
    case "map": {
      const out = new SortedMap<unknown, unknown>(d.key);
      for (let i = 0; i < several; i++) out.set(at(`key${i}`, d.key), at(`value${i}`, d.value));
      return out;
    }
    case "tuple":
      return d.items.map((item, i) => at(String(i), item));
    case "struct": {
      const known = Object.entries(d.fields).filter(([, field]) => extended || !field.extension);
      const fields = known.map(([key, field]) => [key, at(key, field)] as const);
      return { ...Object.fromEntries(fields), ...FIXED[schema.typeName] };
    }
    case "union": {
      const names = Object.keys(d.variants);
      const type = names[number(path) % names.length] as string;
      return { type, value: at(type, d.variants[type] as Schema<unknown>) };
    }
    case "maybe":
      return depth > BOTTOM ? d.nothing : sampleOf(d.inner, path, depth, extended);
    case "lazy":
      return sampleOf(d.get(), path, depth + 1, extended);
    case "custom":
      return schema.zero();
  }
}

/** Every variant of a union once; of any other type just the sample. */
export function samplesOf(
  schema: Schema<unknown>,
  path: string,
  extended = false,
): { readonly variant: string; readonly value: unknown }[] {
  const d = schema.description;
  if (d.kind !== "union") return [{ variant: "", value: sampleOf(schema, path, 0, extended) }];
  return Object.entries(d.variants).map(([type, inner]) => ({
    variant: type,
    value: { type, value: sampleOf(inner, `${path}.${type}`, 1, extended) },
  }));
}
