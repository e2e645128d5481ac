import { equalBytes, toHex } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { getRuntimeState, lastBlockOf } from "#consensus/services/roothash/state.js";
import type { ExecutorCommitment } from "#consensus/services/roothash/types.js";
import type { AbciEvent } from "#consensus/transaction/results.js";

/** Who has signed that the trees of a final round are kept. */
export interface RoundReceipts {
  readonly round: bigint;
  /** Identities of the storage nodes in the order of their keys, 32 bytes each; at least one. */
  readonly signers: readonly Uint8Array[];
}

/** Finds the receipts of one runtime in blocks; they must be given in order. */
export class ReceiptReader {
  /** Commitments with receipts to the round under way. */
  private commitments: ExecutorCommitment[] = [];

  constructor(
    private readonly backend: Backend,
    private readonly runtimeId: Uint8Array,
  ) {}

  /** The receipts of the rounds that ended in the latest block. */
  *read({ height, outcome }: CommittedBlock): Generator<RoundReceipts, void, void> {
    const carriers = [...outcome.beginEvents, ...outcome.results.flatMap(({ events }) => events), ...outcome.endEvents];
    for (const carrier of carriers) yield* this.of(carrier, height);
  }

  private *of(carrier: AbciEvent, height: bigint): Generator<RoundReceipts, void, void> {
    const event = readRuntimeEvent(carrier, height, EMPTY_HASH);
    if (event === undefined || !equalBytes(event.runtimeId, this.runtimeId)) return;
    const commitment = event.executorCommitted?.commit;
    if (commitment?.storageSigs !== undefined) this.commitments.push(commitment);
    if (event.finalized === undefined) return;
    const { round } = event.finalized;
    const signers = this.signersOf(round);
    this.commitments = [];
    if (signers.length > 0) yield { round, signers };
  }

  /** Only receipts for the roots that became final count; those of a round that failed were for nothing. */
  private signersOf(round: bigint): Uint8Array[] {
    const state = getRuntimeState(this.backend.stateAt(0n), this.runtimeId);
    if (state === undefined) return [];
    const last = lastBlockOf(state).header;
    const signers = new Map<string, Uint8Array>();
    for (const { header, storageSigs } of this.commitments) {
      const { ioRoot, stateRoot } = header.header;
      if (last.round !== round || header.header.round !== round || ioRoot === undefined || stateRoot === undefined) {
        continue;
      }
      if (!equalBytes(ioRoot, last.ioRoot) || !equalBytes(stateRoot, last.stateRoot)) continue;
      for (const { publicKey } of storageSigs ?? []) signers.set(toHex(publicKey), publicKey);
    }
    return Array.from(signers.keys())
      .sort()
      .map((key) => signers.get(key) as Uint8Array);
  }
}
