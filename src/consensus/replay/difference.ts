import { compareBytes, equalBytes } from "#common/bytes.js";
import type { KeyValueReader } from "#mkvs/key-value.js";

/** A key of the state that a block changed; undefined stands for a key that is not there. */
export interface StateChange {
  readonly key: Uint8Array;
  /** Whose state it is. */
  readonly service: string;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

/** Where in a block two executions part. */
export interface Place {
  /** Index of the transaction in the block. */
  readonly transaction?: number | undefined;
  readonly method?: string | undefined;
  readonly service?: string | undefined;
  /** Type and attribute of the event. */
  readonly event?: string | undefined;
}

/** The first difference between a recording and our execution of it. */
export class ReplayDifference extends Error {
  constructor(
    readonly height: bigint,
    readonly what: string,
    readonly expected: string,
    readonly found: string,
    readonly place: Place = {},
    /** What our execution changed, where only the root of the state tells that it is another. */
    readonly changes: readonly StateChange[] = [],
  ) {
    super(`height ${height}: ${what}: recorded ${expected}, ours ${found}`);
    this.name = "ReplayDifference";
  }
}

/** Owners of state by the upper half of a key's first byte (consensus: state keys). */
const OWNERS: ReadonlyMap<number, string> = new Map([
  [0x1, "registry"],
  [0x2, "roothash"],
  [0x3, "vault"],
  [0x4, "beacon"],
  [0x5, "staking"],
  [0x6, "scheduler"],
  [0x7, "keymanager"],
  [0x8, "governance"],
  [0xf, "consensus"],
]);

/** The service that a state key belongs to. */
export function ownerOf(key: Uint8Array): string {
  return OWNERS.get((key[0] ?? 0) >> 4) ?? "unknown";
}

/** Service of an event type: `oasis_event_100_staking` is staking's. */
export function serviceOfEvent(type: string): string {
  return type.replace(/^oasis_event_\d*_?/, "");
}

/** What turns one state into another, in key order. Reads both states to their ends: for diagnosis. */
export function stateChanges(before: KeyValueReader, after: KeyValueReader): StateChange[] {
  const changes: StateChange[] = [];
  const [a, b] = [before.iterator(), after.iterator()];
  const add = (key: Uint8Array, old: Uint8Array | undefined, now: Uint8Array | undefined): void => {
    changes.push({ key, service: ownerOf(key), before: old, after: now });
  };
  a.seek(new Uint8Array(0));
  b.seek(new Uint8Array(0));
  while (a.valid || b.valid) {
    const order = !a.valid ? 1 : !b.valid ? -1 : compareBytes(a.key, b.key);
    if (order < 0) add(a.key, a.value, undefined);
    else if (order > 0) add(b.key, undefined, b.value);
    else if (!equalBytes(a.value, b.value)) add(a.key, a.value, b.value);
    if (order <= 0) a.next();
    if (order >= 0) b.next();
  }
  return changes;
}
