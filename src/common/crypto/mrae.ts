/**
 * Misuse-resistant authenticated encryption: Deoxys-II-256-128 and the box made of it with X25519 (common: MRAE).
 * Repeating a nonce reveals only whether two messages are equal. Not constant-time, see the block cipher.
 */
import { hmacSha512_256, x25519 } from "#kernels";
import { assert } from "../assert.js";
import { concatBytes, utf8 } from "../bytes.js";
import { BLOCK_SIZE, DeoxysBc } from "./deoxys-bc.js";

export const MRAE_KEY_SIZE = 32;
export const MRAE_NONCE_SIZE = 15;
export const MRAE_TAG_SIZE = 16;

// First four bits of a tweak: what the block is part of.
const MESSAGE = 0x00;
const TAG = 0x10;
const DATA = 0x20;
const LAST_MESSAGE = 0x40;
const LAST_DATA = 0x60;

const BOX_KEY = utf8("MRAE_Box_Deoxys-II-256-128");

function xorInto(target: Uint8Array, source: Uint8Array): void {
  for (let i = 0; i < BLOCK_SIZE; i++) {
    target[i] = (target[i] as number) ^ (source[i] as number);
  }
}

/** An AEAD key. Sealed messages are the ciphertext followed by a tag of 16 bytes. */
export class DeoxysII {
  readonly #cipher: DeoxysBc;

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    assert(key.length === MRAE_KEY_SIZE, "A Deoxys-II key has 32 bytes.");
    this.#cipher = new DeoxysBc(key);
  }

  /**
   * @param nonce 15 bytes
   * @param plaintext any length
   * @param data what is authenticated beside the plaintext
   */
  seal(nonce: Uint8Array, plaintext: Uint8Array, data: Uint8Array = new Uint8Array(0)): Uint8Array {
    assert(nonce.length === MRAE_NONCE_SIZE, "A Deoxys-II nonce has 15 bytes.");
    const tag = this.#tag(nonce, plaintext, data);
    return concatBytes(this.#crypt(nonce, tag, plaintext), tag);
  }

  /**
   * @param nonce 15 bytes
   * @param sealed ciphertext and tag
   * @returns the plaintext, or null when it was not sealed so
   */
  open(nonce: Uint8Array, sealed: Uint8Array, data: Uint8Array = new Uint8Array(0)): Uint8Array | null {
    assert(nonce.length === MRAE_NONCE_SIZE, "A Deoxys-II nonce has 15 bytes.");
    if (sealed.length < MRAE_TAG_SIZE) {
      return null;
    }
    const tag = sealed.subarray(sealed.length - MRAE_TAG_SIZE);
    const plaintext = this.#crypt(nonce, tag, sealed.subarray(0, sealed.length - MRAE_TAG_SIZE));
    const expected = this.#tag(nonce, plaintext, data);
    // Every byte is looked at, so that the time does not tell how much of a forged tag was right.
    let difference = 0;
    for (let i = 0; i < MRAE_TAG_SIZE; i++) {
      difference |= (expected[i] as number) ^ (tag[i] as number);
    }
    return difference === 0 ? plaintext : null;
  }

  #absorb(sum: Uint8Array, input: Uint8Array, whole: number, last: number): void {
    const tweak = new Uint8Array(BLOCK_SIZE);
    const counter = new DataView(tweak.buffer);
    const block = new Uint8Array(BLOCK_SIZE);
    const blocks = Math.floor(input.length / BLOCK_SIZE);
    tweak[0] = whole;
    for (let i = 0; i < blocks; i++) {
      counter.setUint32(12, i);
      block.set(input.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE));
      this.#cipher.encrypt(tweak, block);
      xorInto(sum, block);
    }
    const rest = input.subarray(blocks * BLOCK_SIZE);
    if (rest.length > 0) {
      tweak[0] = last;
      counter.setUint32(12, blocks);
      block.fill(0);
      block.set(rest);
      block[rest.length] = 0x80;
      this.#cipher.encrypt(tweak, block);
      xorInto(sum, block);
    }
  }

  #tag(nonce: Uint8Array, plaintext: Uint8Array, data: Uint8Array): Uint8Array {
    const tag = new Uint8Array(MRAE_TAG_SIZE);
    this.#absorb(tag, data, DATA, LAST_DATA);
    this.#absorb(tag, plaintext, MESSAGE, LAST_MESSAGE);
    this.#cipher.encrypt(concatBytes(Uint8Array.of(TAG), nonce), tag);
    return tag;
  }

  // Encryption and decryption are the same: the tag and a counter give the key stream.
  #crypt(nonce: Uint8Array, tag: Uint8Array, input: Uint8Array): Uint8Array {
    const out = input.slice();
    const base = tag.slice();
    base[0] = (base[0] as number) | 0x80;
    const tweak = base.slice();
    const start = new DataView(base.buffer).getUint32(12);
    const counter = new DataView(tweak.buffer);
    const stream = new Uint8Array(BLOCK_SIZE);
    for (let offset = 0; offset < out.length; offset += BLOCK_SIZE) {
      counter.setUint32(12, start ^ (offset / BLOCK_SIZE));
      stream[0] = 0;
      stream.set(nonce, 1);
      this.#cipher.encrypt(tweak, stream);
      const end = Math.min(BLOCK_SIZE, out.length - offset);
      for (let i = 0; i < end; i++) {
        out[offset + i] = (out[offset + i] as number) ^ (stream[i] as number);
      }
    }
    return out;
  }
}

/**
 * The symmetric key that two X25519 keys share. Small-order public keys are not refused, as in the reference.
 *
 * @param privateKey 32 bytes
 * @param peerPublicKey 32 bytes
 */
export function boxKey(privateKey: Uint8Array, peerPublicKey: Uint8Array): Uint8Array {
  return hmacSha512_256(BOX_KEY, x25519(privateKey, peerPublicKey));
}

/** Seals a message for the owner of a public key, who opens it with the sender's public key. */
export function sealBox(
  nonce: Uint8Array,
  plaintext: Uint8Array,
  data: Uint8Array,
  peerPublicKey: Uint8Array,
  privateKey: Uint8Array,
): Uint8Array {
  return new DeoxysII(boxKey(privateKey, peerPublicKey)).seal(nonce, plaintext, data);
}

/** Opens what `sealBox` made; null when it does not fit. */
export function openBox(
  nonce: Uint8Array,
  sealed: Uint8Array,
  data: Uint8Array,
  peerPublicKey: Uint8Array,
  privateKey: Uint8Array,
): Uint8Array | null {
  return new DeoxysII(boxKey(privateKey, peerPublicKey)).open(nonce, sealed, data);
}
