import { expect, test } from "vitest";
import { concatBytes, u32be } from "#common/bytes.js";
import { encodeFrame, FrameReader } from "#runtime/rhp/framing.js";
import { MAX_MESSAGE_BYTES } from "#runtime/rhp/messages/limits.js";

const messages = [[], [1], [2, 3, 4], Array.from({ length: 300 }, (_, i) => i % 256)].map((m) => Uint8Array.from(m));
const stream = concatBytes(...messages.map(encodeFrame));

test("messages come out whole however the stream is cut", () => {
  for (const size of [1, 2, 3, 7, 100, stream.length]) {
    const reader = new FrameReader();
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size) found.push(...reader.push(stream.subarray(at, at + size)));
    expect(found).toEqual(messages);
  }
});

test("a frame that announces more than 32 MiB is refused before its bytes arrive", () => {
  expect(() => new FrameReader().push(u32be(MAX_MESSAGE_BYTES + 1))).toThrow("limit 33554432");
  expect(new FrameReader().push(u32be(MAX_MESSAGE_BYTES))).toEqual([]);
});

test("a message larger than 32 MiB is not sent", () => {
  expect(() => encodeFrame(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toThrow("limit 33554432");
});
