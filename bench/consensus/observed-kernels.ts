/** The kernels on OpenSSL; the one that verifies tells what it was asked, so that the bare work can be repeated. */
import * as openssl from "../../src/platform/kernels-openssl.ts";

export * from "../../src/platform/kernels-openssl.ts";

/** A signature that was verified. */
export interface SeenSignature {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

let seen: SeenSignature[] | undefined;

/** Gathers the signatures that OpenSSL is asked to verify from now on. */
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

export function ed25519Accepts(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  seen?.push({ publicKey, message, signature });
  return openssl.ed25519Accepts(publicKey, message, signature);
}

export function ed25519AcceptsAll(claims: readonly SeenSignature[]): boolean {
  seen?.push(...claims);
  return openssl.ed25519AcceptsAll(claims);
}
