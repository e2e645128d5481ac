/**
 * SHA-512's compression function as WebAssembly, assembled here: one call hashes a block in memory that the caller shares,
 * without the objects and strings that a call into a library makes. The constants are computed, not copied.
 */

/** Bytes of a block. */
export const BLOCK_BYTES = 128;
const ROUNDS = 80;
const MASK_64 = (1n << 64n) - 1n;

// Opcodes of the WebAssembly core specification.
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const I64_LOAD = 0x29;
const I64_STORE = 0x37;
const I64_CONST = 0x42;
const ADD = 0x7c;
const AND = 0x83;
const OR = 0x84;
const XOR = 0x85;
const SHL = 0x86;
const SHR = 0x88;
const ROTR = 0x8a;
const END = 0x0b;
const I32 = 0x7f;
const I64 = 0x7e;

// Locals: two parameters, sixteen words of the schedule, eight working variables, one for passing.
const STATE = 0;
const BLOCK = 1;
const SCHEDULE = 2;
const WORKING = 18;
const PASSING = 26;
const LOCALS = 25;

function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) {
    out.push((rest & 127) | 128);
  }
  out.push(rest);
  return out;
}

function signed(value: bigint): number[] {
  const out: number[] = [];
  for (let rest = BigInt.asIntN(64, value); ; ) {
    const byte = Number(rest & 127n);
    rest >>= 7n;
    if ((rest === 0n && (byte & 64) === 0) || (rest === -1n && (byte & 64) !== 0)) {
      out.push(byte);
      return out;
    }
    out.push(byte | 128);
  }
}

const get = (local: number): number[] => [LOCAL_GET, ...unsigned(local)];
const set = (local: number): number[] => [LOCAL_SET, ...unsigned(local)];
const constant = (value: bigint): number[] => [I64_CONST, ...signed(value)];
const load = (offset: number): number[] => [I64_LOAD, 0, ...unsigned(offset)];
const store = (offset: number): number[] => [I64_STORE, 0, ...unsigned(offset)];
const rotated = (local: number, by: bigint): number[] => [...get(local), ...constant(by), ROTR];
const shifted = (local: number, by: bigint): number[] => [...get(local), ...constant(by), SHR];

/** Reverses the bytes of a local and leaves them on the stack: blocks are big-endian, memory is not. */
function reversed(local: number): number[] {
  const code: number[] = [];
  for (let i = 0n; i < 8n; i++) {
    const to = 56n - 8n * i;
    const by = to - 8n * i;
    code.push(...get(local), ...constant(0xffn << (8n * i)), AND);
    code.push(...constant(by > 0n ? by : -by), by > 0n ? SHL : SHR, ...(i === 0n ? [] : [OR]));
  }
  return code;
}

function schedule(round: number): number[] {
  const at = (back: number): number => SCHEDULE + ((round + back) & 15);
  const [w1, w14] = [at(1), at(14)];
  return [
    ...get(at(0)),
    ...rotated(w1, 1n),
    ...rotated(w1, 8n),
    XOR,
    ...shifted(w1, 7n),
    XOR,
    ADD,
    ...get(at(9)),
    ADD,
    ...rotated(w14, 19n),
    ...rotated(w14, 61n),
    XOR,
    ...shifted(w14, 6n),
    XOR,
    ADD,
    ...set(at(0)),
  ];
}

function round(number: number, constantOf: bigint, variables: readonly number[]): number[] {
  const [a, b, c, d, e, f, g, h] = variables as [number, number, number, number, number, number, number, number];
  return [
    ...(number < 16 ? [] : schedule(number)),
    ...get(h),
    ...get(SCHEDULE + (number & 15)),
    ...constant(constantOf),
    ADD,
    ADD,
    ...rotated(e, 14n),
    ...rotated(e, 18n),
    XOR,
    ...rotated(e, 41n),
    XOR,
    ADD,
    ...get(g),
    ...get(e),
    ...get(f),
    ...get(g),
    XOR,
    AND,
    XOR,
    ADD,
    ...set(PASSING),
    ...get(d),
    ...get(PASSING),
    ADD,
    ...set(d),
    ...get(PASSING),
    ...rotated(a, 28n),
    ...rotated(a, 34n),
    XOR,
    ...rotated(a, 39n),
    XOR,
    ADD,
    ...get(a),
    ...get(b),
    AND,
    ...get(c),
    ...get(a),
    ...get(b),
    XOR,
    AND,
    XOR,
    ADD,
    ...set(h),
  ];
}

/** `compress(state, block)`: eight words at the address `state`, in the memory's own byte order. */
function compressBody(): number[] {
  const code: number[] = [];
  for (let i = 0; i < 16; i++) {
    code.push(...get(BLOCK), ...load(8 * i), ...set(PASSING), ...reversed(PASSING), ...set(SCHEDULE + i));
  }
  let variables = Array.from({ length: 8 }, (_, i) => WORKING + i);
  variables.forEach((local, i) => code.push(...get(STATE), ...load(8 * i), ...set(local)));
  const constants = roundConstants();
  for (let number = 0; number < ROUNDS; number++) {
    code.push(...round(number, constants[number] as bigint, variables));
    variables = [variables[7] as number, ...variables.slice(0, 7)];
  }
  variables.forEach((local, i) => {
    code.push(...get(STATE), ...get(STATE), ...load(8 * i), ...get(local), ADD, ...store(8 * i));
  });
  return [...unsigned(1), ...unsigned(LOCALS), I64, ...code, END];
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

const section = (id: number, ...content: number[]): number[] => [id, ...unsigned(content.length), ...content];
const name = (text: string): number[] => [...unsigned(text.length), ...Array.from(text, (c) => c.charCodeAt(0))];

/** The module: exports `c`, the compression function, and `m`, its memory of so many pages of 64 KiB. */
export function sha512Module(pages: number): Uint8Array<ArrayBuffer> {
  const body = compressBody();
  return Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, 1, 0x60, 2, I32, I32, 0),
    ...section(3, 1, 0),
    ...section(5, 1, 0, ...unsigned(pages)),
    ...section(7, 2, ...name("c"), 0, 0, ...name("m"), 2, 0),
    ...section(10, 1, ...unsigned(body.length), ...body),
  ]);
}
