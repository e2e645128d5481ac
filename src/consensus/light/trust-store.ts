import { u64be } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { DiskRange, DiskTable } from "#common/ports/disk.js";
import { type CompleteLightBlock, LightBlock } from "../block/light-block.js";

/** The light blocks that a client has verified, by height. They survive a restart if the disk does. */
export class TrustStore {
  readonly #table: DiskTable;
  #count = 0;

  constructor(table: DiskTable) {
    this.#table = table;
    for (const _ of table.range({})) this.#count++;
  }

  at(height: bigint): CompleteLightBlock | undefined {
    const found = this.#table.get(u64be(height));
    return found === undefined ? undefined : complete(found);
  }

  /** The highest block that is kept. */
  latest(): CompleteLightBlock | undefined {
    return this.#first({ reverse: true });
  }

  /** The lowest block that is kept. */
  earliest(): CompleteLightBlock | undefined {
    return this.#first({});
  }

  /** The closest block below a height. */
  below(height: bigint): CompleteLightBlock | undefined {
    return this.#first({ lt: u64be(height), reverse: true });
  }

  /** The closest block above a height. */
  above(height: bigint): CompleteLightBlock | undefined {
    return this.#first({ gt: u64be(height) });
  }

  put({ header, commit, validatorSet }: CompleteLightBlock): void {
    const key = u64be(header.height);
    if (!this.#table.has(key)) this.#count++;
    this.#table.put(key, LightBlock.encode({ signedHeader: { header, commit }, validatorSet }));
  }

  /** Forgets the lowest blocks until at most `keep` are left. */
  prune(keep: number): void {
    if (this.#count <= keep) return;
    const lowest = [...this.#table.range({ limit: this.#count - keep })];
    for (const [key] of lowest) this.#table.delete(key);
    this.#count = keep;
  }

  #first(bounds: DiskRange): CompleteLightBlock | undefined {
    for (const [, value] of this.#table.range({ ...bounds, limit: 1 })) return complete(value);
    return undefined;
  }
}

/** What is in the store was verified before it came in. */
function complete(encoded: Uint8Array): CompleteLightBlock {
  const { signedHeader, validatorSet } = LightBlock.decode(encoded);
  const { header, commit } = signedHeader ?? {};
  if (header === undefined || commit === undefined || validatorSet === undefined) {
    throw new Fault("the store of trusted light blocks holds an incomplete one");
  }
  return { header, commit, validatorSet };
}
