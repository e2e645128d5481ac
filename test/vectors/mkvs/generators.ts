import { utf8 } from "#common/bytes.js";

/** How the vectors describe a tree that is too long to list. */
export interface Generator {
  readonly generator: string;
  readonly n?: number;
  readonly key_text?: string;
  readonly value_text?: string;
}

/** The entries of a generated tree, in the order in which the reference inserts them. */
export function generatedEntries(source: Generator): (readonly [key: Uint8Array, value: Uint8Array])[] {
  const text = source.key_text ?? "";
  const count = source.n ?? text.length;
  return Array.from({ length: count }, (_, i) => {
    switch (source.generator) {
      case "kv":
        return [utf8(`key ${i}`), utf8(`value ${i}`)] as const;
      case "numbers":
        return [utf8(`${i}`), utf8(`${i}`)] as const;
      case "prefixes":
        return [utf8(text.slice(0, i + 1)), utf8(source.value_text ?? "")] as const;
      default:
        throw new TypeError(`unknown generator ${source.generator}`);
    }
  });
}
