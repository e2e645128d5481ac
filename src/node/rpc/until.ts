import { type Call, follow } from "#common/rpc/index.js";
import type { ChainView } from "./chain-view.js";

/** Resolves when a condition holds; it is looked at after every block. */
export async function until(view: ChainView, call: Call, holds: () => boolean): Promise<null> {
  const blocks = view.follow();
  try {
    if (holds()) return null;
    for await (const done of follow(call, blocks, () => [holds()])) if (done) return null;
    call.cancellation.throwIfCancelled();
    return null;
  } finally {
    blocks.close();
  }
}
