/** PEM files as Go writes them: one block, 64 columns, no headers (common: signature structures). */
import { fromBase64, fromUtf8, toBase64, utf8 } from "../bytes.js";
import { DecodeError } from "../errors/index.js";

const COLUMNS = 64;

/** The kinds of blocks that key files hold. */
export const PEM_PRIVATE_KEY = "ED25519 PRIVATE KEY";
export const PEM_PUBLIC_KEY = "ED25519 PUBLIC KEY";
export const PEM_STATIC_ENTROPY = "STATIC ENTROPY";

/** Writes one block with a final line break. */
export function encodePem(type: string, data: Uint8Array): Uint8Array {
  const lines = toBase64(data).match(new RegExp(`.{1,${COLUMNS}}`, "g")) ?? [];
  return utf8([`-----BEGIN ${type}-----`, ...lines, `-----END ${type}-----`, ""].join("\n"));
}

/**
 * Reads a file that holds exactly one block of the given type and nothing else.
 *
 * @throws DecodeError when there is no block, a block of another type, anything before or after it, or bad base64
 */
export function decodePem(type: string, file: Uint8Array): Uint8Array {
  const match = /^-----BEGIN ([^\r\n]*)-----\r?\n([A-Za-z0-9+/=\s]*?)-----END ([^\r\n]*)-----[ \t]*(?:\r?\n)?$/.exec(
    fromUtf8(file),
  );
  if (match === null) {
    throw new DecodeError("not a PEM file with exactly one block");
  }
  if (match[1] !== type || match[3] !== type) {
    throw new DecodeError(`PEM block of another type, must be "${type}"`);
  }
  return fromBase64((match[2] as string).replace(/[ \t]/g, ""));
}
