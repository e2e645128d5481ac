/**
 * SHA-512's compression as WebAssembly, assembled here: one call hashes two messages in memory that the caller shares, each
 * in one half of the processor's wide registers, without the objects and strings that a call into a library makes. Two
 * messages take little longer than one. The constants are computed, not copied.
 */

/** Bytes of a block. */
export const BLOCK_BYTES = 128;
const ROUNDS = 80;
const MASK_64 = (1n << 64n) - 1n;

/** Where the memory has the round constants, the initial state (each word twice) and the results. */
const CONSTANTS_AT = 0;
const INITIAL_AT = CONSTANTS_AT + 8 * ROUNDS;
/** The final states, 64 bytes each, of the first and of the second message, most significant byte first. */
export const FIRST_RESULT_AT = INITIAL_AT + 128;
export const SECOND_RESULT_AT = FIRST_RESULT_AT + 64;
/** What follows is the caller's. */
export const FREE_AT = SECOND_RESULT_AT + 64;

// Opcodes of the WebAssembly core specification.
const LOOP = 0x03;
const BRANCH_IF = 0x0d;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const I32_CONST = 0x41;
const I32_NOT_EQUAL = 0x47;
const I32_ADD = 0x6a;
const DROP = 0x1a;
const END = 0x0b;
const I32 = 0x7f;
const V128 = 0x7b;
const NO_RESULT = 0x40;
const VECTOR = 0xfd;

function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) {
    out.push((rest & 127) | 128);
  }
  out.push(rest);
  return out;
}

function signed(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; ) {
    const byte = rest & 127;
    rest >>= 7;
    if ((rest === 0 && (byte & 64) === 0) || (rest === -1 && (byte & 64) !== 0)) {
      out.push(byte);
      return out;
    }
    out.push(byte | 128);
  }
}

const vector = (opcode: number, ...immediate: readonly number[]): number[] => [
  VECTOR,
  ...unsigned(opcode),
  ...immediate,
];
const ADD = vector(0xce);
const AND = vector(0x4e);
const OR = vector(0x50);
const XOR = vector(0x51);
const SHL = vector(0xcb);
const SHR = vector(0xcd);
const get = (local: number): number[] => [LOCAL_GET, ...unsigned(local)];
const set = (local: number): number[] => [LOCAL_SET, ...unsigned(local)];
const number = (value: number): number[] => [I32_CONST, ...signed(value)];
const load = (offset: number): number[] => vector(0x00, 0, ...unsigned(offset));
/** Loads a word into both halves. */
const loadTwice = (offset: number): number[] => vector(0x0a, 0, ...unsigned(offset));
const store = (offset: number): number[] => vector(0x0b, 0, ...unsigned(offset));
const shuffle = (bytes: readonly number[]): number[] => vector(0x0d, ...bytes);
const shifted = (local: number, by: number): number[] => [...get(local), ...number(by), ...SHR];
const rotated = (local: number, by: number): number[] => [
  ...shifted(local, by),
  ...get(local),
  ...number(64 - by),
  ...SHL,
  ...OR,
];

// Of two vectors, their first or second words with the bytes reversed: messages are big-endian, memory is not.
const FIRST_WORDS = shuffle([7, 6, 5, 4, 3, 2, 1, 0, 23, 22, 21, 20, 19, 18, 17, 16]);
const SECOND_WORDS = shuffle([15, 14, 13, 12, 11, 10, 9, 8, 31, 30, 29, 28, 27, 26, 25, 24]);

// Locals: addresses of the two messages and blocks left, place of the next constants, sixteen words of the schedule, the
// state, eight working variables, two for passing.
const FIRST = 0;
const SECOND = 1;
const LEFT = 2;
const CONSTANTS = 3;
const SCHEDULE = 4;
const STATE = 20;
const WORKING = 28;
const PASSING = 36;
const PASSING_TOO = 37;
const VECTORS = 34;
/** Rounds that are written out; more of them take an engine too long to compile. */
const WRITTEN_ROUNDS = 16;

function schedule(round: number): number[] {
  const at = (back: number): number => SCHEDULE + ((round + back) & 15);
  const [w1, w14] = [at(1), at(14)];
  return [
    ...get(at(0)),
    ...rotated(w1, 1),
    ...rotated(w1, 8),
    ...XOR,
    ...shifted(w1, 7),
    ...XOR,
    ...ADD,
    ...get(at(9)),
    ...ADD,
    ...rotated(w14, 19),
    ...rotated(w14, 61),
    ...XOR,
    ...shifted(w14, 6),
    ...XOR,
    ...ADD,
    ...set(at(0)),
  ];
}

/** One of the first sixteen rounds, or one of sixteen later ones, which go on with the schedule. */
function round(at: number, later: boolean, variables: readonly number[]): number[] {
  const [a, b, c, d, e, f, g, h] = variables as [number, number, number, number, number, number, number, number];
  return [
    ...(later ? schedule(at) : []),
    ...get(h),
    ...get(SCHEDULE + at),
    ...get(CONSTANTS),
    ...loadTwice(CONSTANTS_AT + 8 * at),
    ...ADD,
    ...ADD,
    ...rotated(e, 14),
    ...rotated(e, 18),
    ...XOR,
    ...rotated(e, 41),
    ...XOR,
    ...ADD,
    ...get(g),
    ...get(e),
    ...get(f),
    ...get(g),
    ...XOR,
    ...AND,
    ...XOR,
    ...ADD,
    ...set(PASSING),
    ...get(d),
    ...get(PASSING),
    ...ADD,
    ...set(d),
    ...get(PASSING),
    ...rotated(a, 28),
    ...rotated(a, 34),
    ...XOR,
    ...rotated(a, 39),
    ...XOR,
    ...ADD,
    ...get(a),
    ...get(b),
    ...AND,
    ...get(c),
    ...get(a),
    ...get(b),
    ...XOR,
    ...AND,
    ...XOR,
    ...ADD,
    ...set(h),
  ];
}

