import { snakeCase } from "../../src/common/schema/struct.ts";
import type { Schema } from "../../src/common/schema/index.ts";

/** A field of a struct as documents show it. */
export interface FieldText {
  readonly name: string;
  readonly type: string;
  /** What becomes of it on the wire when it holds nothing. */
  readonly omitted: string;
}

const OMITTED = { never: "written", empty: "left out", undefined: "left out" };

/** The fields of a struct in order of declaration; none for other types. */
export function fieldsOf(schema: Schema<unknown>): FieldText[] {
  const { description } = schema;
  if (description.kind !== "struct") return [];
  return Object.entries(description.fields).map(([name, field]) => ({
    name: field.wireName ?? snakeCase(name),
    type: typeText(field),
    omitted: field.description.kind === "maybe" && field.omit === "never" ? "null" : OMITTED[field.omit],
  }));
}

/** A limit that says something; the size of a whole frame does not. */
function atMost(max: number): string {
  return max >= 1_000_000 ? "" : ` (<= ${max})`;
}

/** How documents name a type. */
export function typeText(schema: Schema<unknown>): string {
  const { description: d, typeName } = schema;
  switch (d.kind) {
    case "text":
    case "bytes":
      return `${d.kind}${atMost(d.max)}`;
    case "list":
      return `list of ${typeText(d.element)}${atMost(d.max)}`;
    case "map":
      return `map of ${typeText(d.key)} to ${typeText(d.value)}${atMost(d.max)}`;
    case "maybe":
      return `${typeText(d.inner)}?`;
    case "lazy":
      return d.get().typeName;
    case "enumeration":
      return `${typeName} (${Object.entries(d.words)
        .map(([word, value]) => `${word} ${value}`)
        .join(", ")})`;
    default:
      return typeName;
  }
}

/** The type inside of lists and optional ones. */
export function unwrapped(schema: Schema<unknown>): Schema<unknown> {
  const { description: d } = schema;
  if (d.kind === "maybe") return unwrapped(d.inner);
  return d.kind === "list" ? unwrapped(d.element) : schema;
}
