import { equalBytes } from "#common/bytes.js";
import { Interruption } from "#common/interruption.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot, type Root } from "#mkvs/node/root.js";
import type { DiffFetcher, FetchedDiff, NoDiff } from "./diff-fetcher.js";
import { emptyRootLike, ioRootOf, stateRootOf } from "./round-roots.js";

/** Diffs that are fetched at a time. */
const FETCHERS = 4;
/** Most rounds that are fetched ahead of the one that is applied next. */
const MAX_ROUNDS = 100n;

/** What has to be fetched for one tree of a round. */
export interface WantedDiff {
  readonly base: Root;
  readonly root: Root;
}

interface Ahead {
  readonly promise: Promise<FetchedDiff | NoDiff>;
  settled: FetchedDiff | NoDiff | undefined;
}

export interface RoundWindowOptions {
  readonly db: NodeDb;
  readonly fetcher: DiffFetcher;
  /** The recorded block of a round. */
  readonly header: (round: bigint) => Header | undefined;
}

/** Fetches the diffs of the rounds to come ahead of time, several at once; they are taken in the order of rounds. */
export class RoundWindow {
  private readonly ahead = new Map<string, Ahead>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private planned = -1n;
  private stopped = false;
  private readonly ended = new Interruption<"unreachable">();

  constructor(private readonly options: RoundWindowOptions) {}

  /**
   * What a round needs of peers, in the order in which it is applied; nothing when its trees are here.
   *
   * @param base the state that the round's was made from
   */
  wanted(header: Header, base: Root): WantedDiff[] {
    const { db } = this.options;
    const io = ioRootOf(header);
    const state = stateRootOf(header);
    const wanted: WantedDiff[] = [];
    if (!db.hasRoot(io)) wanted.push({ base: emptyRootLike(io), root: io });
    if (!db.hasRoot(state)) wanted.push({ base, root: state });
    return wanted;
  }

  /**
   * The diff of a tree; meanwhile those of later rounds are on their way too.
   *
   * @param last the last round that is recorded
   */
  async take(diff: WantedDiff, last: bigint): Promise<FetchedDiff | NoDiff> {
    const { version } = diff.root;
    this.plan(diff);
    const from = this.planned > version ? this.planned : version;
    const end = version + MAX_ROUNDS < last ? version + MAX_ROUNDS : last;
    for (let round = from + 1n; round <= end; round++) this.planRound(round);
    if (end > this.planned) this.planned = end;
    const key = keyOf(diff.root);
    const found = await this.ended.or((this.ahead.get(key) as Ahead).promise);
    this.ahead.delete(key);
    return found;
  }

  private planRound(round: bigint): void {
    const header = this.options.header(round);
    const previous = this.options.header(round - 1n);
    if (header === undefined || previous === undefined) return;
    for (const diff of this.wanted(header, stateRootOf(previous))) {
      // Nothing needs to be fetched for a state that did not change.
      if (!isEmptyRoot(diff.root) && !equalBytes(diff.base.hash, diff.root.hash)) this.plan(diff);
    }
  }

  private plan(diff: WantedDiff): void {
    const key = keyOf(diff.root);
    if (this.ahead.has(key)) return;
    const promise = this.inTurn(() => this.options.fetcher.fetch(diff.base, diff.root));
    const ahead: Ahead = { promise, settled: undefined };
    this.ahead.set(key, ahead);
    promise.then(
      (found) => {
        ahead.settled = found;
      },
      () => this.ahead.delete(key),
    );
  }

  private async inTurn(fetch: () => Promise<FetchedDiff | NoDiff>): Promise<FetchedDiff | NoDiff> {
    while (this.running >= FETCHERS && !this.stopped) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.stopped) return "unreachable";
    this.running++;
    try {
      return await fetch();
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }

  /** Forgets what could not be fetched, so that it is asked for again. */
  forgetFailures(): void {
    for (const [key, { settled }] of this.ahead) if (typeof settled === "string") this.ahead.delete(key);
    this.planned = -1n;
  }

  /** Forgets everything: the rounds go on elsewhere. */
  clear(): void {
    this.ahead.clear();
    this.planned = -1n;
  }

  /** Fetches nothing any more; what is on its way is dropped. */
  stop(): void {
    this.stopped = true;
    this.clear();
    this.ended.fire("unreachable");
    for (const go of this.waiting.splice(0)) go();
  }
}

function keyOf({ type, version }: Root): string {
  return `${version}/${type}`;
}
