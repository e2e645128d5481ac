/** Signers whose keys lie in PEM files, in the layout of the reference node (common: signers). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, equalBytes } from "#common/bytes.js";
import { decodePem, encodePem, PEM_PRIVATE_KEY, PEM_PUBLIC_KEY, PEM_STATIC_ENTROPY } from "#common/crypto/pem.js";
import { type Domain, MemorySigner, type SignatureContext, type Signer } from "#common/crypto/signature.js";
import { InvalidInput } from "#common/errors/index.js";
import { KeyFileError, readSecret, writeSecret } from "./key-files.js";

const SEED_SIZE = 32;
const PRIVATE_KEY_SIZE = 64;
const ENTROPY_SIZE = 32;

/** What a key is for; each role has its own file. */
export type SignerRole = "entity" | "node" | "p2p" | "consensus" | "vrf";

const FILES: Readonly<Record<SignerRole, { readonly privateKey: string; readonly publicKey: string | undefined }>> = {
  entity: { privateKey: "entity.pem", publicKey: undefined },
  node: { privateKey: "identity.pem", publicKey: "identity_pub.pem" },
  p2p: { privateKey: "p2p.pem", publicKey: "p2p_pub.pem" },
  consensus: { privateKey: "consensus.pem", publicKey: "consensus_pub.pem" },
  vrf: { privateKey: "vrf.pem", publicKey: "vrf_pub.pem" },
};
const ENTROPY_FILE = "p2p_entropy.pem";

/** Where random bytes come from. */
export interface SeedSource {
  bytes(size: number): Uint8Array;
}

/** A signer that knows its role: only the VRF key proves, only the p2p key has static entropy. */
export class FileSigner implements Signer {
  readonly role: SignerRole;
  readonly publicKey: Uint8Array;
  readonly proveVrf?: (alpha: Uint8Array) => Uint8Array;
  readonly #signer: MemorySigner;
  readonly #staticEntropy: Uint8Array | undefined;

  constructor(role: SignerRole, seed: Uint8Array, staticEntropy?: Uint8Array) {
    this.role = role;
    this.#signer = MemorySigner.fromSeed(seed);
    this.publicKey = this.#signer.publicKey;
    this.#staticEntropy = staticEntropy;
    if (role === "vrf") {
      this.proveVrf = (alpha) => this.#signer.proveVrf(alpha);
    }
  }

  /** For the p2p key: 32 random bytes that stay the same as long as the key. Undefined for all others. */
  get staticEntropy(): Uint8Array | undefined {
    return this.#staticEntropy;
  }

  sign(context: SignatureContext, message: Uint8Array, domain: Domain = {}): Uint8Array {
    return this.#signer.sign(context, message, domain);
  }
}

function parse(path: string, type: string, file: Uint8Array, size: number): Uint8Array {
  let data: Uint8Array;
  try {
    data = decodePem(type, file);
  } catch (cause) {
    throw new KeyFileError(path, `is no ${type} file`, { cause });
  }
  if (data.length !== size) {
    throw new KeyFileError(path, `holds ${data.length} bytes, must be ${size}`);
  }
  return data;
}

function loadSeed(path: string): Uint8Array {
  const privateKey = parse(path, PEM_PRIVATE_KEY, readSecret(path), PRIVATE_KEY_SIZE);
  const seed = privateKey.slice(0, SEED_SIZE);
  if (!equalBytes(MemorySigner.fromSeed(seed).publicKey, privateKey.subarray(SEED_SIZE))) {
    throw new KeyFileError(path, "holds a public half that does not belong to its private half");
  }
  return seed;
}

/**
 * Loads a key without writing anything beside it.
 *
 * @throws KeyFileError when its file is missing, damaged, or has a mode other than 0600
 */
export function readSigner(folder: string, role: SignerRole): FileSigner {
  return new FileSigner(role, loadSeed(join(folder, FILES[role].privateKey)));
}

/** Writes the public file when it is absent, else checks that it names the same key. */
function publish(folder: string, role: SignerRole, publicKey: Uint8Array): void {
  const name = FILES[role].publicKey;
  if (name === undefined) {
    return;
  }
  const path = join(folder, name);
  if (!existsSync(path)) {
    writeSecret(path, encodePem(PEM_PUBLIC_KEY, publicKey));
    return;
  }
  const known = parse(path, PEM_PUBLIC_KEY, new Uint8Array(readFileSync(path)), publicKey.length);
  if (!equalBytes(known, publicKey)) {
    throw new KeyFileError(path, "names another key than the private file beside it");
  }
}

function seedFrom(source: SeedSource): Uint8Array {
  const seed = source.bytes(SEED_SIZE);
  if (seed.length !== SEED_SIZE) {
    throw new InvalidInput("entropy", `source gave ${seed.length} bytes instead of ${SEED_SIZE}`);
  }
  return seed;
}

/**
 * Makes a key and its files with mode 0600.
 *
 * @param folder existing folder
 * @throws KeyFileError when the key exists already or cannot be written
 */
export function generateSigner(folder: string, role: SignerRole, source: SeedSource): FileSigner {
  const path = join(folder, FILES[role].privateKey);
  const seed = seedFrom(source);
  writeSecret(path, encodePem(PEM_PRIVATE_KEY, concatBytes(seed, MemorySigner.fromSeed(seed).publicKey)));
  const signer = new FileSigner(role, seed, role === "p2p" ? makeEntropy(folder, source) : undefined);
  publish(folder, role, signer.publicKey);
  return signer;
}

function makeEntropy(folder: string, source: SeedSource): Uint8Array {
  const entropy = seedFrom(source);
  writeSecret(join(folder, ENTROPY_FILE), encodePem(PEM_STATIC_ENTROPY, entropy));
  return entropy;
}

/**
 * Loads a key. A p2p key without static entropy, as old nodes left it, gets some.
 *
 * @throws KeyFileError when a file is missing, damaged, has a mode other than 0600, or names another key
 */
export function loadSigner(folder: string, role: SignerRole, source: SeedSource): FileSigner {
  const seed = loadSeed(join(folder, FILES[role].privateKey));
  let entropy: Uint8Array | undefined;
  if (role === "p2p") {
    const path = join(folder, ENTROPY_FILE);
    entropy = existsSync(path)
      ? parse(path, PEM_STATIC_ENTROPY, readSecret(path), ENTROPY_SIZE)
      : makeEntropy(folder, source);
  }
  const signer = new FileSigner(role, seed, entropy);
  publish(folder, role, signer.publicKey);
  return signer;
}

/** Loads the key of a role, or makes it when it does not exist yet. */
export function loadOrGenerateSigner(folder: string, role: SignerRole, source: SeedSource): FileSigner {
  const exists = existsSync(join(folder, FILES[role].privateKey));
  return exists ? loadSigner(folder, role, source) : generateSigner(folder, role, source);
}
