import { expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { HashEngine } from "#mkvs/arena/hash-engine.js";
import { leafHash } from "#mkvs/node/node.js";
import { Random } from "./support/random.ts";

test.each([true, false])("the hash engine answers as the usual hash (WebAssembly: %s)", (webAssembly) => {
  const engine = new HashEngine(webAssembly);
  const random = new Random();
  const out = new Int32Array(16);
  const lengths = [...Array.from({ length: 400 }, (_, i) => i), 100, 100, 141, 1000, 16_383, 16_384];
  for (const length of lengths) {
    const input = random.bytes(length);
    engine.bytes.set(input, engine.inputAt);
    engine.digest(length, out, 8);
    expect(toHex(new Uint8Array(out.buffer, 32, 32)), `${random.label}, ${length} bytes`).toBe(toHex(hash(input)));
  }
});

test.each([true, false])("inputs that are hashed in pairs get their own hashes (WebAssembly: %s)", (webAssembly) => {
  const engine = new HashEngine(webAssembly);
  const random = new Random();
  const lengths = Array.from({ length: 301 }, () => random.below(random.below(3) === 0 ? 400 : 111));
  const inputs = lengths.map((length) => random.bytes(length));
  const out = new Int32Array(8 * inputs.length);
  inputs.forEach((input, i) => {
    engine.bytes.set(input, engine.inputAt);
    engine.push(input.length, out, 8 * i);
  });
  engine.flush();
  inputs.forEach((input, i) => {
    const label = `${random.label}, input ${i} of ${input.length} bytes`;
    expect(toHex(new Uint8Array(out.buffer, 32 * i, 32)), label).toBe(toHex(hash(input)));
  });
});

test.each([true, false])("leaves are hashed in pairs, whatever their sizes (WebAssembly: %s)", (webAssembly) => {
  const random = new Random();
  const sizes = [100, 100, 5, 40_000, 100, 0, 16_375, 16_400, 3];
  const keys = sizes.map(() => random.bytes(random.below(60)));
  const values = sizes.map((size, i) => (i === 2 ? null : random.bytes(size)));
  const hashes = new HashEngine(webAssembly).hashLeaves(keys, values);
  keys.forEach((key, i) => {
    const value = values[i] ?? null;
    const wanted = value === null ? new Uint8Array(32) : leafHash(key, value);
    expect(toHex(new Uint8Array(hashes.buffer, 32 * i, 32)), `${random.label}, leaf ${i}`).toBe(toHex(wanted));
  });
});
