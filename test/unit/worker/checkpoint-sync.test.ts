import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import type { Header } from "#consensus/services/roothash/types.js";
import { createCheckpoint } from "#mkvs/checkpoint/create.js";
import type { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { type MemoryHost, MemoryNetwork, type MemoryNetworkOptions, type Parcel } from "#p2p/memory-network.js";
import { protocolId, servePeers } from "#p2p/protocol.js";
import { BlockHistory } from "#runtime/history/block-history.js";
import { RoundCheckpoints } from "#worker/storage/checkpoint-store.js";
import { CheckpointSync } from "#worker/storage/checkpoint-sync.js";
import { DiffFetcher } from "#worker/storage/diff-fetcher.js";
import { CHECKPOINT_SYNC, DIFF_SYNC, STORAGE_SYNC } from "#worker/storage/protocols.js";
import { stateRootOf } from "#worker/storage/round-roots.js";
import { RoundSync } from "#worker/storage/round-sync.js";
import { RUNTIME_ID, silentLog } from "./support/local-network.ts";
import { CHAIN, checkpointRound, inOrder, makeRounds, serveSource } from "./support/storage-source.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const ROUNDS = 40n;
const CHECKPOINT = 25n;
const source = makeRounds(ROUNDS, 1000);
const at = checkpointRound(source, CHECKPOINT);
const older = checkpointRound(source, 10n);
const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const wire = (protocol: typeof CHECKPOINT_SYNC | typeof STORAGE_SYNC | typeof DIFF_SYNC): string =>
  protocolId(CHAIN, protocol, RUNTIME_ID);

let clock: VirtualClock;
let fate: NonNullable<MemoryNetworkOptions["fate"]>;
let sent: Parcel[];
let own: MemoryHost;
let peers: [MemoryHost, MemoryHost, MemoryHost];

/** A node that has nothing, or what an earlier one with the same disk had. */
class Fresh {
  readonly history: BlockHistory;
  readonly checkpoints: RoundCheckpoints;
  readonly synced: bigint[] = [];
  readonly sync: RoundSync;
  begun = 0;

  constructor(
    readonly db: NodeDb,
    readonly disk: Disk,
    first = 0n,
  ) {
    this.history = new BlockHistory(disk, RUNTIME_ID, { honorSync: true });
    this.checkpoints = new RoundCheckpoints(disk, RUNTIME_ID);
    const { history, checkpoints } = this;
    const common = { db, history, clock, log: silentLog };
    this.sync = new RoundSync({
      ...common,
      fetcher: new DiffFetcher(own, CHAIN, silentLog),
      checkpoints: new CheckpointSync({ ...common, p2p: own, chainContext: CHAIN, checkpoints }),
      genesis: () => source.headers[0],
      synced: ({ header }) => this.synced.push(header.round),
      begun: () => this.begun++,
    });
    const blocks = source.headers.filter(({ round }) => round >= first && round > (history.lastRound ?? -1n));
    history.record(blocks.map((header) => ({ height: header.round + 1n, header })));
    this.sync.start();
  }

  async caughtUp(): Promise<void> {
    await until(() => this.history.lastSyncedRound === ROUNDS);
    await this.sync.stop();
    const header = source.headers.at(-1) as Header;
    expect(this.db.hasRoot(stateRootOf(header))).toBe(true);
    const tree = new Tree({ db: this.db, root: stateRootOf(header), writeLog: false });
    const original = new Tree({ db: source.db, root: stateRootOf(header), writeLog: false });
    expect(entries(tree)).toEqual(entries(original));
  }
}

function entries(tree: Tree): string {
  const iterator = tree.iterator();
  const all: string[] = [];
  for (iterator.seek(new Uint8Array(0)); iterator.valid; iterator.next()) {
    all.push(`${toHex(iterator.key)}=${toHex(iterator.value)}`);
  }
  return all.join(" ");
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 20_000) throw new Error("it never happens");
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

const DATABASES: readonly (readonly [string, (disk: Disk) => NodeDb])[] = [
  ["pages", (disk) => new DiskNodeDb({ disk, name: "state", namespace: RUNTIME_ID })],
  ["arena", (disk) => new ArenaNodeDb({ disk, name: "state", namespace: RUNTIME_ID })],
];
const fresh = (first = 0n, disk = new MemoryDisk()): Fresh =>
  new Fresh(new DiskNodeDb({ disk, name: "state", namespace: RUNTIME_ID }), disk, first);

beforeEach(() => {
  clock = new VirtualClock(0);
  sent = [];
  fate = () => 0;
  const network = new MemoryNetwork({
    clock,
    log: silentLog,
    fate: (parcel) => {
      sent.push(parcel);
      return fate(parcel);
    },
  });
  own = network.connect(key(1));
  peers = [network.connect(key(2)), network.connect(key(3)), network.connect(key(4))];
});

afterEach(() => clock.stop());

/** Chunks that peers were asked for. */
function asked(): { to: number; protocol: string }[] {
  return sent
    .filter(({ kind, name, bytes }) => kind === "request" && name !== wire(DIFF_SYNC) && bytes.length > 100)
    .map(({ to, name }) => ({ to: to[0] as number, protocol: name }));
}

describe.each(DATABASES)("a node with nothing, in %s,", (_, open) => {
  test("begins with the newest checkpoint, in parts from all peers, and goes on with diffs", async () => {
    for (const peer of peers) serveSource(peer, source.db, at.checkpoints);
    const disk = new MemoryDisk();
    const node = new Fresh(open(disk), disk);
    await node.caughtUp();
    expect(node.synced[0]).toBe(CHECKPOINT);
    expect(node.synced).toHaveLength(Number(ROUNDS - CHECKPOINT) + 1);
    expect(node.begun).toBe(1);
    expect(new Set(asked().map(({ to }) => to))).toEqual(new Set([2, 3, 4]));
    // What was restored can be served at once.
    expect(node.checkpoints.list(CHECKPOINT)).toEqual(inOrder(at.made));
    const [chunk] = at.made[0]?.chunks ?? [];
    const wanted = { version: 1, root: at.made[0]?.root as never, index: 0n, digest: chunk as Uint8Array };
    expect(node.checkpoints.chunk(wanted)).toEqual(at.checkpoints.chunk(wanted));
  });

  test("goes on with the parts that it has after a restart", async () => {
    for (const peer of peers) serveSource(peer, source.db, at.checkpoints);
    const total = at.made.reduce((sum, { chunks }) => sum + chunks.length, 0);
    const disk = new MemoryDisk();
    fate = () => 10;
    const first = new Fresh(open(disk), disk);
    await until(() => asked().length >= total / 2);
    await first.sync.stop();
    first.db.close();
    const before = asked().length;
    expect(first.history.lastSyncedRound).toBeUndefined();
    const second = new Fresh(open(disk), disk);
    await second.caughtUp();
    expect(second.synced[0]).toBe(CHECKPOINT);
    expect(asked().length - before).toBeLessThan(total - before + 8);
  });
});

/** What a disk holds at this moment, as after the program was killed. */
function copyOf(disk: Disk): MemoryDisk {
  const copy = new MemoryDisk();
  const id = toHex(RUNTIME_ID);
  const parts = ["state", "io"].map((type) => `runtime/${id}/${type}-checkpoint`);
  const trees = ["pages", "unused", "roots", "retired", "logs", "meta", "deltas", "leaves", "arena"];
  const names = [
    `history/${id}`,
    ...trees.map((name) => `state/${name}`),
    ...parts.flatMap((p) => [`${p}s`, `${p}-chunks`]),
  ];
  for (const name of names) {
    const table = copy.openTable(name);
    for (const [at, value] of disk.openTable(name).range()) table.put(at, value);
  }
  return copy;
}

test.each(DATABASES)("a node that was killed while it restored a checkpoint goes on, in %s", async (_, open) => {
  for (const peer of peers) serveSource(peer, source.db, at.checkpoints);
  const total = at.made.reduce((sum, { chunks }) => sum + chunks.length, 0);
  fate = () => 10;
  for (const part of [0.1, 0.5, 0.9]) {
    sent = [];
    const disk = new MemoryDisk();
    const killed = new Fresh(open(disk), disk);
    await until(() => asked().length >= total * part);
    const left = copyOf(disk);
    await killed.sync.stop();
    const next = new Fresh(open(left), left);
    await next.caughtUp();
    expect(next.synced[0]).toBe(CHECKPOINT);
  }
});

describe("a node with nothing", () => {
  test("restores parts in whatever order they come", async () => {
    for (const peer of peers) serveSource(peer, source.db, at.checkpoints);
    let seed = 7;
    fate = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % 1000;
    await fresh().caughtUp();
  });

  test("uses the older protocol where there is no other", async () => {
    const { db } = source;
    servePeers(peers[0], wire(STORAGE_SYNC), STORAGE_SYNC, {
      GetDiff: ({ startRoot, endRoot }) => ({ writeLog: db.getWriteLog(startRoot, endRoot) }),
      GetCheckpoints: () => ({ checkpoints: at.checkpoints.list() }),
      GetCheckpointChunk: (chunk) => ({ chunk: at.checkpoints.chunk(chunk) }),
    });
    const node = fresh();
    await node.caughtUp();
    expect(node.synced[0]).toBe(CHECKPOINT);
  });

  test("begins with the first round when nobody has a checkpoint", async () => {
    for (const peer of peers) serveSource(peer, source.db);
    const node = fresh();
    await node.caughtUp();
    expect(node.synced).toHaveLength(Number(ROUNDS) + 1);
  });

  test("waits for a checkpoint when its blocks do not go back to the first round", async () => {
    serveSource(peers[0], source.db);
    const node = fresh(15n);
    await until(() => clock.nowMs() > 60_000);
    expect(node.history.lastSyncedRound).toBeUndefined();
    serveSource(peers[1], source.db, at.checkpoints);
    await node.caughtUp();
    expect(node.synced[0]).toBe(CHECKPOINT);
  });

  test("takes a checkpoint when peers do not have the next rounds any more", async () => {
    const disk = new MemoryDisk();
    const db = new DiskNodeDb({ disk, name: "state", namespace: RUNTIME_ID });
    const end = serveSource(peers[0], source.db);
    fate = () => 10;
    const first = new Fresh(db, disk);
    await until(() => (first.history.lastSyncedRound ?? 0n) > 5n);
    await first.sync.stop();
    end();
    const reached = first.history.lastSyncedRound as bigint;
    expect(reached).toBeLessThan(CHECKPOINT);
    const pruned = makeRounds(ROUNDS, 1000);
    for (let round = 0n; round < CHECKPOINT; round++) pruned.db.prune(round);
    serveSource(peers[1], pruned.db, at.checkpoints);
    const second = new Fresh(db, disk);
    await second.caughtUp();
    expect(second.synced.at(0)).toBe(CHECKPOINT);
  });
});

describe("peers that lie about checkpoints", () => {
  const avoided = (): boolean[] => peers.map((peer) => !own.peers(wire(CHECKPOINT_SYNC)).includes(peer.publicKey));

  /** Lets a peer serve something else than it should. */
  function lie(peer: MemoryHost, list: CheckpointMetadata[], chunk = new Uint8Array(99).fill(1)): void {
    servePeers(peer, wire(CHECKPOINT_SYNC), CHECKPOINT_SYNC, {
      GetCheckpoints: () => ({ checkpoints: list }),
      GetCheckpointChunk: (request) => {
        try {
          return { chunk: list === at.made ? chunk : at.checkpoints.chunk(request) };
        } catch {
          return { chunk };
        }
      },
    });
  }

  test("with chunks that are not what they should be are dropped, and the others give the rest", async () => {
    lie(peers[0], at.made);
    lie(peers[1], at.made, new Uint8Array(0));
    serveSource(peers[2], source.db, at.checkpoints);
    const node = fresh();
    await node.caughtUp();
    expect(node.synced[0]).toBe(CHECKPOINT);
    expect(avoided()).toEqual([true, true, false]);
  });

  test("with roots that the chain does not know are dropped before anything is fetched", async () => {
    const [state] = at.made as [CheckpointMetadata];
    const root = { ...state.root, hash: new Uint8Array(32).fill(9) };
    lie(peers[0], [{ ...state, root }]);
    serveSource(peers[1], source.db, older.checkpoints);
    const node = fresh();
    await node.caughtUp();
    expect(node.synced[0]).toBe(10n);
    expect(avoided()).toEqual([true, false, true]);
  });

  test("with impossible descriptions are dropped", async () => {
    const [state] = at.made as [CheckpointMetadata];
    lie(peers[0], [{ ...state, chunks: [] }]);
    // A chunk that is right, again and again, would keep the node busy for ever.
    lie(peers[2], [{ ...state, chunks: state.chunks.map(() => state.chunks[0] as Uint8Array) }]);
    serveSource(peers[1], source.db, at.checkpoints);
    await fresh().caughtUp();
    expect(avoided()).toEqual([true, false, true]);
  });

  test("with chunks of another tree are dropped with all who offer them, and an honest description is used", async () => {
    const other = createCheckpoint(
      source.db,
      stateRootOf(source.headers[8] as Header),
      { chunkSize: 4096, threads: 0 },
      () => undefined,
    );
    const chunks: Uint8Array[] = [];
    createCheckpoint(
      source.db,
      stateRootOf(source.headers[8] as Header),
      { chunkSize: 4096, threads: 0 },
      (_, chunk) => {
        chunks.push(chunk);
      },
    );
    const [state, io] = at.made as [CheckpointMetadata, CheckpointMetadata];
    const forged = { ...state, chunks: other.chunks };
    for (const peer of [peers[0], peers[1]]) {
      servePeers(peer, wire(CHECKPOINT_SYNC), CHECKPOINT_SYNC, {
        GetCheckpoints: () => ({ checkpoints: [forged, io] }),
        GetCheckpointChunk: ({ root, index }) => ({
          chunk: root.type === ROOT_STATE ? (chunks[Number(index)] as Uint8Array) : new Uint8Array(0),
        }),
      });
    }
    serveSource(peers[2], source.db, at.checkpoints);
    const node = fresh();
    await node.caughtUp();
    expect(node.synced[0]).toBe(CHECKPOINT);
    expect(avoided()).toEqual([true, true, false]);
  });

  test("with a part of the tree as if it were all are dropped, and the next older checkpoint is used", async () => {
    const [state, io] = at.made as [CheckpointMetadata, CheckpointMetadata];
    const part = { ...state, chunks: state.chunks.slice(0, 2) };
    lie(peers[0], [part, io]);
    serveSource(peers[1], source.db, older.checkpoints);
    const node = fresh();
    await node.caughtUp();
    expect(node.synced[0]).toBe(10n);
    expect(avoided()[0]).toBe(true);
  });

  test("that never answer hold nobody up for long", async () => {
    servePeers(peers[0], wire(CHECKPOINT_SYNC), CHECKPOINT_SYNC, {
      GetCheckpoints: () => ({ checkpoints: at.made }),
      GetCheckpointChunk: () => new Promise(() => undefined),
    });
    serveSource(peers[1], source.db, at.checkpoints);
    const node = fresh();
    await node.caughtUp();
    expect(node.synced[0]).toBe(CHECKPOINT);
    expect(clock.nowMs()).toBeLessThan(5 * 60_000);
  });
});
