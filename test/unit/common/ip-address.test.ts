import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { ipFromText, ipToText, ipv4Of } from "#common/ip-address.js";

describe("IP addresses", () => {
  it("are printed in the shortest form", () => {
    const printed: [string, string][] = [
      ["7f000001", "127.0.0.1"],
      ["00000000000000000000ffff7f000001", "127.0.0.1"],
      ["00000000000000000000000000000000", "::"],
      ["00000000000000000000000000000001", "::1"],
      ["20010db8000000000000000000000001", "2001:db8::1"],
      ["20010db8000000010000000000000001", "2001:db8:0:1::1"],
      ["20010db8000100010001000100010001", "2001:db8:1:1:1:1:1:1"],
      ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
      ["fe800000000000000000000000000000", "fe80::"],
      ["0102", "?0102"],
      ["", "<nil>"],
    ];
    for (const [hex, text] of printed) expect(ipToText(fromHex(hex)), hex).toBe(text);
    expect(ipToText(null)).toBe("<nil>");
  });

  it("are read into 16 bytes", () => {
    const read: [string, string][] = [
      ["127.0.0.1", "00000000000000000000ffff7f000001"],
      ["::", "00000000000000000000000000000000"],
      ["::1", "00000000000000000000000000000001"],
      ["1::", "00010000000000000000000000000000"],
      ["2001:DB8::1", "20010db8000000000000000000000001"],
      ["::ffff:1.2.3.4", "00000000000000000000ffff01020304"],
      ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
      ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"],
    ];
    for (const [text, hex] of read) {
      expect(toHex(ipFromText(text)), text).toBe(hex);
      expect(ipFromText(ipToText(fromHex(hex)))).toEqual(fromHex(hex));
    }
    const bad = [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "01.2.3.4",
      "a.b.c.d",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "g::",
      "1.2.3.4::",
      "1:2:3:4:5:6:7:8::",
    ];
    for (const text of bad) expect(() => ipFromText(text), text).toThrow(DecodeError);
  });

  it("know IPv4 in both sizes", () => {
    expect(ipv4Of(fromHex("01020304"))).toEqual(fromHex("01020304"));
    expect(ipv4Of(fromHex("00000000000000000000ffff01020304"))).toEqual(fromHex("01020304"));
    expect(ipv4Of(fromHex("00000000000000000000000001020304"))).toBe(undefined);
  });
});
