import type { LightBlock } from "#runtime/rhp/messages/index.js";
import { wellFormedBlock } from "#runtime/testing/light-block.js";

const made = new Map<bigint, LightBlock>();

/** A well-formed light block; the same one each time. */
export function lightBlock(height: bigint): LightBlock {
  const block = made.get(height) ?? wellFormedBlock(height);
  made.set(height, block);
  return block;
}
