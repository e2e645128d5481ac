import { expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { HashEngine } from "#mkvs/arena/hash-engine.js";
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
