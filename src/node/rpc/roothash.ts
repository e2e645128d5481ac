import { equalBytes } from "#common/bytes.js";
import { EventHub } from "#common/event-hub.js";
import { type Call, follow, type Handlers } from "#common/rpc/index.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import * as queries from "#consensus/services/roothash/queries.js";
import type { rootHashMethods } from "#consensus/services/roothash/rpc.js";
import { getRuntimeState } from "#consensus/services/roothash/state.js";
import type { AnnotatedBlock, Event, ExecutorCommitment } from "#consensus/services/roothash/types.js";
import { watchCommitments } from "#worker/executor/observed.js";
import { type ChainView, readEvents } from "./chain-view.js";
import { watch } from "./watch.js";

/** The events of one runtime in a block. */
function* runtimeEvents(block: CommittedBlock, runtimeId: Uint8Array): Generator<Event, void, void> {
  for (const event of readEvents(block, readRuntimeEvent)) if (equalBytes(event.runtimeId, runtimeId)) yield event;
}

/** What watchers of events see: ends of rounds are told by the block itself. */
function* openEvents(block: CommittedBlock, runtimeId: Uint8Array): Generator<Event, void, void> {
  for (const event of runtimeEvents(block, runtimeId)) if (event.finalized === undefined) yield event;
}

/** Commitments as soon as they are in the transaction pool, whatever becomes of them there. */
async function* watchPool(view: ChainView, id: Uint8Array, call: Call): AsyncGenerator<ExecutorCommitment, void, void> {
  const seen = new EventHub<ExecutorCommitment>();
  const stop = watchCommitments(view.backend.app, id, (commitments) => commitments.forEach((c) => seen.publish(c)));
  try {
    yield* follow(call, seen.subscribe(), (commitment) => [commitment]);
  } finally {
    stop();
  }
}

/** The newest block of a runtime in the state after a height, as seen from there. */
function runtimeBlockAt(view: ChainView, runtimeId: Uint8Array, height: bigint): AnnotatedBlock | undefined {
  const state = getRuntimeState(view.state(height), runtimeId);
  return state === undefined || state.lastBlock === null ? undefined : { height, block: state.lastBlock };
}

function roundOf({ block }: AnnotatedBlock): bigint {
  return block?.header.round ?? 0n;
}

/** Blocks of a runtime in the order of rounds, each once and none left out. */
class RuntimeBlocks {
  private last: AnnotatedBlock | undefined;

  constructor(
    private readonly view: ChainView,
    private readonly runtimeId: Uint8Array,
  ) {}

  /** The newest block, with the height at which it was made. */
  *current(): Generator<AnnotatedBlock, void, void> {
    const state = getRuntimeState(this.view.state(0n), this.runtimeId);
    if (state === undefined) return;
    this.last = { height: state.lastBlockHeight, block: state.lastBlock };
    yield this.last;
  }

  /** The blocks that a consensus block made final, with those before it that were not seen yet. */
  *of(committed: CommittedBlock): Generator<AnnotatedBlock, void, void> {
    const rounds = Array.from(runtimeEvents(committed, this.runtimeId)).filter((e) => e.finalized !== undefined);
    if (rounds.length === 0) return;
    const newest = runtimeBlockAt(this.view, this.runtimeId, committed.height);
    if (newest === undefined) return;
    yield* this.missingBefore(newest);
    if (this.last !== undefined && roundOf(newest) <= roundOf(this.last)) return;
    this.last = newest;
    yield newest;
  }

  private *missingBefore(newest: AnnotatedBlock): Generator<AnnotatedBlock, void, void> {
    if (this.last === undefined) return;
    for (let height = this.last.height + 1n; height < newest.height; height++) {
      if (roundOf(newest) <= roundOf(this.last) + 1n) return;
      const found = runtimeBlockAt(this.view, this.runtimeId, height);
      if (found === undefined || roundOf(found) <= roundOf(this.last)) continue;
      this.last = found;
      yield found;
    }
  }
}

function watchBlocks(view: ChainView, runtimeId: Uint8Array, call: Call): AsyncGenerator<AnnotatedBlock, void, void> {
  const blocks = new RuntimeBlocks(view, runtimeId);
  return watch(
    view,
    call,
    () => blocks.current(),
    (committed) => blocks.of(committed),
  );
}

/** Methods of root hash. */
export function rootHashHandlers(view: ChainView): Handlers<(typeof rootHashMethods)["methods"]> {
  return {
    GetGenesisBlock: ({ height, runtimeId }) => queries.firstBlock(view.state(height), runtimeId),
    GetLatestBlock: ({ height, runtimeId }) => queries.latestBlock(view.state(height), runtimeId),
    GetRuntimeState: ({ height, runtimeId }) => queries.runtimeState(view.state(height), runtimeId),
    GetRoundRoots: ({ height, runtimeId, round }) => queries.roundRoots(view.state(height), runtimeId, round),
    GetPastRoundRoots: ({ height, runtimeId }) => queries.pastRoundRoots(view.state(height), runtimeId),
    GetLastRoundResults: ({ height, runtimeId }) => queries.lastRoundResults(view.state(height), runtimeId),
    GetIncomingMessageQueueMeta: ({ height, runtimeId }) => queries.incomingQueueMeta(view.state(height), runtimeId),
    GetIncomingMessageQueue: ({ height, runtimeId, offset, limit }) =>
      queries.incomingQueue(view.state(height), runtimeId, offset, limit),
    GetStorageChallenges: ({ height, runtimeId }) => queries.storageChallenges(view.state(height), runtimeId),
    StateToGenesis: (height) => queries.toGenesis(view.state(height)),
    ConsensusParameters: (height) => queries.parameters(view.state(height)),
    GetEvents: (height) => view.events(height, readRuntimeEvent),
    WatchBlocks: (runtimeId, call) => watchBlocks(view, runtimeId, call),
    WatchEvents: (runtimeId, call) => follow(call, view.follow(), (block) => openEvents(block, runtimeId)),
    WatchExecutorCommitments: (runtimeId, call) => watchPool(view, runtimeId, call),
  };
}
