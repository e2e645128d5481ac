/**
 * The tweakable block cipher Deoxys-BC-384 with a 256-bit key, forward direction only: the mode above never needs the
 * inverse. Table-driven, hence *not* constant-time: on a machine shared with an attacker the cache may leak the key.
 */

/** Bytes of a block and of a tweak. */
export const BLOCK_SIZE = 16;
const ROUNDS = 16;
const SUBKEYS = ROUNDS + 1;

// The byte permutation between two subtweakeys, as source positions.
const H = [1, 6, 11, 12, 5, 10, 15, 0, 9, 14, 3, 4, 13, 2, 7, 8] as const;
const ROUND_CONSTANTS = [
  0x2f, 0x5e, 0xbc, 0x63, 0xc6, 0x97, 0x35, 0x6a, 0xd4, 0xb3, 0x7d, 0xfa, 0xef, 0xc5, 0x91, 0x39, 0x72,
] as const;

function double(x: number): number {
  return ((x << 1) ^ (x & 0x80 ? 0x11b : 0)) & 0xff;
}

/** The S-box of AES, computed: inversion in GF(2^8) by walking the powers of 3, then the affine map. */
function makeSbox(): Uint8Array {
  const sbox = new Uint8Array(256);
  let p = 1;
  let q = 1;
  do {
    p ^= double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) {
      q ^= 0x09;
    }
    const rotations = q ^ (q << 1) ^ (q << 2) ^ (q << 3) ^ (q << 4);
    sbox[p] = (rotations ^ (rotations >> 8) ^ 0x63) & 0xff;
  } while (p !== 1);
  sbox[0] = 0x63;
  return sbox;
}

/** SubBytes and MixColumns of one byte in each of the four rows, as big-endian columns. */
function makeTables(): readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  const tables = [0, 1, 2, 3].map(() => new Uint32Array(256));
  const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  makeSbox().forEach((s, i) => {
    const s2 = double(s);
    const word = ((s2 << 24) | (s << 16) | (s << 8) | (s2 ^ s)) >>> 0;
    t0[i] = word;
    t1[i] = (word >>> 8) | (word << 24);
    t2[i] = (word >>> 16) | (word << 16);
    t3[i] = (word >>> 24) | (word << 8);
  });
  return [t0, t1, t2, t3];
}

const [T0, T1, T2, T3] = makeTables();

/** For each round, the positions of the tweak's bytes after that many permutations. */
const TWEAK_POSITIONS: readonly Uint8Array[] = (() => {
  const all = [Uint8Array.from({ length: BLOCK_SIZE }, (_, i) => i)];
  for (let round = 1; round < SUBKEYS; round++) {
    const before = all[round - 1] as Uint8Array;
    all.push(Uint8Array.from(H, (source) => before[source] as number));
  }
  return all;
})();
const POSITIONS = Uint8Array.from(TWEAK_POSITIONS.flatMap((positions) => [...positions]));

function lfsr2(x: number): number {
  return ((x << 1) | (((x >> 7) ^ (x >> 5)) & 1)) & 0xff;
}

function lfsr3(x: number): number {
  return (x >> 1) | (((x ^ (x >> 6)) & 1) << 7);
}

function columns(bytes: Uint8Array, out: Uint32Array, at: number): void {
  for (let c = 0; c < 4; c++) {
    const i = 4 * c;
    out[at + c] =
      ((bytes[i] as number) << 24) |
      ((bytes[i + 1] as number) << 16) |
      ((bytes[i + 2] as number) << 8) |
      (bytes[i + 3] as number);
  }
}

/** The part of the seventeen round keys that depends on the key alone: four columns each. */
function expandKey(key: Uint8Array): Uint32Array {
  let tk2: Uint8Array = key.slice(16, 32);
  let tk3: Uint8Array = key.slice(0, 16);
  const out = new Uint32Array(4 * SUBKEYS);
  for (let round = 0; round < SUBKEYS; round++) {
    if (round > 0) {
      const [before2, before3] = [tk2, tk3];
      tk2 = Uint8Array.from(H, (source) => lfsr2(before2[source] as number));
      tk3 = Uint8Array.from(H, (source) => lfsr3(before3[source] as number));
    }
    const subkey = tk2.map((byte, i) => byte ^ (tk3[i] as number));
    const constant = ROUND_CONSTANTS[round] as number;
    for (let row = 0; row < 4; row++) {
      subkey[row] = (subkey[row] as number) ^ (1 << row);
      subkey[4 + row] = (subkey[4 + row] as number) ^ constant;
    }
    columns(subkey, out, 4 * round);
  }
  return out;
}

/** A key that is ready to encrypt blocks. */
export class DeoxysBc {
  readonly #subkeys: Uint32Array;
  readonly #roundKeys = new Uint32Array(4 * SUBKEYS);

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    this.#subkeys = expandKey(key);
  }

  #mix(tweak: Uint8Array): void {
    const out = this.#roundKeys;
    const subkeys = this.#subkeys;
    for (let c = 0; c < out.length; c++) {
      const i = 4 * c;
      out[c] =
        (subkeys[c] as number) ^
        (((tweak[POSITIONS[i] as number] as number) << 24) |
          ((tweak[POSITIONS[i + 1] as number] as number) << 16) |
          ((tweak[POSITIONS[i + 2] as number] as number) << 8) |
          (tweak[POSITIONS[i + 3] as number] as number));
    }
  }

  /** Encrypts a block in place under a tweak; both have 16 bytes. */
  encrypt(tweak: Uint8Array, block: Uint8Array): void {
    this.#mix(tweak);
    const k = this.#roundKeys;
    const state = new Uint32Array(4);
    columns(block, state, 0);
    let a = (state[0] as number) ^ (k[0] as number);
    let b = (state[1] as number) ^ (k[1] as number);
    let c = (state[2] as number) ^ (k[2] as number);
    let d = (state[3] as number) ^ (k[3] as number);
    for (let i = 4; i < k.length; i += 4) {
      const a1 = round(a, b, c, d) ^ (k[i] as number);
      const b1 = round(b, c, d, a) ^ (k[i + 1] as number);
      const c1 = round(c, d, a, b) ^ (k[i + 2] as number);
      d = round(d, a, b, c) ^ (k[i + 3] as number);
      a = a1;
      b = b1;
      c = c1;
    }
    store(block, 0, a);
    store(block, 4, b);
    store(block, 8, c);
    store(block, 12, d);
  }
}

/** One column after SubBytes, ShiftRows and MixColumns; row r comes from the column r places on. */
function round(row0: number, row1: number, row2: number, row3: number): number {
  return (
    (T0[row0 >>> 24] as number) ^
    (T1[(row1 >>> 16) & 255] as number) ^
    (T2[(row2 >>> 8) & 255] as number) ^
    (T3[row3 & 255] as number)
  );
}

function store(block: Uint8Array, at: number, column: number): void {
  block[at] = column >>> 24;
  block[at + 1] = column >>> 16;
  block[at + 2] = column >>> 8;
  block[at + 3] = column;
}
