/** IP addresses as bytes and text, as the reference reads and prints them. */
import { toHex } from "./bytes.js";
import { DecodeError } from "./errors/index.js";

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

/** The four bytes of an IPv4 address given as 4 or as 16 bytes; undefined for every other address. */
export function ipv4Of(ip: Uint8Array): Uint8Array | undefined {
  if (ip.length === 4) return ip;
  return ip.length === 16 && MAPPED_PREFIX.every((b, i) => ip[i] === b) ? ip.subarray(12) : undefined;
}

/** Dotted or colon text; nothing is `<nil>` and a wrong length `?` with hexadecimal digits. */
export function ipToText(ip: Uint8Array | null): string {
  if (ip === null || ip.length === 0) return "<nil>";
  const v4 = ipv4Of(ip);
  if (v4 !== undefined) return v4.join(".");
  return ip.length === 16 ? ipv6ToText(ip) : `?${toHex(ip)}`;
}

function ipv6ToText(ip: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (ip[2 * i] as number) * 256 + (ip[2 * i + 1] as number));
  let from = -1;
  let run = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > run) {
      from = i;
      run = end - i;
    }
  }
  const hex = (part: readonly number[]): string => part.map((g) => g.toString(16)).join(":");
  return from < 0 ? hex(groups) : `${hex(groups.slice(0, from))}::${hex(groups.slice(from + run))}`;
}

function ipv4FromText(text: string): number[] {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255)) {
    throw new DecodeError("expected an IP address");
  }
  return parts.map(Number);
}

function groupsFromText(text: string, allowDotted: boolean): number[] {
  if (text === "") return [];
  const parts = text.split(":");
  const out: number[] = [];
  parts.forEach((part, i) => {
    if (allowDotted && i === parts.length - 1 && part.includes(".")) {
      const [a = 0, b = 0, c = 0, d = 0] = ipv4FromText(part);
      out.push(a * 256 + b, c * 256 + d);
      return;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) throw new DecodeError("expected an IP address");
    out.push(Number.parseInt(part, 16));
  });
  return out;
}

/**
 * Reads an address; the result always has 16 bytes, an IPv4 address in its mapped form.
 *
 * @throws DecodeError
 */
export function ipFromText(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from([...MAPPED_PREFIX, ...ipv4FromText(text)]);
  const halves = text.split("::");
  if (halves.length > 2) throw new DecodeError("expected an IP address");
  const head = groupsFromText(halves[0] ?? "", halves.length === 1);
  const tail = groupsFromText(halves[1] ?? "", true);
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) throw new DecodeError("expected an IP address");
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 255]));
}
