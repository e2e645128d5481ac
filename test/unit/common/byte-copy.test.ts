import { describe, expect, it } from "vitest";
import { copyRange, lasting } from "#common/byte-copy.js";

describe("copies of byte ranges", () => {
  const source = Uint8Array.from({ length: 5000 }, (_, i) => i & 255);

  it("hold what the range held, whatever its size, and stay as they are", () => {
    const copies: [Uint8Array, number][] = [];
    for (const n of [0, 1, 11, 12, 64, 65, 100, 1000, 1024, 1025, 4000]) {
      for (let from = 0; from < 40; from += 3) copies.push([copyRange(source, from, from + n), from]);
    }
    const before = source.slice();
    source.fill(0);
    for (const [copy, from] of copies) expect(copy).toEqual(before.slice(from, from + copy.length));
    source.set(before);
  });

  it("are copies of a Buffer too, whose own slice is a view", () => {
    for (const n of [5, 32, 100, 2000]) {
      const buffer = Buffer.alloc(n, 7);
      const copy = copyRange(buffer, 0, n);
      buffer.fill(0);
      expect(copy.every((byte) => byte === 7)).toBe(true);
    }
  });

  it("do not touch each other when one is written to", () => {
    const [a, b] = [copyRange(source, 0, 100), copyRange(source, 0, 100)];
    a.fill(255);
    expect(b).toEqual(source.slice(0, 100));
    expect(copyRange(source, 0, 100)).toEqual(source.slice(0, 100));
  });

  it("for whoever keeps them long have memory of their own", () => {
    for (const n of [0, 12, 64, 65, 300, 1024, 1025, 4000]) {
      const copy = copyRange(source, 1, 1 + n);
      const kept = lasting(copy);
      expect([kept, kept.buffer.byteLength]).toEqual([copy, n]);
      expect(lasting(kept)).toBe(kept);
    }
  });
});
