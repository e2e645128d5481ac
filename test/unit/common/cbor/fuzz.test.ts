import { decode as cborgDecode, encode as cborgEncode } from "cborg";
import { describe, expect, it } from "vitest";
import { equalBytes, toHex } from "#common/bytes.js";
import { CborWriter } from "#common/cbor/writer.js";
import { DecodeError } from "#common/errors/index.js";
import { type Mode, raw, type Schema } from "#common/schema/index.js";
import { SortedMap } from "#common/sorted-map.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { ExecutorCommitment, Header, Message, RuntimeState } from "#consensus/services/roothash/types.js";

const SEED = Number(process.env["QANAT_SEED"] ?? Date.now() % 1_000_000_007);
/** Inputs of each kind: 20,000 beside cborg in every run, a million in the long one. */
const INPUTS = process.env["QANAT_NIGHTLY"] === "1" ? 500_000 : 10_000;
const PATIENCE_MS = 3_600_000;
const MODES: readonly Mode[] = ["untrusted", "rpc", "trusted", "runtime"];

/** A small generator of numbers, so that a failure can be run again from its seed. */
class Random {
  constructor(private state: number) {}

  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.below(256));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

type Value = null | boolean | bigint | string | Uint8Array | Value[] | Map<string, Value>;

const WORDS = ["", "a", "aa", "b", "state_root", "é", "日本語", "x".repeat(23), "x".repeat(24), "x".repeat(300)];
const EDGES = [0n, 23n, 24n, 255n, 256n, 65535n, 65536n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n];

function value(random: Random, depth: number): Value {
  switch (random.below(depth > 4 ? 6 : 8)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 1;
    case 2:
      return random.pick(EDGES);
    case 3: {
      const n = random.pick(EDGES);
      return -1n - (n > 2n ** 63n - 1n ? 2n ** 63n - 1n : n);
    }
    case 4:
      return random.pick(WORDS);
    case 5:
      return random.bytes(random.pick([0, 1, 23, 24, 32, 64, 65, 255, 256]));
    case 6:
      return Array.from({ length: random.below(6) }, () => value(random, depth + 1));
    default: {
      const map = new Map<string, Value>();
      for (let n = random.below(6); n > 0; n--) map.set(random.pick(WORDS), value(random, depth + 1));
      return map;
    }
  }
}

function write(w: CborWriter, v: Value): void {
  if (v === null) w.null();
  else if (typeof v === "boolean") w.bool(v);
  else if (typeof v === "bigint") w.int(v);
  else if (typeof v === "string") w.text(v);
  else if (v instanceof Uint8Array) w.bytes(v);
  else if (Array.isArray(v)) {
    w.array(v.length);
    for (const item of v) write(w, item);
  } else {
    const sorted = SortedMap.text<Value>();
    for (const [key, member] of v) sorted.set(key, member);
    w.map(sorted.size);
    for (const [key, member] of sorted) {
      w.text(key);
      write(w, member);
    }
  }
}

function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  const out = Array.from(bytes);
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(out.length + 1);
    switch (random.below(5)) {
      case 0:
        if (at < out.length) out[at] = (out[at] as number) ^ (1 << random.below(8));
        break;
      case 1:
        out.splice(at, 0, random.below(256));
        break;
      case 2:
        out.splice(at, 1 + random.below(4));
        break;
      case 3:
        if (at < out.length)
          out[at] = random.pick([0x18, 0x1b, 0x40, 0x5f, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xf6, 0xf7, 0xff]);
        break;
      default:
        out.splice(at, 0, ...out.slice(at, at + random.below(8)));
    }
  }
  return Uint8Array.from(out);
}

function kindOf(key: unknown): string {
  if (typeof key === "number" || typeof key === "bigint") return key < 0 ? "negative" : "unsigned";
  return Object.prototype.toString.call(key);
}

/** Keys of several types in one map: cborg orders them by type first, the protocol by length. */
function hasMixedKeys(decoded: unknown): boolean {
  if (Array.isArray(decoded)) return decoded.some(hasMixedKeys);
  if (!(decoded instanceof Map)) return false;
  const kinds = new Set([...decoded.keys()].map(kindOf));
  return kinds.size > 1 || [...decoded].some(([key, value]) => hasMixedKeys(key) || hasMixedKeys(value));
}

