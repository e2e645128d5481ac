import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { u64be, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Header } from "#consensus/services/roothash/types.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { type MemoryHost, MemoryNetwork } from "#p2p/memory-network.js";
import { protocolId, servePeers } from "#p2p/protocol.js";
import { systemClock } from "#platform/clock.js";
import { BlockHistory } from "#runtime/history/block-history.js";
import { DiffFetcher } from "#worker/storage/diff-fetcher.js";
import { DIFF_SYNC, STORAGE_SYNC } from "#worker/storage/protocols.js";
import { RoundSync } from "#worker/storage/round-sync.js";
import { RUNTIME_ID, silentLog } from "./support/local-network.ts";
import { CHAIN, makeRounds, serveSource } from "./support/storage-source.ts";

const ROUNDS = 20n;
const LIE: WriteLog = [[utf8("lie"), utf8("lie")]];
const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);

const source = makeRounds(ROUNDS);
let own: MemoryHost;
let peers: MemoryHost[];
let db: MemoryNodeDb;
let history: BlockHistory;
let sync: RoundSync;
let synced: bigint[];

const record = (from: bigint, to: bigint): void => {
  history.record(
    source.headers
      .filter(({ round }) => round >= from && round <= to)
      .map((header) => ({ height: header.round + 1n, header })),
  );
  sync.wake();
};
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => systemClock.setTimer(2, resolve));
}

beforeEach(() => {
  const network = new MemoryNetwork({ clock: systemClock, log: silentLog });
  own = network.connect(key(1));
  peers = [network.connect(key(2)), network.connect(key(3))];
  db = new MemoryNodeDb(RUNTIME_ID);
  history = new BlockHistory(new MemoryDisk(), RUNTIME_ID, { honorSync: true });
  synced = [];
  sync = new RoundSync({
    db,
    history,
    fetcher: new DiffFetcher(own, CHAIN, silentLog),
    checkpoints: { restore: () => Promise.resolve("none"), stop: () => undefined },
    genesis: () => source.headers[0],
    begun: () => undefined,
    clock: systemClock,
    log: silentLog,
    synced: ({ header }) => synced.push(header.round),
  });
  sync.start();
});

afterEach(() => sync.stop());

describe("storage sync", () => {
  test("fetches all rounds from a peer and makes them final in order", async () => {
    serveSource(peers[0] as MemoryHost, source.db);
    record(0n, ROUNDS);
    await until(() => history.lastSyncedRound === ROUNDS);
    expect(synced).toEqual(source.headers.map(({ round }) => round));
    for (const { round, stateRoot } of source.headers) {
      const root = { namespace: RUNTIME_ID, version: round, type: ROOT_STATE, hash: stateRoot };
      expect(db.hasRoot(root)).toBe(true);
    }
  });

  test("waits for a peer that has the round, and asks again", async () => {
    record(0n, 2n);
    await until(() => history.lastSyncedRound === 0n);
    serveSource(peers[0] as MemoryHost, source.db);
    await until(() => history.lastSyncedRound === 2n);
  });

  test("does not believe a peer whose diff leads elsewhere, and avoids it from then on", async () => {
    const [liar, honest] = peers as [MemoryHost, MemoryHost];
    let lies = 0;
    for (const protocol of [DIFF_SYNC, STORAGE_SYNC]) {
      servePeers(liar, protocolId(CHAIN, protocol, RUNTIME_ID), protocol, {
        GetDiff() {
          lies++;
          return { writeLog: LIE };
        },
      });
    }
    serveSource(honest, source.db);
    record(0n, ROUNDS);
    await until(() => history.lastSyncedRound === ROUNDS);
    // What it was asked for in the meantime comes from others.
    expect(lies).toBeGreaterThan(0);
    expect(lies).toBeLessThanOrEqual(Number(ROUNDS));
    expect(own.peers(protocolId(CHAIN, DIFF_SYNC, RUNTIME_ID))).toEqual([honest.publicKey]);
  });

  test("falls back on the older protocol", async () => {
    const id = protocolId(CHAIN, STORAGE_SYNC, RUNTIME_ID);
    servePeers(peers[0] as MemoryHost, id, STORAGE_SYNC, {
      GetDiff: ({ startRoot, endRoot }) => ({ writeLog: source.db.getWriteLog(startRoot, endRoot) }),
    });
    record(0n, 5n);
    await until(() => history.lastSyncedRound === 5n);
  });

  test("needs no peer for rounds whose trees are here", async () => {
    serveSource(peers[0] as MemoryHost, source.db);
    record(0n, 1n);
    await until(() => history.lastSyncedRound === 1n);
    for (const peer of peers) peer.close();
    const [, first, second] = source.headers as [Header, Header, Header];
    const state = new Tree({
      db,
      root: { namespace: RUNTIME_ID, version: 1n, type: ROOT_STATE, hash: first.stateRoot },
    });
    state.insert(u64be(2n), u64be(2n));
    state.commit(RUNTIME_ID, 2n);
    const io = new Tree({ db, type: ROOT_IO });
    io.insert(utf8("input"), u64be(2n));
    expect(io.commit(RUNTIME_ID, 2n).hash).toEqual(second.ioRoot);
    record(2n, 3n);
    await until(() => history.lastSyncedRound === 3n);
  });
});
