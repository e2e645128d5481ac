import { randomBytes } from "node:crypto";
import type { Entropy } from "#common/ports/entropy.js";

/** Bytes from the operating system. */
export const systemEntropy: Entropy = {
  bytes(length) {
    const out = new Uint8Array(length);
    out.set(randomBytes(length));
    return out;
  },
};
