/**
 * JSON decoded into declared shapes as Go's `encoding/json` does it: member names match in any case, unknown members
 * are skipped, null leaves a value as it is, missing array elements are zero and surplus ones are dropped. A value of
 * another type is an error, and so is an integer with a fraction or an exponent.
 */
import { fromBase64 } from "../bytes.js";
import { DecodeError } from "../errors/index.js";

/** A number keeps its digits: whether "1.0" is an integer depends on who asks. */
class NumberText {
  constructor(readonly digits: string) {}
}
type Value = null | boolean | string | NumberText | readonly Value[] | Members;
class Members {
  constructor(readonly list: readonly (readonly [name: string, value: Value])[]) {}
}

const DEPTH_MAX = 64;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/g;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const INTEGER = /^-?[0-9]{1,20}$/;

class Parser {
  #at = 0;
  constructor(private readonly text: string) {}

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  /** Takes a token with the blanks around it. */
  #take(token: string): boolean {
    this.#match(SPACE);
    if (!this.text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  document(): Value {
    const value = this.#value(0);
    this.#match(SPACE);
    if (this.#at !== this.text.length) throw new DecodeError("JSON: text after the document");
    return value;
  }

  #value(depth: number): Value {
    if (depth > DEPTH_MAX) throw new DecodeError(`JSON: nested deeper than ${DEPTH_MAX}`);
    if (this.#take("{")) return this.#members(depth);
    if (this.#take("[")) return this.#elements(depth);
    for (const [word, value] of [
      ["null", null],
      ["true", true],
      ["false", false],
    ] as const) {
      if (this.#take(word)) return value;
    }
    if (this.text[this.#at] === '"') return this.#string();
    const digits = this.#match(NUMBER);
    if (digits === undefined) throw new DecodeError("JSON: unexpected character");
    return new NumberText(digits);
  }

  #members(depth: number): Members {
    const list: [string, Value][] = [];
    if (this.#take("}")) return new Members(list);
    do {
      this.#match(SPACE);
      const name = this.#string();
      if (!this.#take(":")) throw new DecodeError("JSON: colon expected");
      list.push([name, this.#value(depth + 1)]);
    } while (this.#take(","));
    if (!this.#take("}")) throw new DecodeError("JSON: end of object expected");
    return new Members(list);
  }

  #elements(depth: number): Value[] {
    const out: Value[] = [];
    if (this.#take("]")) return out;
    do out.push(this.#value(depth + 1));
    while (this.#take(","));
    if (!this.#take("]")) throw new DecodeError("JSON: end of array expected");
    return out;
  }

  #string(): string {
    const quoted = this.#match(STRING);
    if (quoted === undefined) throw new DecodeError("JSON: malformed string");
    const text = quoted.slice(1, -1).replace(ESCAPE, (_, code: string | undefined, letter: string) => {
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return ESCAPES[letter] ?? letter;
    });
    return text.toWellFormed();
  }
}

/** How one Go type takes a value; `before` is what a repeated member finds already there. */
export interface GoShape<T> {
  readonly zero: T;
  take(value: Value, before: T): T;
}

function wrongType(wanted: string): DecodeError {
  return new DecodeError(`JSON: expected ${wanted}`);
}

/** Integers of Go's types, by their range. */
function integer(min: bigint, max: bigint): GoShape<number> {
  return {
    zero: 0,
    take(value, before) {
      if (value === null) return before;
      if (!(value instanceof NumberText) || !INTEGER.test(value.digits)) throw wrongType("an integer");
      const number = BigInt(value.digits);
      // "-0" is an integer to Go, but not one without a sign.
      if (number < min || number > max || (min === 0n && value.digits.startsWith("-")))
        throw wrongType(`an integer from ${min} to ${max}`);
      return Number(number);
    },
  };
}

export const goUint16 = integer(0n, 0xffffn);
export const goUint32 = integer(0n, 0xffffffffn);
export const goInt32 = integer(-0x80000000n, 0x7fffffffn);
/** Go's `int`; larger values lose digits here, which none of its users can tell. */
export const goInt = integer(-(1n << 63n), (1n << 63n) - 1n);

export const goString: GoShape<string> = {
  zero: "",
  take(value, before) {
    if (value === null) return before;
    if (typeof value !== "string") throw wrongType("a string");
    return value;
  },
};

/** Bytes as base64 text; null empties them. */
export const goBytes: GoShape<Uint8Array> = {
  zero: new Uint8Array(0),
  take(value) {
    if (value === null) return new Uint8Array(0);
    if (typeof value !== "string") throw wrongType("base64 text");
    return fromBase64(value);
  },
};

/** A word of a table; `missing` stands for a member that is not there. */
export function goWord<T extends number>(words: Readonly<Record<string, T>>, missing: T): GoShape<T> {
  return {
    zero: missing,
    take(value, before) {
      if (value === null) return before;
      const word = typeof value === "string" && Object.hasOwn(words, value) ? words[value] : undefined;
      if (word === undefined) throw wrongType("a known word");
      return word;
    },
  };
}

/** A pointer: undefined for null and for a member that is not there. */
export function goPointer<T>(shape: GoShape<T>): GoShape<T | undefined> {
  return {
    zero: undefined,
    take: (value, before) => (value === null ? undefined : shape.take(value, before ?? shape.zero)),
  };
}

/** A slice; null empties it. */
export function goSlice<T>(shape: GoShape<T>): GoShape<readonly T[]> {
  return {
    zero: [],
    take(value) {
      if (value === null) return [];
      if (!Array.isArray(value)) throw wrongType("an array");
      return (value as readonly Value[]).map((element) => shape.take(element, shape.zero));
    },
  };
}

/** An array of fixed length; surplus elements may be of any type. */
export function goArray<T>(shape: GoShape<T>, length: number): GoShape<readonly T[]> {
  const zero = new Array<T>(length).fill(shape.zero);
  const slice = goSlice(shape);
  return {
    zero,
    take(value, before) {
      if (value === null) return before;
      const elements = slice.take(Array.isArray(value) ? value.slice(0, length) : value, []);
      return [...elements, ...zero.slice(elements.length)];
    },
  };
}

type Shapes<T> = { readonly [K in keyof T]: GoShape<T[K]> };

/** Names differ only in case for the reference when Unicode folds them together; two foreign letters fold to ASCII. */
function folded(name: string): string {
  return name.replaceAll("\u017f", "s").replaceAll("\u212a", "k").toLowerCase();
}

/** A struct, by the wire names of its members. */
export function goStruct<T extends object>(shapes: Shapes<T>): GoShape<T> {
  const names = Object.keys(shapes);
  const zero = Object.fromEntries(names.map((name) => [name, shapes[name as keyof T].zero])) as T;
  const byFoldedName = new Map(names.map((name) => [folded(name), name]));
  return {
    zero,
    take(value, before) {
      if (value === null) return before;
      if (!(value instanceof Members)) throw wrongType("an object");
      const out = { ...before };
      for (const [name, member] of value.list) {
        const known = byFoldedName.get(folded(name)) as keyof T | undefined;
        if (known !== undefined) out[known] = shapes[known].take(member, out[known]);
      }
      return out;
    },
  };
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Decodes a JSON document. Bytes that are no UTF-8 become U+FFFD.
 * @throws DecodeError
 */
export function decodeGoJson<T>(shape: GoShape<T>, bytes: Uint8Array): T {
  return shape.take(new Parser(decoder.decode(bytes)).document(), shape.zero);
}
