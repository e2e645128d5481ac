/** The kernels of a node; the one that verifies tells what it was asked, so that the bare work can be repeated. */
import * as kernels from "../../src/platform/kernels-openssl.ts";

export * from "../../src/platform/kernels-openssl.ts";

/** A signature that was verified. */
export interface SeenSignature {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

let seen: SeenSignature[] | undefined;

/** Gathers the signatures that are verified from now on. */
export function observeSignatures(): { stop: () => SeenSignature[] } {
  const list: SeenSignature[] = [];
  seen = list;
  return {
    stop: () => {
      seen = undefined;
      return list;
    },
  };
}

let quickPoints = true;

/** Runs something with the exact points of @noble instead of quick ones. */
export function withExactPoints<T>(work: () => T): T {
  quickPoints = false;
  try {
    return work();
  } finally {
    quickPoints = true;
  }
}

export function ed25519Multiply(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined {
  return quickPoints ? kernels.ed25519Multiply(scalar, point) : undefined;
}

export function ed25519MultiplyBase(scalar: Uint8Array): Uint8Array | undefined {
  return quickPoints ? kernels.ed25519MultiplyBase(scalar) : undefined;
}

export function ed25519Subtract(p: Uint8Array, q: Uint8Array): Uint8Array | undefined {
  return quickPoints ? kernels.ed25519Subtract(p, q) : undefined;
}

export function ed25519Accepts(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  seen?.push({ publicKey, message, signature });
  return kernels.ed25519Accepts(publicKey, message, signature);
}

export function ed25519AcceptsAll(claims: readonly SeenSignature[]): boolean {
  seen?.push(...claims);
  return kernels.ed25519AcceptsAll(claims);
}
