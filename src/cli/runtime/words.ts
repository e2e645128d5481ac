/** Reads the words in which the command line tells parts of a descriptor. Every error is one of usage. */
import { fromBase64, fromHex } from "#common/bytes.js";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import { type Version, versionFromText } from "#common/version.js";

/** Reads a text, or throws InvalidInput under the option's name. */
export function parsed<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw new InvalidInput(option, error.message);
    throw error;
  }
}

/** 32 bytes in hexadecimal. */
export function hex32(option: string, text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new InvalidInput(option, `expected 64 hexadecimal digits, got "${text}"`);
  }
  return fromHex(text);
}

/** A public key: base64 as descriptors print it, or hexadecimal. */
export function publicKey(option: string, text: string): Uint8Array {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return fromHex(text);
  const key = parsed(option, () => fromBase64(text));
  if (key.length !== 32) throw new InvalidInput(option, `expected a public key, got "${text}"`);
  return key;
}

export function version(option: string, text: string): Version {
  return parsed(option, () => versionFromText(text));
}

/** A number of base units. */
export function amount(option: string, text: string): bigint {
  if (!/^\d+$/.test(text)) throw new InvalidInput(option, `expected a number of base units, got "${text}"`);
  return BigInt(text);
}

/** A whole number that fits into 16 bits. */
export function small(option: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 0xffff) {
    throw new InvalidInput(option, `expected a whole number up to 65535, got "${text}"`);
  }
  return value;
}

/** An epoch: a number, or one after a plus sign for so many epochs from now. */
export function epoch(option: string, text: string, now: bigint): bigint {
  if (!/^\+?\d+$/.test(text)) throw new InvalidInput(option, `expected an epoch, or +n for n from now; got "${text}"`);
  return text.startsWith("+") ? now + BigInt(text.slice(1)) : BigInt(text);
}

/** Both sides of the first separator; the right one is undefined without it. */
export function split(text: string, separator: string): [left: string, right: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
