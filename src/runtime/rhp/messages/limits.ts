import { bytes, list, type Schema } from "#common/schema/index.js";

/** Largest message in bytes: the Rust side refuses more in both directions (runtime host protocol: framing). */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Most elements of one list; the size of the message is the tighter limit for all but empty elements. */
const MAX_ITEMS = 1 << 20;

/** A byte string that only the size of its message limits. */
export const blob: Schema<Uint8Array> = bytes({ max: MAX_MESSAGE_BYTES });

/** A list that only the size of its message limits. */
export function items<T>(element: Schema<T>): Schema<T[]> {
  return list(element, { max: MAX_ITEMS });
}