/** What cborg makes of bytes when it is as strict as it can be; undefined when it refuses them. */
function cborgVerdict(bytes: Uint8Array): { canonical: boolean; mixedKeys: boolean } | undefined {
  try {
    const decoded: unknown = cborgDecode(bytes, {
      useMaps: true,
      strict: true,
      rejectDuplicateMapKeys: true,
      allowIndefinite: false,
      allowUndefined: true,
    });
    return { canonical: equalBytes(cborgEncode(decoded), bytes), mixedKeys: hasMixedKeys(decoded) };
  } catch {
    return undefined;
  }
}

function accepts(schema: Schema<unknown>, bytes: Uint8Array, mode: Mode): boolean {
  try {
    schema.decode(bytes, mode);
    return true;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return false;
  }
}

/** Why bytes are refused in the strictest of the Go modes. */
function problemOf(schema: Schema<unknown>, bytes: Uint8Array): string | undefined {
  try {
    schema.decode(bytes);
    return undefined;
  } catch (error) {
    return (error as DecodeError).reason;
  }
}

/** Floats and simple values are none of this protocol's business; cborg reads them. */
function hasFloat(bytes: Uint8Array): boolean {
  return [0xf9, 0xfa, 0xfb].some((head) => bytes.includes(head));
}

describe(`codec beside cborg, seed ${SEED}`, () => {
  it("writes what cborg writes for random values, and reads it back in every mode", { timeout: PATIENCE_MS }, () => {
    const random = new Random(SEED);
    for (let i = 0; i < INPUTS; i++) {
      const v = value(random, 0);
      const w = new CborWriter();
      write(w, v);
      const bytes = w.finish();
      expect(toHex(bytes), `seed ${SEED} value ${i}`).toBe(toHex(cborgEncode(v)));
      for (const mode of MODES)
        expect(equalBytes(raw.decode(bytes, mode), bytes), `seed ${SEED} value ${i} ${mode}`).toBe(true);
    }
  });

  it("agrees with cborg on mutated encodings", { timeout: PATIENCE_MS }, () => {
    const random = new Random(SEED + 1);
    let accepted = 0;
    for (let i = 0; i < INPUTS; i++) {
      const w = new CborWriter();
      write(w, value(random, 0));
      const bytes = mutated(random, w.finish());
      const where = `seed ${SEED} input ${i}: ${toHex(bytes)}`;
      const theirs = cborgVerdict(bytes);
      const ours = accepts(raw, bytes, "runtime");
      // cborg lets unsorted maps and bad UTF-8 pass, but cannot write them again.
      if (ours) expect(theirs, where).toBeDefined();
      else if (theirs !== undefined && !hasFloat(bytes) && !theirs.mixedKeys)
        expect(theirs.canonical, where).toBe(false);
      // Each mode accepts what the stricter one before it accepts.
      const [untrusted, rpc, trusted] = [
        accepts(raw, bytes, "untrusted"),
        accepts(raw, bytes, "rpc"),
        accepts(raw, bytes, "trusted"),
      ];
      if (ours) expect(untrusted, where).toBe(true);
      expect(rpc, where).toBe(untrusted);
      if (untrusted) expect(trusted, where).toBe(true);
      if (ours) accepted++;
    }
    expect(accepted, `seed ${SEED}`).toBeGreaterThan(100);
  });

  it("decodes mutated structs to values that survive a round trip, or refuses them with a DecodeError", {
    timeout: PATIENCE_MS,
  }, () => {
    const random = new Random(SEED + 2);
    const zeros: [Schema<unknown>, unknown][] = [
      [Runtime, { ...Runtime.zero(), v: 3 }],
      [Node, { ...Node.zero(), v: 3 }],
      [Header, Header.zero()],
      [ExecutorCommitment, { ...ExecutorCommitment.zero(), messages: [Message.zero()] }],
      [RuntimeState, RuntimeState.zero()],
    ];
    for (let i = 0; i < INPUTS; i++) {
      const [schema, zero] = random.pick(zeros);
      const bytes = mutated(random, schema.encode(zero));
      for (const mode of MODES) {
        const where = `seed ${SEED} struct ${i} ${mode}: ${toHex(bytes)}`;
        let decoded: unknown;
        try {
          decoded = schema.decode(bytes, mode);
        } catch (error) {
          expect(error, where).toBeInstanceOf(DecodeError);
          continue;
        }
        const again = schema.encode(decoded);
        // A namespace that came as an array, or to a runtime, has had no look at its flags.
        const problem = problemOf(schema, again);
        if (problem?.includes("reserved flags") === true) continue;
        expect(problem, where).toBe(undefined);
        expect(toHex(schema.encode(schema.decode(again))), where).toBe(toHex(again));
        expect(cborgVerdict(again)?.canonical, where).toBe(true);
      }
    }
  });
});
