import { compareBytes, u64be, utf8 } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { genesisBlock, type Header } from "#consensus/services/roothash/types.js";
import { createCheckpoint } from "#mkvs/checkpoint/create.js";
import type { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { type Root, ROOT_IO } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { MemoryHost } from "#p2p/memory-network.js";
import { RoundCheckpoints } from "#worker/storage/checkpoint-store.js";
import { ioRootOf, stateRootOf } from "#worker/storage/round-roots.js";
import { serveStorage } from "#worker/storage/serve.js";
import { RUNTIME_ID } from "./local-network.ts";

export const CHAIN = "0".repeat(64);

/** A database with the rounds of a runtime. */
export interface Source {
  readonly db: NodeDb;
  readonly headers: readonly Header[];
}

/** Keys that are there from the first round on, in rounds where the state has many. */
function* manyKeys(count: number): Iterable<Uint8Array> {
  for (let i = 0; i < count; i++) yield utf8(`key ${i} of many`);
}

/**
 * Makes rounds; every third one changes nothing, as after a failed round.
 * @param many entries that the first round with any adds
 */
export function makeRounds(rounds: bigint, many = 0, db: NodeDb = new MemoryNodeDb(RUNTIME_ID)): Source {
  const headers = [genesisBlock(RUNTIME_ID, 0n).header];
  db.finalize([stateRootOf(headers[0] as Header)]);
  for (let round = 1n; round <= rounds; round++) {
    const previous = headers.at(-1) as Header;
    const state = new Tree({ db, root: stateRootOf(previous) });
    let ioRoot = EMPTY_HASH;
    if (round % 3n !== 0n) {
      const io = new Tree({ db, type: ROOT_IO });
      state.insert(u64be(round % 5n), u64be(round));
      if (round % 7n === 0n) state.remove(u64be(1n));
      for (const key of manyKeys(round === 1n ? many : 0)) state.insert(key, new Uint8Array(100).fill(key.length));
      io.insert(utf8("input"), u64be(round));
      ioRoot = io.commit(RUNTIME_ID, round).hash;
    }
    const stateRoot = state.commit(RUNTIME_ID, round).hash;
    const header = { ...previous, round, stateRoot, ioRoot };
    db.finalize([stateRootOf(header), ...(ioRoot === EMPTY_HASH ? [] : [ioRootOf(header)])]);
    headers.push(header);
  }
  return { db, headers };
}

/** Makes the checkpoints of a round. */
export function checkpointRound(
  { db, headers }: Source,
  round: bigint,
  { disk = new MemoryDisk(), chunkSize = 4096 }: { disk?: Disk; chunkSize?: number } = {},
): { checkpoints: RoundCheckpoints; made: CheckpointMetadata[] } {
  const checkpoints = new RoundCheckpoints(disk, RUNTIME_ID);
  const header = headers[Number(round)] as Header;
  const made = [stateRootOf(header), ioRootOf(header)].map((root: Root) =>
    createCheckpoint(db, root, { chunkSize, threads: 0 }, (index, chunk) => checkpoints.putPart(root, index, chunk)),
  );
  checkpoints.complete(made);
  return { checkpoints, made };
}

/** Checkpoints of one round as they are listed: the lesser root first. */
export function inOrder(made: readonly CheckpointMetadata[]): CheckpointMetadata[] {
  return [...made].sort((a, b) => compareBytes(a.root.hash, b.root.hash));
}

/** Lets a peer serve rounds, with or without checkpoints. */
export function serveSource(p2p: MemoryHost, db: NodeDb, checkpoints?: RoundCheckpoints): () => void {
  return serveStorage({
    p2p,
    chainContext: CHAIN,
    runtimeId: RUNTIME_ID,
    db,
    checkpoints: checkpoints ?? new RoundCheckpoints(new MemoryDisk(), RUNTIME_ID),
    public: false,
  });
}
