/** A storage node that has nothing catches up: a checkpoint, then round by round. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { u64be, utf8 } from "#common/bytes.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import type { Disk } from "#common/ports/disk.js";
import type { Log } from "#common/ports/log.js";
import { genesisBlock, type Header } from "#consensus/services/roothash/types.js";
import { createCheckpoint } from "#mkvs/checkpoint/create.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { type Root, ROOT_IO } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { MemoryNetwork } from "#p2p/memory-network.js";
import { systemClock } from "#platform/clock.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { BlockHistory } from "#runtime/history/block-history.js";
import { RoundCheckpoints } from "#worker/storage/checkpoint-store.js";
import { CheckpointSync } from "#worker/storage/checkpoint-sync.js";
import { DiffFetcher } from "#worker/storage/diff-fetcher.js";
import { ioRootOf, stateRootOf } from "#worker/storage/round-roots.js";
import { RoundSync } from "#worker/storage/round-sync.js";
import { openRuntimeDb } from "#worker/storage/runtime-db.js";
import { serveStorage } from "#worker/storage/serve.js";
import { RUNTIME_ID } from "./calls.ts";

const CHAIN = "0".repeat(64);
const PEERS = 3;
const ROUNDS = 100;
/** Changed keys, and transactions, of a round. */
const CHANGES = 200;
const TRANSACTIONS = 100;
const BATCH = 20_000;
const CHUNK_BYTES = 8 << 20;

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, fields) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  child: () => silent,
};

function keyOf(i: number): Uint8Array {
  return hash(utf8("bench key"), u64be(BigInt(i)));
}

/** Rounds of a runtime: the first ones fill the state, the others change it. */
class Source {
  readonly headers: Header[] = [genesisBlock(RUNTIME_ID, 0n).header];

  constructor(
    private readonly db: NodeDb,
    private readonly keys: number,
  ) {
    db.finalize([stateRootOf(this.latest)]);
  }

  get latest(): Header {
    return this.headers.at(-1) as Header;
  }

  fill(): void {
    for (let from = 0; from < this.keys; from += BATCH) {
      this.round(from, Math.min(BATCH, this.keys - from), 0);
    }
  }

  round(from: number, changes: number, transactions: number): void {
    const { db, latest } = this;
    const round = latest.round + 1n;
    const state = new Tree({ db, root: stateRootOf(latest) });
    for (let i = 0; i < changes; i++) {
      const value = hash(u64be(round), u64be(BigInt(i)));
      state.insert(keyOf((from + i) % this.keys), value);
    }
    const io = new Tree({ db, type: ROOT_IO });
    for (let i = 0; i < transactions; i++) {
      io.insert(utf8(`T${toName(i)} input of round ${round}`), new Uint8Array(150).fill(i));
      io.insert(utf8(`T${toName(i)} output of round ${round}`), new Uint8Array(10).fill(i));
    }
    const stateRoot = state.commit(RUNTIME_ID, round).hash;
    const ioRoot = transactions === 0 ? EMPTY_HASH : io.commit(RUNTIME_ID, round).hash;
    const header = { ...latest, round, stateRoot, ioRoot };
    db.finalize([stateRootOf(header), ...(transactions === 0 ? [] : [ioRootOf(header)])]);
    this.headers.push(header);
  }
}

function toName(i: number): string {
  return String(i).padStart(5, "0");
}

function makeCheckpoint(disk: Disk, db: NodeDb, header: Header): RoundCheckpoints {
  const checkpoints = new RoundCheckpoints(disk, RUNTIME_ID);
  const made = [stateRootOf(header), ioRootOf(header)].map((root: Root) =>
    createCheckpoint(db, root, { chunkSize: CHUNK_BYTES, threads: 0 }, (index, chunk) => {
      checkpoints.putPart(root, index, chunk);
    }),
  );
  checkpoints.complete(made);
  return checkpoints;
}

/** How long a node took. */
export interface CaughtUp {
  readonly seconds: number;
  /** Processor time, that of the peers included: they are in the same process. */
  readonly cpuSeconds: number;
  readonly checkpoint: bigint;
}

async function follow(disk: Disk, network: MemoryNetwork, headers: readonly Header[]): Promise<CaughtUp> {
  const db = openRuntimeDb(disk, RUNTIME_ID, "follow");
  const history = new BlockHistory(disk, RUNTIME_ID, { honorSync: true });
  const p2p = network.connect(new Uint8Array(32));
  const checkpoints = new RoundCheckpoints(disk, RUNTIME_ID);
  const common = { db, history, clock: systemClock, log: silent };
  let checkpoint = -1n;
  const last = (headers.at(-1) as Header).round;
  let arrived: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const sync = new RoundSync({
    ...common,
    fetcher: new DiffFetcher(p2p, CHAIN, silent),
    checkpoints: new CheckpointSync({ ...common, p2p, chainContext: CHAIN, checkpoints }),
    genesis: () => headers[0],
    begun: () => undefined,
    synced({ header }) {
      if (checkpoint < 0n) checkpoint = header.round;
      if (header.round === last) arrived();
    },
  });
  history.record(headers.map((header) => ({ height: header.round + 1n, header })));
  const started = performance.now();
  const cpu = process.cpuUsage();
  sync.start();
  await arrival;
  const seconds = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  await sync.stop();
  history.close();
  db.close();
  return { seconds, cpuSeconds: (used.user + used.system) / 1e6, checkpoint };
}

/** Lets a fresh node catch up with peers that have so many keys. Every root that it makes final is that of a block. */
export async function catchUp(keys: number, progress: (line: string) => void): Promise<CaughtUp> {
  const folder = mkdtempSync(join(tmpdir(), "qanat-bench-catch-up-"));
  const disk = openLmdbDisk({ path: join(folder, "source"), durable: false });
  const own = openLmdbDisk({ path: join(folder, "own"), durable: false });
  const db = openRuntimeDb(disk, RUNTIME_ID, "follow");
  try {
    progress(`filling a state with ${keys} keys`);
    const source = new Source(db, keys);
    source.fill();
    source.round(0, CHANGES, TRANSACTIONS);
    const checkpoints = makeCheckpoint(disk, db, source.latest);
    const at = source.latest.round;
    for (let i = 1; i <= ROUNDS; i++) source.round(i * 7919, CHANGES, TRANSACTIONS);
    const network = new MemoryNetwork({ clock: systemClock, log: silent });
    for (let peer = 1; peer <= PEERS; peer++) {
      const p2p = network.connect(new Uint8Array(32).fill(peer));
      serveStorage({ p2p, chainContext: CHAIN, runtimeId: RUNTIME_ID, db, checkpoints, public: false });
    }
    progress("a fresh node catches up");
    const result = await follow(own, network, source.headers);
    if (result.checkpoint !== at) throw new RangeError("the node did not begin with the checkpoint");
    return result;
  } finally {
    db.close();
    disk.close();
    own.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
