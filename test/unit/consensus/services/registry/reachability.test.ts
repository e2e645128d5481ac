import { expect, it } from "vitest";
import { ipFromText } from "#common/ip-address.js";
import { isGlobalUnicast, isProbablyReachable } from "#consensus/services/registry/logic/reachability.js";

const accepted = [
  "35.1.2.3",
  "8.8.8.8",
  "172.32.0.1",
  "100.128.0.1",
  "192.0.1.1",
  "2a00:1450:4001::1",
  "::ffff:8.8.8.8",
];
const notUnicast = [
  "0.0.0.0",
  "255.255.255.255",
  "127.0.0.1",
  "127.255.0.1",
  "224.0.0.1",
  "239.1.1.1",
  "169.254.1.1",
  "::",
  "::1",
  "ff02::1",
  "fe80::1",
  "febf::1",
];
const reserved = [
  "0.1.2.3",
  "10.0.0.1",
  "100.64.0.1",
  "100.127.255.255",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.8",
  "192.0.2.1",
  "192.168.1.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.7",
  "203.0.113.7",
  "240.0.0.1",
  "64:ff9b:1::1",
  "100::1",
  "2001:0:1::1",
  "2001:1ff::1",
  "2001:db8::1",
  "fc00::1",
  "fdff::1",
  "::ffff:10.1.2.3",
];

it.each(accepted)("accepts %s", (text) => {
  expect(isGlobalUnicast(ipFromText(text))).toBe(true);
  expect(isProbablyReachable(ipFromText(text))).toBe(true);
});

it.each(notUnicast)("refuses %s as no global unicast address", (text) => {
  expect(isGlobalUnicast(ipFromText(text))).toBe(false);
});

it.each(reserved)("refuses %s as reserved, though it may be unicast", (text) => {
  expect(isProbablyReachable(ipFromText(text))).toBe(false);
});

it("refuses addresses of a wrong length as no unicast address", () => {
  for (const length of [0, 3, 5, 15, 17]) expect(isGlobalUnicast(new Uint8Array(length).fill(1))).toBe(false);
});
