/** Keys that sign enclaves, in files of mode 0600 (runtime: SGX start). */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { EXPONENT, MODULUS_SIZE } from "#common/tee/sigstruct.js";
import type { EnclaveSigner } from "#common/tee/build-sigstruct.js";
import { KeyFileError, readSecret, writeSecret } from "./key-files.js";

const PEM_BEGIN = "-----BEGIN ";

function open(path: string): KeyObject {
  const content = Buffer.from(readSecret(path));
  try {
    const isPem = content.includes(PEM_BEGIN);
    return isPem ? createPrivateKey(content) : createPrivateKey({ key: content, format: "der", type: "pkcs1" });
  } catch {
    // What the library says might repeat part of the key.
    throw new KeyFileError(path, "does not hold a private key in PEM or PKCS #1");
  }
}

function signerOf(key: KeyObject, path: string): EnclaveSigner {
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== "rsa" || modulusLength !== 8 * MODULUS_SIZE || publicExponent !== BigInt(EXPONENT)) {
    throw new KeyFileError(path, `does not hold an RSA key of ${8 * MODULUS_SIZE} bits with exponent ${EXPONENT}`);
  }
  const { n = "" } = key.export({ format: "jwk" });
  return {
    modulus: new Uint8Array(Buffer.from(n, "base64url")),
    sign: (message) => new Uint8Array(sign("sha256", message, key)),
  };
}

/**
 * Opens a signer's key.
 *
 * @throws KeyFileError when the file is missing, others may read it, or it holds another kind of key
 */
export function readEnclaveKey(path: string): EnclaveSigner {
  return signerOf(open(path), path);
}

/** Makes a key in a new file. @throws KeyFileError when there is a file already */
export function generateEnclaveKey(path: string): EnclaveSigner {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 8 * MODULUS_SIZE, publicExponent: EXPONENT });
  writeSecret(path, new Uint8Array(Buffer.from(privateKey.export({ format: "pem", type: "pkcs1" }))));
  return signerOf(privateKey, path);
}
