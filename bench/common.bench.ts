/**
 * The common layer beside what others have: the codec beside cborg, which knows no types; signatures beside bare
 * OpenSSL, which knows neither contexts nor this protocol's rules; the VRF beside a signature in the same arithmetic.
 */
import { createPublicKey, type KeyObject, verify as opensslVerify } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { decode as cborgDecode, encode as cborgEncode } from "cborg";
import { equalBytes, toBase64, u64be, utf8 } from "#common/bytes.js";
import {
  defineContext,
  MemorySigner,
  prepareMessage,
  type SignatureContext,
  verify,
  verifyBatch,
} from "#common/crypto/signature.js";
import { verifyProof } from "#common/crypto/vrf.js";
import { hash } from "#common/hash.js";
import type { Schema } from "#common/schema/index.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Block } from "#consensus/services/roothash/types.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { SignedTransaction, Transaction } from "#consensus/transaction/transaction.js";
import { type BenchResult, type Figure, spread } from "./support/bench.ts";

const ROUND_MS = 60;
const ROUNDS = 15;
const SIGNATURES = 1000;
/** More than the caches of valid signatures and of keys hold, so that each is met for the first time again. */
const MESSAGES = 10_000;

/** Calls a second of one round. */
function round(work: () => unknown, calls: number): number {
  const start = performance.now();
  let done = 0;
  let now = start;
  while (now - start < ROUND_MS) {
    for (let i = 0; i < calls; i++) work();
    done += calls;
    now = performance.now();
  }
  return (1000 * done) / (now - start);
}

/**
 * Two works in turn, so that a busy machine disturbs both alike.
 * @returns median rates per second, and the median of the rounds' ratios
 */
function beside(ours: () => unknown, theirs: () => unknown, calls: number): { rate: number; ratio: number } {
  const rates: number[] = [];
  const ratios: number[] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const [a, b] = [round(ours, calls), round(theirs, calls)];
    // The first round is the compiler's.
    if (i > 0) {
      rates.push(a);
      ratios.push(a / b);
    }
  }
  return { rate: spread(rates).value, ratio: spread(ratios).value };
}

function figure(name: string, measured: { rate: number; ratio: number }, to: string, wanted: number): Figure {
  const [value, unit] = measured.rate > 1e5 ? [measured.rate / 1000, "k/s"] : [measured.rate, "/s"];
  return { name, value, unit, ratio: measured.ratio, to, ...(wanted > 0 ? { wanted } : {}) };
}

function codec<T>(name: string, schema: Schema<T>, value: T): Figure[] {
  const bytes = schema.encode(value);
  const plain: unknown = cborgDecode(bytes);
  if (!equalBytes(cborgEncode(plain), bytes)) throw new TypeError(`${name}: cborg encodes something else`);
  const call = 200;
  return [
    figure(
      `encode ${name} (${bytes.length} B)`,
      beside(
        () => schema.encode(value),
        () => cborgEncode(plain),
        call,
      ),
      "cborg",
      2,
    ),
    figure(
      `decode ${name} (${bytes.length} B)`,
      beside(
        () => schema.decode(bytes),
        () => cborgDecode(bytes),
        call,
      ),
      "cborg",
      2,
    ),
  ];
}

/** A descriptor like those of a real network: a validator that also runs two runtimes. */
function descriptor(): Node {
  const key = (n: number): Uint8Array => hash(Uint8Array.of(n));
  const address = { ip: Uint8Array.of(203, 0, 113, 7), port: 26656n, zone: "" };
  const runtime = (n: number): NonNullable<NonNullable<Node["runtimes"]>[number]> => ({
    id: new Uint8Array(32).fill(n, 8),
    version: { major: 3, minor: 0, patch: 1 },
    capabilities: {
      tee: { hardware: 1, rek: key(20 + n), rak: key(30 + n), attestation: new Uint8Array(600).fill(n) },
    },
    extraInfo: null,
  });
  return {
    ...Node.zero(),
    v: 3,
    id: key(1),
    entityId: key(2),
    expiration: 45_678n,
    tls: { pubKey: key(3) },
    p2p: { id: key(4), addresses: [address] as NonNullable<Node["p2p"]["addresses"]> },
    consensus: { id: key(5), addresses: [{ id: key(4), address }] as NonNullable<Node["consensus"]["addresses"]> },
    vrf: { id: key(6) },
    runtimes: [runtime(1), runtime(2)],
    roles: 9,
    softwareVersion: "26.1",
  };
}

