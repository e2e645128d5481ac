import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { hash, Hash } from "#common/hash.js";
import { FRAME_BYTES } from "#common/limits.js";
import { bytes, list, nullable, omitEmpty, struct } from "#common/schema/index.js";
import type { P2pHost } from "#p2p/host.js";
import { callPeer, defineProtocol, protocolId, servePeers } from "#p2p/protocol.js";

/** Most transactions that one request asks for. */
const MAX_TRANSACTIONS = 128;

class GetTxsRequest extends struct("GetTxsRequest", { txs: nullable(list(Hash, { max: 100_000 })) }) {}

class GetTxsResponse extends struct("GetTxsResponse", {
  txs: omitEmpty(list(bytes({ max: FRAME_BYTES }), { max: MAX_TRANSACTIONS })),
}) {}

/** Fetches transactions of a proposal that are not in the pool (runtime layer: P2P). */
const TX_SYNC = defineProtocol(
  "txsync",
  { major: 2, minor: 0, patch: 0 },
  {
    GetTxs: { request: GetTxsRequest, response: GetTxsResponse },
  },
);

/** Lets peers fetch transactions by their hashes. Returns what ends it. */
export function serveTransactions(
  p2p: P2pHost,
  chainContext: string,
  runtimeId: Uint8Array,
  get: (txHash: Uint8Array) => Uint8Array | undefined,
): () => void {
  return servePeers(p2p, protocolId(chainContext, TX_SYNC, runtimeId), TX_SYNC, {
    GetTxs({ txs }) {
      const found = (txs ?? []).slice(0, MAX_TRANSACTIONS).map(get);
      return { txs: found.filter((tx) => tx !== undefined) };
    },
  });
}

/**
 * Asks peers for transactions, one peer after the other.
 *
 * @returns those that were found, in no particular order
 */
export async function fetchTransactions(
  p2p: P2pHost,
  chainContext: string,
  runtimeId: Uint8Array,
  hashes: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const id = protocolId(chainContext, TX_SYNC, runtimeId);
  const missing = new Map(hashes.map((txHash) => [toHex(txHash), txHash]));
  const found: Uint8Array[] = [];
  for (const peer of p2p.peers(id)) {
    while (missing.size > 0) {
      const before = missing.size;
      const wanted = Array.from(missing.values()).slice(0, MAX_TRANSACTIONS);
      const answer = await ask(p2p, peer, id, wanted);
      for (const raw of answer) if (missing.delete(toHex(hash(raw)))) found.push(raw);
      // Whoever sends what nobody asked for fails, whatever else was in the answer.
      if (answer.length > 0) p2p.feedback(peer, id, answer.length > before - missing.size ? "failure" : "success");
      if (missing.size === before) break;
    }
  }
  return found;
}

async function ask(p2p: P2pHost, peer: Uint8Array, id: string, txs: Uint8Array[]): Promise<Uint8Array[]> {
  try {
    return (await callPeer(p2p, peer, id, TX_SYNC, "GetTxs", { txs })).txs;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    p2p.feedback(peer, id, "failure");
    return [];
  }
}
