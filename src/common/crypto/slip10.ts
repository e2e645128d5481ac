/** Key derivation of accounts: SLIP-10 on Ed25519 along the paths of ADR 8 (common: account keys). */
import { hmacSha512 } from "#kernels";
import { concatBytes, u32be, utf8 } from "../bytes.js";
import { InvalidInput } from "../errors/index.js";

const MASTER_KEY = utf8("ed25519 seed");
const SEED_MIN = 16;
const SEED_MAX = 64;
/** Added to an index to make it hardened, written as an apostrophe. */
export const HARDENED = 0x80000000;
const INDEX_MAX = HARDENED - 1;
const PURPOSE = HARDENED + 44;
/** The coin type that is registered for this protocol. */
const COIN_TYPE = HARDENED + 474;

/** A node of the derivation tree. */
export interface ExtendedKey {
  /** RFC 8032 seed, 32 bytes. */
  readonly seed: Uint8Array;
  /** 32 bytes. */
  readonly chainCode: Uint8Array;
}

function split(node: Uint8Array): ExtendedKey {
  return { seed: node.slice(0, 32), chainCode: node.slice(32) };
}

/**
 * The root of the tree.
 *
 * @param seed 16 to 64 bytes, e.g. the 64 bytes made from a BIP-39 mnemonic
 * @throws InvalidInput for any other length
 */
export function masterKey(seed: Uint8Array): ExtendedKey {
  if (seed.length < SEED_MIN || seed.length > SEED_MAX) {
    throw new InvalidInput("seed", `must have ${SEED_MIN} to ${SEED_MAX} bytes, has ${seed.length}`);
  }
  return split(hmacSha512(MASTER_KEY, seed));
}

/**
 * A child key. Ed25519 has hardened children only.
 *
 * @param index HARDENED to 2^32-1
 * @throws InvalidInput for an index that is not hardened
 */
export function childKey(parent: ExtendedKey, index: number): ExtendedKey {
  if (!Number.isInteger(index) || index < HARDENED || index > 0xffffffff) {
    throw new InvalidInput("index", `must be hardened (at least ${HARDENED}), is ${index}`);
  }
  return split(hmacSha512(parent.chainCode, concatBytes(Uint8Array.of(0), parent.seed, u32be(index))));
}

/** Follows a path of hardened indices from the root. */
export function deriveKey(seed: Uint8Array, path: readonly number[]): ExtendedKey {
  return path.reduce(childKey, masterKey(seed));
}

/**
 * The key seed of an account as wallets derive it: path m/44'/474'/number'.
 *
 * @param seed the 64 bytes made from a BIP-39 mnemonic
 * @param number which account, 0 to 2^31-1
 * @returns RFC 8032 seed, 32 bytes
 * @throws InvalidInput when the number is out of range
 */
export function accountSeed(seed: Uint8Array, number: number): Uint8Array {
  if (!Number.isInteger(number) || number < 0 || number > INDEX_MAX) {
    throw new InvalidInput("account number", `must be 0 to ${INDEX_MAX}, is ${number}`);
  }
  return deriveKey(seed, accountPath(number)).seed;
}

/** The path of an account, m/44'/474'/number'. */
export function accountPath(number: number): readonly number[] {
  return [PURPOSE, COIN_TYPE, HARDENED + number];
}

/** The text of a path, e.g. "m/44'/474'/0'". */
export function pathToText(path: readonly number[]): string {
  return ["m", ...path.map((index) => (index >= HARDENED ? `${index - HARDENED}'` : `${index}`))].join("/");
}

/**
 * Reads the text of a path.
 *
 * @throws InvalidInput when it does not begin with "m" or a component is no number up to 2^31-1
 */
export function pathFromText(text: string): number[] {
  const [root, ...components] = text.split("/");
  if (root !== "m") {
    throw new InvalidInput("path", `must begin with "m"`);
  }
  return components.map((component, i) => {
    const match = /^([0-9]+)('?)$/.exec(component);
    const index = match === null ? Number.NaN : Number(match[1]);
    if (match === null || index > INDEX_MAX) {
      throw new InvalidInput("path", `component ${i + 1} must be a number up to ${INDEX_MAX}, optionally with '`);
    }
    return match[2] === "" ? index : index + HARDENED;
  });
}
