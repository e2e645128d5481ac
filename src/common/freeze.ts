/** Values that several readers share must not be changed by any of them. */
import { SortedMap } from "./sorted-map.js";

/**
 * Makes every change of a decoded value a failure, all the way down. Byte arrays stay as they are: JavaScript cannot
 * freeze them.
 * @returns the value itself
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Object.isFrozen(value)) return value;
  if (value instanceof SortedMap) {
    for (const [key, item] of value.entries()) {
      deepFreeze(key);
      deepFreeze(item);
    }
    return value.freeze();
  }
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
