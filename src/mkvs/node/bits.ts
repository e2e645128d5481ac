/**
 * Bit strings: labels of nodes and parts of keys, most significant bit first, left-aligned in bytes with unused low bits
 * zero (mkvs: tree model). Bit `i` is the bit `7 - i % 8` of byte `i >> 3`.
 */

const NO_BITS = new Uint8Array(0);
// Most labels of a large tree fit one byte; sharing these saves an array per node.
const ONE_BYTE: readonly Uint8Array[] = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

/** Bytes that hold so many bits. */
export function bytesOfBits(bits: number): number {
  return (bits + 7) >> 3;
}

/** A bit string of at most eight bits by its only byte, whose unused bits are zero. Shared: never change it. */
export function shortLabel(byte: number, bits: number): Uint8Array {
  return bits === 0 ? NO_BITS : (ONE_BYTE[byte] as Uint8Array);
}

export function bitAt(bytes: Uint8Array, bit: number): boolean {
  return (((bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1) === 1;
}

/** Eight bits from any position; bits beyond the end are zero. */
function byteAt(bytes: Uint8Array, bit: number): number {
  const at = bit >> 3;
  const shift = bit & 7;
  const high = bytes[at] ?? 0;
  return shift === 0 ? high : ((high << shift) | ((bytes[at + 1] ?? 0) >> (8 - shift))) & 255;
}

/**
 * How many leading bits two bit strings share.
 *
 * @param from first bit of `b` that takes part; `a` begins at its first bit
 */
export function commonBits(a: Uint8Array, aBits: number, b: Uint8Array, bBits: number, from: number): number {
  const limit = aBits < bBits - from ? aBits : bBits - from;
  let done = 0;
  while (done < limit) {
    let difference = (a[done >> 3] as number) ^ byteAt(b, from + done);
    if (difference !== 0) {
      while ((difference & 0x80) === 0) {
        difference <<= 1;
        done++;
      }
      return done < limit ? done : limit;
    }
    done += 8;
  }
  return limit;
}

/** How many bits two whole keys share after bit `from`, up to which they are known to agree. */
export function commonKeyBits(a: Uint8Array, b: Uint8Array, from: number): number {
  const bytes = a.length < b.length ? a.length : b.length;
  for (let at = from >> 3; at < bytes; at++) {
    let difference = (a[at] as number) ^ (b[at] as number);
    if (difference !== 0) {
      let bits = at << 3;
      while ((difference & 0x80) === 0) {
        difference <<= 1;
        bits++;
      }
      return bits - from;
    }
  }
  return (bytes << 3) - from;
}

/** The bits `from` (included) to `to` (excluded) as a bit string of their own. The result may be shared: never change it. */
export function sliceBits(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const bits = to - from;
  if (bits <= 0) {
    return NO_BITS;
  }
  const lastMask = (0xff << ((8 - (bits & 7)) & 7)) & 255;
  if (bits <= 8) {
    return ONE_BYTE[byteAt(bytes, from) & lastMask] as Uint8Array;
  }
  const out = new Uint8Array(bytesOfBits(bits));
  for (let i = 0; i < out.length; i++) {
    out[i] = byteAt(bytes, from + (i << 3));
  }
  const last = out.length - 1;
  out[last] = (out[last] as number) & lastMask;
  return out;
}

/** Two bit strings, one after the other; bits of `a` beyond `aBits` are ignored. The result may be shared. */
export function joinBits(a: Uint8Array, aBits: number, b: Uint8Array, bBits: number): Uint8Array {
  const total = aBits + bBits;
  const out = new Uint8Array(bytesOfBits(total));
  out.set(sliceBits(a, 0, aBits));
  const shift = aBits & 7;
  let at = aBits >> 3;
  for (let i = 0; i < bytesOfBits(bBits); i++) {
    const byte = b[i] as number;
    if (shift === 0) {
      out[at] = byte;
    } else {
      out[at] = (out[at] as number) | (byte >> shift);
      if (at + 1 < out.length) {
        out[at + 1] = (byte << (8 - shift)) & 255;
      }
    }
    at++;
  }
  return total <= 8 ? sliceBits(out, 0, total) : out;
}

/** A copy of at least `bit + 1` bits, that bit set as told; bits between the old end and it are zero. */
export function withBit(bytes: Uint8Array, bit: number, value: boolean): Uint8Array {
  const needed = bytesOfBits(bit + 1);
  const out = new Uint8Array(needed > bytes.length ? needed : bytes.length);
  out.set(bytes);
  const mask = 0x80 >> (bit & 7);
  const at = bit >> 3;
  out[at] = value ? (out[at] as number) | mask : (out[at] as number) & ~mask;
  return out;
}

/** Overwrites bits in place, from a bit on, with the first ones of another string; bits behind them stay. */
export function putBits(out: Uint8Array, at: number, bits: Uint8Array, count: number): void {
  for (let i = 0; i < count; ) {
    const to = at + i;
    const shift = to & 7;
    const room = 8 - shift;
    const take = count - i < room ? count - i : room;
    const mask = ((0xff << (8 - take)) & 0xff) >> shift;
    const value = (byteAt(bits, i) >> shift) & mask;
    out[to >> 3] = ((out[to >> 3] as number) & ~mask) | value;
    i += take;
  }
}
