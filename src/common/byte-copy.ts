/** Copies of byte ranges, cut from shared memory where memory of their own would cost more than the copy itself. */

/** Up to here a typed array lives on the heap of the language and is cheap to make. */
const SMALL = 64;
/** Beyond this the cost of memory of its own is lost in the cost of copying. */
const MEDIUM = 1024;
/** What one slab holds: small, because one surviving copy keeps its whole slab alive. */
const SLAB_BYTES = 8192;
/** Below this a loop beats every call. */
const TINY = 12;

const slab = { bytes: new Uint8Array(0), at: 0 };

/**
 * A copy of `source[from..to)`. It never changes afterwards, but its `buffer` may be shared with other copies: use the
 * array, not its `buffer`.
 */
export function copyRange(source: Uint8Array, from: number, to: number): Uint8Array {
  const n = to - from;
  if (n < TINY) {
    const out = new Uint8Array(n);
    for (let i = 0; i < n; i++) out[i] = source[from + i] as number;
    return out;
  }
  // Not the array's own method: that of Node.js's Buffer gives a view instead of a copy.
  if (n <= SMALL || n > MEDIUM) return Uint8Array.prototype.slice.call(source, from, to);
  if (slab.at + n > slab.bytes.length) {
    slab.bytes = new Uint8Array(SLAB_BYTES);
    slab.at = 0;
  }
  const out = new Uint8Array(slab.bytes.buffer, slab.at, n);
  out.set(source.subarray(from, to));
  slab.at += n;
  return out;
}

/**
 * The same bytes for whoever keeps them long: a copy if `copyRange` may have cut them from shared memory, of which they
 * would keep alive much more than themselves.
 */
export function lasting(bytes: Uint8Array): Uint8Array {
  const n = bytes.length;
  // Nothing else is asked for its buffer: that would move bytes out of the heap of the language.
  if (n <= SMALL || n > MEDIUM || bytes.buffer.byteLength !== SLAB_BYTES) return bytes;
  return Uint8Array.prototype.slice.call(bytes);
}
