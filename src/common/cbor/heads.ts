/** What the major types of items are called, by number. */
export const MAJOR_NAMES = [
  "an unsigned integer",
  "a negative integer",
  "a byte string",
  "a text string",
  "an array",
  "a map",
  "a tag",
  "a simple value or float",
] as const;

/** Four big-endian bytes that are known to be there, without the cost of a view. */
export function uint32At(bytes: Uint8Array, at: number): number {
  const low = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return (bytes[at] as number) * 0x1000000 + low;
}

/** Compares the encodings of two keys in one input: length first, then bytes. */
export function compareSlices(input: Uint8Array, a0: number, a1: number, b0: number, b1: number): number {
  if (a1 - a0 !== b1 - b0) return a1 - a0 - (b1 - b0);
  for (let i = 0; i < a1 - a0; i++) {
    const d = (input[a0 + i] as number) - (input[b0 + i] as number);
    if (d !== 0) return d;
  }
  return 0;
}
