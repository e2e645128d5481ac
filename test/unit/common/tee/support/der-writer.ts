/** Writes DER, also the kind that nobody should write. */
import { concatBytes, fromHex, utf8 } from "#common/bytes.js";

export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concatBytes(...parts);
  return concatBytes(Uint8Array.of(tag), lengthOf(contents.length), contents);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  if (length < 0x100) return Uint8Array.of(0x81, length);
  return Uint8Array.of(0x82, length >> 8, length & 0xff);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => der(0x30, ...parts);
export const oid = (hex: string): Uint8Array => der(0x06, fromHex(hex));
export const octets = (bytes: Uint8Array): Uint8Array => der(0x04, bytes);
export const boolean = (value: boolean): Uint8Array => der(0x01, Uint8Array.of(value ? 0xff : 0));
export const bits = (bytes: Uint8Array, unused = 0): Uint8Array => der(0x03, Uint8Array.of(unused), bytes);
export const utcTime = (text: string): Uint8Array => der(0x17, utf8(text));

/** A non-negative integer of big-endian bytes. */
export function integer(bytes: Uint8Array | number): Uint8Array {
  const digits = typeof bytes === "number" ? numberBytes(bytes) : bytes;
  const start = digits.findIndex((byte) => byte !== 0);
  const minimal = start < 0 ? Uint8Array.of(0) : digits.subarray(start);
  return der(0x02, (minimal[0] as number) >= 0x80 ? concatBytes(Uint8Array.of(0), minimal) : minimal);
}

function numberBytes(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value);
  return out;
}

/** A name with nothing but a common name. */
export function commonName(text: string): Uint8Array {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, utf8(text)))));
}