/** Takes a block of each message into the schedule. */
function blocks(): number[] {
  const code: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    code.push(...get(FIRST), ...load(8 * i), ...set(PASSING), ...get(SECOND), ...load(8 * i), ...set(PASSING_TOO));
    code.push(...get(PASSING), ...get(PASSING_TOO), ...FIRST_WORDS, ...set(SCHEDULE + i));
    code.push(...get(PASSING), ...get(PASSING_TOO), ...SECOND_WORDS, ...set(SCHEDULE + i + 1));
  }
  return code;
}

/** `hash(first, second, blocks)`: two padded messages of as many blocks, at least one. */
function body(): number[] {
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  const code: number[] = [];
  for (const i of eight) {
    code.push(...number(0), ...load(INITIAL_AT + 16 * i), ...set(STATE + i));
  }
  code.push(LOOP, NO_RESULT, ...blocks());
  let variables = eight.map((i) => WORKING + i);
  variables.forEach((local, i) => code.push(...get(STATE + i), ...set(local)));
  for (const later of [false, true]) {
    code.push(...(later ? [LOOP, NO_RESULT] : [...number(0), ...set(CONSTANTS)]));
    for (let at = 0; at < WRITTEN_ROUNDS; at++) {
      code.push(...round(at, later, variables));
      variables = [variables[7] as number, ...variables.slice(0, 7)];
    }
    code.push(...get(CONSTANTS), ...number(8 * WRITTEN_ROUNDS), I32_ADD, LOCAL_TEE, CONSTANTS);
    code.push(...(later ? [...number(8 * ROUNDS), I32_NOT_EQUAL, BRANCH_IF, 0, END] : [DROP]));
  }
  variables.forEach((local, i) => code.push(...get(STATE + i), ...get(local), ...ADD, ...set(STATE + i)));
  for (const message of [FIRST, SECOND]) {
    code.push(...get(message), ...number(BLOCK_BYTES), I32_ADD, ...set(message));
  }
  code.push(...get(LEFT), ...number(-1), I32_ADD, LOCAL_TEE, LEFT, BRANCH_IF, 0, END);
  for (let i = 0; i < 8; i += 2) {
    const words = [...get(STATE + i), ...get(STATE + i + 1)];
    code.push(...number(0), ...words, ...FIRST_WORDS, ...store(FIRST_RESULT_AT + 8 * i));
    code.push(...number(0), ...words, ...SECOND_WORDS, ...store(SECOND_RESULT_AT + 8 * i));
  }
  return [...unsigned(2), ...unsigned(1), I32, ...unsigned(VECTORS), V128, ...code, END];
}

/** The first 64 bits of the fractions of the cube roots of the first primes (FIPS 180-4, 4.2.3). */
function roundConstants(): bigint[] {
  const found: bigint[] = [];
  for (let prime = 2n; found.length < ROUNDS; prime++) {
    let divisor = 2n;
    while (divisor * divisor <= prime && prime % divisor !== 0n) {
      divisor++;
    }
    if (divisor * divisor > prime) {
      found.push(cubeRoot(prime << 192n) & MASK_64);
    }
  }
  return found;
}

function cubeRoot(value: bigint): bigint {
  let root = 1n << 68n;
  for (;;) {
    const next = (2n * root + value / (root * root)) / 3n;
    if (next >= root) {
      return root;
    }
    root = next;
  }
}

/** Puts the round constants into the module's memory, which must be done before it hashes. */
export function putConstants(memory: DataView): void {
  roundConstants().forEach((constant, i) => memory.setBigUint64(CONSTANTS_AT + 8 * i, constant, true));
}

/** Puts the eight words that hashes begin with into the module's memory. */
export function putInitialState(memory: DataView, words: readonly bigint[]): void {
  words.forEach((word, i) => {
    memory.setBigUint64(INITIAL_AT + 16 * i, word, true);
    memory.setBigUint64(INITIAL_AT + 16 * i + 8, word, true);
  });
}

const section = (id: number, ...content: number[]): number[] => [id, ...unsigned(content.length), ...content];
const name = (text: string): number[] => [...unsigned(text.length), ...Array.from(text, (c) => c.charCodeAt(0))];

/** The module: exports `h`, the hash of two messages, and `m`, its memory of so many pages of 64 KiB. */
export function sha512Module(pages: number): Uint8Array<ArrayBuffer> {
  const code = body();
  return Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, 1, 0x60, 3, I32, I32, I32, 0),
    ...section(3, 1, 0),
    ...section(5, 1, 0, ...unsigned(pages)),
    ...section(7, 2, ...name("h"), 0, 0, ...name("m"), 2, 0),
    ...section(10, 1, ...unsigned(code.length), ...code),
  ]);
}
