import { DecodeError } from "./errors/index.js";

/**
 * JSON with integers beyond 2^53 as bigint: round and epoch numbers use the whole u64 range on this wire. Whole numbers
 * that are written with a fraction or an exponent are read as NaN, since nothing here has fractions.
 */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };

const MAX_DEPTH = 200;
/** Longest number, in characters: reading decimal digits takes more than linear time. */
const MAX_NUMBER = 1000;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Parser {
  private at = 0;
  constructor(private readonly text: string) {}

  private fail(reason: string): never {
    throw new DecodeError(`JSON: ${reason} at character ${this.at}`);
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at += found[0].length;
    return found;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  document(): Json {
    const value = this.value(0);
    this.space();
    if (this.at !== this.text.length) this.fail("unexpected text after the document");
    return value;
  }

  private value(depth: number): Json {
    if (depth > MAX_DEPTH) this.fail(`nesting deeper than ${MAX_DEPTH}`);
    this.space();
    if (this.take("{")) return this.object(depth);
    if (this.take("[")) return this.array(depth);
    if (this.take('"')) return this.string();
    if (this.take("null")) return null;
    if (this.take("true")) return true;
    if (this.take("false")) return false;
    const number = this.match(NUMBER);
    if (number === null) this.fail("unexpected character");
    if (number[0].length > MAX_NUMBER) this.fail(`number of more than ${MAX_NUMBER} characters`);
    const plain = Number(number[0]);
    const integer = number[1] === undefined && number[2] === undefined;
    // 1.0 and 1e3 are no integers to the reference; numbers beyond all integer types need no mark.
    if (!integer) return Number.isInteger(plain) && plain < 2 ** 64 && plain > -(2 ** 64) ? Number.NaN : plain;
    return Number.isSafeInteger(plain) ? plain : BigInt(number[0]);
  }

  private object(depth: number): Json {
    const out: Record<string, Json> = Object.create(null);
    this.space();
    if (this.take("}")) return out;
    do {
      this.space();
      if (!this.take('"')) this.fail("expected a member name");
      const name = this.string();
      this.space();
      if (!this.take(":")) this.fail("expected a colon");
      out[name] = this.value(depth + 1);
      this.space();
    } while (this.take(","));
    if (!this.take("}")) this.fail("expected a comma or the end of the object");
    return out;
  }

  private array(depth: number): Json {
    const out: Json[] = [];
    this.space();
    if (this.take("]")) return out;
    do {
      out.push(this.value(depth + 1));
      this.space();
    } while (this.take(","));
    if (!this.take("]")) this.fail("expected a comma or the end of the array");
    return out;
  }

  private string(): string {
    let out = "";
    for (;;) {
      out += (this.match(PLAIN) as RegExpExecArray)[0];
      if (this.take('"')) return out.isWellFormed() ? out : out.toWellFormed();
      if (!this.take("\\")) this.fail("control character or end of input in a string");
      out += this.escape();
    }
  }

  private escape(): string {
    const kind = this.text.charAt(this.at++);
    if (kind !== "u") {
      const plain = ESCAPES[kind];
      if (plain === undefined) this.fail("unknown escape");
      return plain;
    }
    const hex = this.text.slice(this.at, this.at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.fail("bad unicode escape");
    this.at += 4;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }
}

/**
 * Parses JSON text, keeping large integers exact. A repeated member overwrites the earlier one.
 * @throws DecodeError with the position
 */
export function parseJson(text: string): Json {
  return new Parser(text).document();
}

/** Backslash, quote and control characters as JSON wants them, and what the reference escapes beside them. */
const TO_ESCAPE = /["\\\u0000-\u001f<>&\u2028\u2029]/g;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quote(text: string): string {
  const escaped = text.replace(
    TO_ESCAPE,
    (c) => SHORT_ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${text.isWellFormed() ? escaped : escaped.replace(/\p{Surrogate}/gu, "\\ufffd")}"`;
}

/**
 * Members in order. JavaScript moves names that look like integers to the front in numeric order; only the keys of maps
 * look like that, and the reference prints those in the order of their text.
 */
function membersOf(value: { readonly [key: string]: Json }): [string, Json][] {
  const members = Object.entries(value);
  const first = members[0];
  if (first !== undefined && /^\d+$/.test(first[0])) members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return members;
}

/**
 * Prints JSON as the reference does: HTML characters escaped, members in the order given.
 * @param indent spaces per level; 0 prints everything on one line
 */
export function printJson(value: Json, indent = 0, level = 0): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number" || typeof value === "bigint") return value.toString();
  if (typeof value === "string") return quote(value);
  const pad = indent === 0 ? "" : `\n${" ".repeat(indent * (level + 1))}`;
  const end = indent === 0 ? "" : `\n${" ".repeat(indent * level)}`;
  const colon = indent === 0 ? ":" : ": ";
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => pad + printJson(item, indent, level + 1));
    return items.length === 0 ? "[]" : `[${items.join(",")}${end}]`;
  }
  const members = membersOf(value as { readonly [key: string]: Json }).map(
    ([k, v]) => pad + quote(k) + colon + printJson(v as Json, indent, level + 1),
  );
  return members.length === 0 ? "{}" : `{${members.join(",")}${end}}`;
}

/** An object of JSON, or a DecodeError. */
export function expectObject(json: Json): { readonly [key: string]: Json } {
  if (json === null || typeof json !== "object" || Array.isArray(json)) throw new DecodeError("expected a JSON object");
  return json as { readonly [key: string]: Json };
}
