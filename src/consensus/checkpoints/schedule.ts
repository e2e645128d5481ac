/** When checkpoints are due and which are kept (mkvs: checkpointer). */

/** What the chain's parameters say about checkpoints. */
export interface CheckpointSchedule {
  /** Versions from one checkpoint to the next; 0 for none at all. */
  readonly interval: bigint;
  readonly numKept: bigint;
  /** First version of the chain, which the schedule counts from. */
  readonly initialVersion: bigint;
}

/**
 * Versions that should have a checkpoint and have none, latest first and not more than are kept.
 * @param existing versions with a checkpoint, ascending
 * @param earliest first version whose state is there
 * @param latest last one
 */
export function dueVersions(
  { interval, numKept, initialVersion }: CheckpointSchedule,
  existing: readonly bigint[],
  earliest: bigint,
  latest: bigint,
): bigint[] {
  if (interval === 0n || latest < initialVersion) return [];
  // What lies before the last checkpoint was due before it: it is not made up for.
  let first = (existing.at(-1) ?? -1n) + 1n;
  if (first < earliest) first = earliest;
  if (first < initialVersion) first = initialVersion;
  const due: bigint[] = [];
  let version = ((latest - initialVersion) / interval) * interval + initialVersion;
  for (; version >= first; version -= interval) {
    due.push(version);
    if (BigInt(due.length) >= numKept) break;
  }
  return due;
}

/** Versions whose checkpoint is to be deleted: all but the latest ones and that of the initial version. */
export function staleVersions({ numKept, initialVersion }: CheckpointSchedule, existing: readonly bigint[]): bigint[] {
  const others = existing.filter((version) => version !== initialVersion);
  const excess = BigInt(others.length) - numKept;
  return excess > 0n ? others.slice(0, Number(excess)) : [];
}
