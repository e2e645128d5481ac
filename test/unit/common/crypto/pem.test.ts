import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, fromUtf8, utf8 } from "#common/bytes.js";
import { decodePem, encodePem } from "#common/crypto/pem.js";
import { DecodeError } from "#common/errors/index.js";

const type = "ED25519 PRIVATE KEY";

describe("PEM", () => {
  it("writes lines of 64 characters and reads them back, with either line break", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        const file = encodePem(type, data);
        expect(decodePem(type, file)).toEqual(data);
        expect(decodePem(type, utf8(fromUtf8(file).replaceAll("\n", "\r\n")))).toEqual(data);
      }),
    );
    const lines = fromUtf8(encodePem(type, new Uint8Array(64))).split("\n");
    expect(lines.map((line) => line.length)).toEqual([35, 64, 24, 33, 0]);
  });

  it("refuses another type, headers, anything around the block, and bad base64", () => {
    const text = fromUtf8(encodePem(type, fromHex("0102")));
    for (const bad of [
      text.replaceAll("PRIVATE", "PUBLIC"),
      text.replace("END ED25519 PRIVATE", "END ED25519 PUBLIC"),
      text.replace("-----\n", "-----\nName: value\n\n"),
      `x\n${text}`,
      `${text}x`,
      text + text,
      text.replace("AQI=", "AQI"),
      text.replace("AQI=", "A?I="),
      "",
    ]) {
      expect(() => decodePem(type, utf8(bad))).toThrow(DecodeError);
    }
  });
});