function codecs(): Figure[] {
  const transaction: Transaction = {
    nonce: 1_126_702n,
    fee: { amount: 1_234_567_890n, gas: 1265n },
    method: "staking.Transfer",
    body: Transfer.encode({ to: new Uint8Array(21).fill(7), amount: 123_456_789_012n }),
  };
  const envelope = {
    untrustedRawValue: Transaction.encode(transaction),
    signature: { publicKey: new Uint8Array(32).fill(1), signature: new Uint8Array(64).fill(2) },
  };
  const block = Block.decode(
    Block.encode({ header: { ...Block.zero().header, round: 77n, timestamp: 1_700_000_000n } }),
  );
  return [
    ...codec("transaction", Transaction, transaction),
    ...codec("signed transaction", SignedTransaction, envelope),
    ...codec("node descriptor", Node, descriptor()),
    ...codec("runtime block", Block, block),
  ];
}

interface Sample {
  readonly publicKey: Uint8Array;
  readonly context: SignatureContext;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly options: { readonly chainContext: string };
}

const CONTEXT = defineContext("qanat/bench: signed", { chain: true });
const OPTIONS = { chainContext: "ab".repeat(32) };

/**
 * Signed messages, each of them once.
 * @param keys how many keys sign them, in turn
 */
function samples(keys: number): Sample[] {
  const signers = Array.from({ length: keys }, (_, i) => MemorySigner.fromSeed(hash(utf8("bench"), u64be(BigInt(i)))));
  return Array.from({ length: MESSAGES }, (_, i) => {
    const signer = signers[i % keys] as MemorySigner;
    const message = new Uint8Array(104).fill(i & 255);
    message.set(u64be(BigInt(i)));
    const signature = signer.sign(CONTEXT, message, OPTIONS);
    return { publicKey: signer.publicKey, context: CONTEXT, message, signature, options: OPTIONS };
  });
}

function importKey({ publicKey }: Sample): KeyObject {
  const x = toBase64(publicKey).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/** Walks a list round and round, a step a call. */
function inTurn<T>(list: readonly T[], work: (item: T, i: number) => boolean): () => void {
  let at = 0;
  return () => {
    at = at + 1 === list.length ? 0 : at + 1;
    if (!work(list[at] as T, at)) throw new TypeError("a valid signature was refused");
  };
}

const signed = (s: Sample): boolean => verify(s.publicKey, s.context, s.message, s.signature, s.options);
const digest = ({ message }: Sample): Uint8Array => prepareMessage(CONTEXT, message, OPTIONS);

/** OpenSSL is handed ready digests and, unless it shall import them each time, ready keys. */
function signatures(progress: (line: string) => void): Figure[] {
  progress("making 20,000 signatures");
  const known = samples(SIGNATURES);
  const strangers = samples(MESSAGES);
  const [knownDigests, strangeDigests] = [known.map(digest), strangers.map(digest)];
  const keys = known.slice(0, SIGNATURES).map(importKey);
  const bare = (s: Sample, i: number): boolean =>
    opensslVerify(null, knownDigests[i] as Uint8Array, keys[i % SIGNATURES] as KeyObject, s.signature);
  const importing = (s: Sample, i: number): boolean =>
    opensslVerify(null, strangeDigests[i] as Uint8Array, importKey(s), s.signature);
  const batches = Array.from({ length: MESSAGES / SIGNATURES }, (_, i) =>
    known.slice(i * SIGNATURES, (i + 1) * SIGNATURES),
  );
  const batch = beside(
    inTurn(batches, (all) => verifyBatch(all).every((problem) => problem === undefined)),
    inTurn(batches, (all, n) => all.every((s, i) => bare(s, n * SIGNATURES + i))),
    1,
  );
  const to = "bare OpenSSL";
  return [
    figure("verify, 1,000 keys in turn", beside(inTurn(known, signed), inTurn(known, bare), 50), to, 0.9),
    figure("verify, keys never met", beside(inTurn(strangers, signed), inTurn(strangers, importing), 50), to, 0.9),
    figure("verify a batch of 1,000", { ...batch, rate: batch.rate * SIGNATURES }, "bare OpenSSL in a loop", 0.9),
  ];
}

/** A proof that holds is remembered, so the one to verify is over something else: the same work, another answer. */
function vrf(): Figure[] {
  const signer = MemorySigner.fromSeed(hash(utf8("bench vrf")));
  const alpha = hash(utf8("alpha"));
  const proof = signer.proveVrf(alpha);
  const other = hash(utf8("omega"));
  const secret = hash(utf8("noble"));
  const [key, signature] = [ed25519.getPublicKey(secret), ed25519.sign(alpha, secret)];
  const noble = (): boolean => ed25519.verify(signature, alpha, key);
  const to = "signature check of @noble";
  return [
    figure(
      "VRF prove",
      beside(() => signer.proveVrf(alpha), noble, 5),
      to,
      0,
    ),
    figure(
      "VRF verify",
      beside(() => verifyProof(signer.publicKey, other, proof), noble, 5),
      to,
      0,
    ),
  ];
}

export async function run({ progress }: { progress(line: string): void }): Promise<BenchResult> {
  return { figures: [...codecs(), ...signatures(progress), ...vrf()] };
}
