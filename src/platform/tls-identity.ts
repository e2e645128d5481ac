/** The TLS identity of a node (common: TLS): a key that lasts, in a file, and a certificate made anew at every start. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ed25519Key } from "#kernels";
import { concatBytes, equalBytes, fromHex, fromUtf8 } from "#common/bytes.js";
import { decodePem, encodePem } from "#common/crypto/pem.js";
import { MemorySigner, type Signer } from "#common/crypto/signature.js";
import { makeTlsCertificate } from "#common/crypto/tls-certificate.js";
import { DecodeError } from "#common/errors/index.js";
import { KeyFileError, readSecret, writeSecret } from "./key-files.js";
import type { SeedSource } from "./signer-file.js";

const PEM_KEY = "PRIVATE KEY";
const PEM_CERTIFICATE = "CERTIFICATE";
/** PKCS#8 of an Ed25519 key: everything before its seed (RFC 8410). */
const PKCS8_HEAD = fromHex("302e020100300506032b657004220420");
const SEED_SIZE = 32;

/** What the key is for: meeting other nodes, or the sentry of this one. */
export type TlsPurpose = "node" | "sentry-client";

const FILES: Readonly<Record<TlsPurpose, string>> = {
  node: "tls_identity",
  "sentry-client": "sentry_client_tls_identity",
};

/** A key and its certificate, as the TLS library of the platform takes them. */
export interface TlsIdentity {
  /** 32 bytes; by it other nodes know this one. */
  readonly publicKey: Uint8Array;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly certificatePem: string;
  readonly keyPem: string;
}

function identityOf(seed: Uint8Array, nowMs: number): TlsIdentity {
  const key = ed25519Key(seed);
  const certificate = makeTlsCertificate(key, nowMs);
  return {
    publicKey: key.publicKey,
    certificate,
    certificatePem: fromUtf8(encodePem(PEM_CERTIFICATE, certificate)),
    keyPem: fromUtf8(encodePem(PEM_KEY, concatBytes(PKCS8_HEAD, seed))),
  };
}

function loadSeed(path: string): Uint8Array {
  const file = readSecret(path);
  let pkcs8: Uint8Array;
  try {
    pkcs8 = decodePem(PEM_KEY, file);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new KeyFileError(path, `is no ${PEM_KEY} file`, { cause });
  }
  const head = pkcs8.subarray(0, PKCS8_HEAD.length);
  if (pkcs8.length !== PKCS8_HEAD.length + SEED_SIZE || !equalBytes(head, PKCS8_HEAD)) {
    throw new KeyFileError(path, "holds no Ed25519 key");
  }
  return pkcs8.slice(PKCS8_HEAD.length);
}

/**
 * The TLS key of a folder as what signs the node's descriptor; undefined when there is none.
 *
 * @throws KeyFileError when the key file is damaged or readable by others
 */
export function readTlsSigner(folder: string): Signer | undefined {
  const path = join(folder, `${FILES.node}.pem`);
  return existsSync(path) ? MemorySigner.fromSeed(loadSeed(path)) : undefined;
}

/**
 * Loads the TLS key of a folder, or makes it with mode 0600 when there is none, and writes a fresh certificate beside it.
 *
 * @param folder existing folder
 * @param nowMs milliseconds since 1970: the certificate is valid from an hour before until in a year
 * @throws KeyFileError when the key file is damaged or readable by others
 */
export function loadOrGenerateTlsIdentity(
  folder: string,
  purpose: TlsPurpose,
  source: SeedSource,
  nowMs: number,
): TlsIdentity {
  const path = join(folder, `${FILES[purpose]}.pem`);
  if (!existsSync(path)) writeSecret(path, encodePem(PEM_KEY, concatBytes(PKCS8_HEAD, source.bytes(SEED_SIZE))));
  const identity = identityOf(loadSeed(path), nowMs);
  writeFileSync(join(folder, `${FILES[purpose]}_cert.pem`), identity.certificatePem, { mode: 0o644 });
  return identity;
}
