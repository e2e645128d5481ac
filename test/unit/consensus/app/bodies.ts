import { decode, encode, Token, Type } from "cborg";
import type { Schema } from "#common/schema/index.js";
import { snakeCase } from "#common/schema/struct.js";

/** A small generator of numbers; the same seed gives the same bodies. */
export class Chance {
  constructor(private state: number) {}

  below(n: number): number {
    this.state = (this.state * 48_271) % 2_147_483_647;
    return this.state % n;
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** What no field expects, or only a few. */
const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  23,
  0xffffffffffffffffn,
  -0x8000000000000000n,
  "",
  "a text",
  new Uint8Array(0),
  new Uint8Array(20),
  new Uint8Array(300),
  [],
  [0, [null]],
  new Map(),
  new Map([["no such field", 1]]),
  new Map([[1, 1]]),
  1.5,
];

const MAX_DEPTH = 6;

/** A value of a type in plain form, with something hostile here and there. */
function valueOf(schema: Schema<unknown>, chance: Chance, depth: number): unknown {
  if (chance.below(25) === 0) return chance.oneOf(HOSTILE);
  const { description: d } = schema;
  const inner = (of: Schema<unknown>): unknown => (depth > MAX_DEPTH ? null : valueOf(of, chance, depth + 1));
  const some = <T>(make: () => T): T[] => Array.from({ length: chance.below(3) }, make);
  switch (d.kind) {
    case "integer":
      return chance.oneOf([0n, 1n, d.max, d.min, BigInt(chance.below(100))]);
    case "enumeration":
      return chance.oneOf([...Object.values(d.words), 200]);
    case "bool":
      return chance.below(2) === 1;
    case "time":
      return chance.below(2_000_000_000);
    case "raw":
      return chance.oneOf(HOSTILE);
    case "text":
      return "x".repeat(chance.below(Math.min(d.max, 40)));
    case "bytes":
      return chance.bytes(chance.below(Math.min(d.max, 80)));
    case "fixed bytes":
      return chance.bytes(chance.below(10) === 0 ? chance.below(80) : d.size);
    case "list":
      return some(() => inner(d.element));
    case "map":
      return new Map(some(() => [inner(d.key), inner(d.value)] as const));
    case "tuple":
      return d.items.map(inner);
    case "struct":
      return structOf(d.fields, chance, inner);
    case "union":
      return new Map(
        Object.entries(d.variants)
          .slice(0, 1 + chance.below(2))
          .map(([name, v]) => [name, inner(v)]),
      );
    case "maybe":
      return chance.below(3) === 0 ? null : inner(d.inner);
    case "lazy":
      return inner(d.get());
    default:
      return customOf(schema, chance);
  }
}

function structOf(
  fields: Readonly<Record<string, Schema<unknown>>>,
  chance: Chance,
  inner: (of: Schema<unknown>) => unknown,
): Map<string, unknown> {
  const out = new Map<string, unknown>();
  for (const [name, field] of Object.entries(fields)) {
    if (chance.below(8) === 0) continue;
    out.set(field.wireName ?? snakeCase(name), inner(field));
  }
  if (chance.below(20) === 0) out.set("extra", 1);
  return out;
}

function customOf(schema: Schema<unknown>, chance: Chance): unknown {
  if (schema.typeName === "Quantity") return chance.bytes(chance.below(20));
  return decode(schema.encode(schema.zero()), { useMaps: true });
}

/** Integers of 64 bits, which are all that a body can hold. */
function bigEncoder(value: bigint): Token[] {
  return [new Token(value < 0n ? Type.negint : Type.uint, value)];
}

/** A body that looks like one of this type. */
export function generatedBody(schema: Schema<unknown>, chance: Chance): Uint8Array {
  const value = valueOf(schema, chance, 0);
  try {
    return new Uint8Array(encode(value, { typeEncoders: { bigint: bigEncoder } }));
  } catch {
    // Keys that this library cannot sort.
    return Uint8Array.of(0xa1, 0x80, 0x80);
  }
}

/** The fields that a struct on the wire has, as a map; undefined for other types. */
export function plainBody(schema: Schema<unknown>): Map<string, unknown> | undefined {
  if (schema.description.kind !== "struct") return undefined;
  const plain: unknown = decode(schema.encode(schema.zero()), { useMaps: true });
  return plain instanceof Map ? (plain as Map<string, unknown>) : undefined;
}

/** Encodes a plain value. */
export function encodePlain(value: unknown): Uint8Array {
  return new Uint8Array(encode(value));
}
