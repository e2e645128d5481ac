import { expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import type { P2pHost } from "#p2p/host.js";
import { MemoryNetwork } from "#p2p/memory-network.js";
import { systemClock } from "#platform/clock.js";
import { fetchTransactions, serveTransactions } from "#worker/executor/tx-sync.js";
import { RUNTIME_ID, silentLog } from "./support/local-network.ts";

const CHAIN = "c".repeat(64);
const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const transaction = (n: number): Uint8Array => utf8(`transaction ${n}`);

/** A network of one who asks and some who have transactions, which they give in their own way. */
function network(...peers: ((txHash: Uint8Array) => Uint8Array | undefined)[]) {
  const net = new MemoryNetwork({ clock: systemClock, log: silentLog });
  const own = net.connect(key(99));
  peers.forEach((get, i) => serveTransactions(net.connect(key(i + 1)), CHAIN, RUNTIME_ID, get));
  const feedback: string[] = [];
  const host: P2pHost = {
    publicKey: own.publicKey,
    join: (...args) => own.join(...args),
    serve: (...args) => own.serve(...args),
    peers: (protocol) => own.peers(protocol),
    request: (...args) => own.request(...args),
    status: () => own.status(),
    feedback: (peer, _, outcome) => void feedback.push(`${peer[0]} ${outcome}`),
  };
  return { host, feedback };
}

function having(...numbers: number[]): (txHash: Uint8Array) => Uint8Array | undefined {
  const known = new Map(numbers.map((n) => [toHex(hash(transaction(n))), transaction(n)]));
  return (txHash) => known.get(toHex(txHash));
}

test("missing transactions are fetched from one peer after the other, many at a time", async () => {
  const all = Array.from({ length: 300 }, (_, i) => i);
  const { host, feedback } = network(having(...all.slice(0, 200)), having(...all.slice(150)), having());
  const found = await fetchTransactions(
    host,
    CHAIN,
    RUNTIME_ID,
    all.map((n) => hash(transaction(n))),
  );
  expect(found.map(toHex).sort()).toEqual(all.map((n) => toHex(transaction(n))).sort());
  expect(new Set(feedback)).toEqual(new Set(["1 success", "2 success"]));
});

test("who sends what nobody asked for has failed, and what is not there stays missing", async () => {
  const { host, feedback } = network(() => transaction(7), having(1));
  const found = await fetchTransactions(host, CHAIN, RUNTIME_ID, [hash(transaction(1)), hash(transaction(2))]);
  expect(found).toEqual([transaction(1)]);
  expect(feedback).toEqual(["1 failure", "2 success"]);
});
