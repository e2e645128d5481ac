/** UTF-8 text, with a short way for the short ASCII words that most of it is. */

// A byte order mark is an ordinary character on the wire.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest text that the short way takes, in bytes. */
const SHORT = 24;

/** The text of some bytes, or undefined when they are not valid UTF-8. */
export function textFromBytes(bytes: Uint8Array, from: number, to: number): string | undefined {
  if (to - from <= SHORT) {
    let text = "";
    let i = from;
    for (; i < to; i++) {
      const c = bytes[i] as number;
      if (c > 0x7f) break;
      text += String.fromCharCode(c);
    }
    if (i === to) return text;
  }
  try {
    return decoder.decode(bytes.subarray(from, to));
  } catch {
    return undefined;
  }
}
