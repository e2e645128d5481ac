import { type Call, follow } from "#common/rpc/index.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import type { ChainView } from "./chain-view.js";

/**
 * A stream that begins with what holds now and goes on with what each new block brings; nothing falls in between.
 * @param current items of the present state; not asked for before the first block
 * @param expand items of a block
 */
export async function* watch<A>(
  view: ChainView,
  call: Call,
  current: () => Iterable<A>,
  expand: (block: CommittedBlock) => Iterable<A>,
): AsyncGenerator<A, void, void> {
  const blocks = view.follow();
  try {
    if (view.backend.latestHeight > 0n) yield* current();
    yield* follow(call, blocks, expand);
  } finally {
    blocks.close();
  }
}
