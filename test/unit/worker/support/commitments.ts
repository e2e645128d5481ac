import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import type { ExecutorCommitment } from "#consensus/services/roothash/types.js";
import type { TestNetwork } from "./local-network.ts";

/** Commitments in all blocks so far to one round. */
export function commitmentsTo({ network: { backend } }: TestNetwork, round: bigint): ExecutorCommitment[] {
  const found: ExecutorCommitment[] = [];
  for (let height = 1n; height <= backend.latestHeight; height++) {
    for (const { events } of backend.results(height)?.results ?? []) {
      for (const carrier of events) {
        const commit = readRuntimeEvent(carrier, height, new Uint8Array(32))?.executorCommitted?.commit;
        if (commit?.header.header.round === round) found.push(commit);
      }
    }
  }
  return found;
}
