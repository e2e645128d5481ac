import { equalBytes } from "#common/bytes.js";
import { reasonOf } from "#common/errors/index.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { LightClientAttackEvidence } from "../block/evidence.js";
import { headerHash } from "../block/header.js";
import type { CompleteLightBlock } from "../block/light-block.js";
import { type Timestamp, timestampFromNanos } from "../block/timestamp.js";
import { verifyCommitLight } from "../block/verify-commit.js";
import { VerificationError, verifyThat } from "../block/verification-error.js";
import { LightClientAttack } from "./attack.js";
import { LightClientError, ProviderError } from "./errors.js";
import type { LightProvider } from "./provider.js";
import { Providers } from "./providers.js";
import { BrokenTrace, type Stride, verifyTrace } from "./skip.js";
import type { TrustStore } from "./trust-store.js";
import { isExpired, type TrustOptions, verifyPreviousHeader } from "./verify.js";
import { compareWithWitness, evidenceOf, findDivergence, sameHeader } from "./witness.js";

/** The block that a client believes without proof; its hash comes from somebody the user trusts. */
export interface TrustRoot {
  readonly height: bigint;
  /** 32-byte hash of the header. */
  readonly hash: Uint8Array;
}

export interface LightClientOptions extends TrustOptions {
  /** Chain id of the block engine: the first 50 characters of the chain context. */
  readonly chainId: string;
  readonly root: TrustRoot;
  readonly primary: LightProvider;
  /** Others that are asked whether they see the same chain; without any, a fork of the whole validator set goes unseen. */
  readonly witnesses?: readonly LightProvider[];
  readonly store: TrustStore;
  readonly clock: Clock;
  /** "skipping" if absent. */
  readonly stride?: Stride;
  /** How far in milliseconds a witness may lag behind the primary; 10,000 if absent. */
  readonly maxLagMs?: number;
  /** Verified blocks that are kept; 1,000 if absent. */
  readonly keep?: number;
  readonly log?: Log;
}

const NANOS_PER_MS = 1_000_000n;
const DEFAULT_MAX_LAG_MS = 10_000;
const DEFAULT_KEEP = 1000;

/**
 * Follows a chain by its headers: from one block that is believed, each other one is proved by the signatures of
 * validators that are known already. Requests are worked off one after the other.
 */
export class LightClient {
  readonly #options: LightClientOptions;
  readonly #providers: Providers;
  readonly #witnessed: boolean;
  #last: Promise<unknown> = Promise.resolve();
  #rooted = false;

  constructor(options: LightClientOptions) {
    const { chainId, primary, witnesses = [], log } = options;
    this.#options = options;
    this.#providers = new Providers(chainId, primary, witnesses, log);
    this.#witnessed = witnesses.length > 0;
  }

  /** The highest verified block; undefined before the first request. */
  latest(): CompleteLightBlock | undefined {
    return this.#options.store.latest();
  }

  /**
   * The newest block that the primary has, verified.
   *
   * @throws VerificationError, ProviderError, LightClientError, LightClientAttack
   */
  update(): Promise<CompleteLightBlock> {
    return this.#inTurn(() => this.#verifyHeight(0n));
  }

  /**
   * The block of a height, verified: forwards from the closest block below, or backwards by the hashes that headers
   * carry when there is none young enough to build upon.
   *
   * @param height at least 1
   * @throws VerificationError, ProviderError, LightClientError, LightClientAttack
   */
  verify(height: bigint): Promise<CompleteLightBlock> {
    return this.#inTurn(async () => {
      verifyThat(height > 0n, "malformed", `there is no block ${height}`);
      await this.#takeRoot();
      return this.#options.store.at(height) ?? (await this.#verifyHeight(height));
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work);
    this.#last = run.catch(() => undefined);
    return run;
  }

  #now(): Timestamp {
    return timestampFromNanos(BigInt(Math.floor(this.#options.clock.nowMs())) * NANOS_PER_MS);
  }

  /** Makes sure that there is a block to start from: one of an earlier run, else the root. */
  async #takeRoot(): Promise<void> {
    if (this.#rooted) return;
    const { root, store } = this.#options;
    const known = store.at(root.height);
    if (known !== undefined) this.#checkRoot(known);
    const latest = store.latest();
    const useful = latest !== undefined && !isExpired(latest.header, this.#now(), this.#options);
    if (!useful || (known === undefined && latest.header.height < root.height)) {
      const block = await this.#providers.fetchFromPrimary(root.height);
      this.#checkRoot(block);
      const { header, commit, validatorSet } = block;
      verifyThat(!isExpired(header, this.#now(), this.#options), "expired", `root ${root.height} is too old`);
      verifyCommitLight(header.chainId, validatorSet, commit.blockId, header.height, commit);
      // What is left of an earlier run is too old to build upon, or lies below.
      store.prune(0);
      store.put(block);
    }
    this.#rooted = true;
  }

  #checkRoot({ header }: CompleteLightBlock): void {
    const { height, hash } = this.#options.root;
    if (equalBytes(headerHash(header), hash)) return;
    throw new LightClientError("wrong-root", `block ${height} is not the one to be trusted`);
  }

  /** @param height 0 for the latest */
  async #verifyHeight(height: bigint): Promise<CompleteLightBlock> {
    await this.#takeRoot();
    const { store } = this.#options;
    for (;;) {
      const { primary } = this.#providers;
      try {
        const target = await this.#providers.fetchFromPrimary(height);
        const known = store.at(target.header.height);
        const same = known === undefined || sameHeader(known, target);
        verifyThat(same, "mismatch", `block ${target.header.height} is not the one that was verified before`);
        if (known !== undefined) return this.#newest(height, known);
        await this.#verifyTarget(target);
        store.put(target);
        store.prune(this.#options.keep ?? DEFAULT_KEEP);
        return this.#newest(height, target);
      } catch (error) {
        if (!this.#blames(error, primary)) throw unwrapped(error);
      }
    }
  }

  /** A primary that lags must not lead back. */
  #newest(height: bigint, block: CompleteLightBlock): CompleteLightBlock {
    const latest = height === 0n ? this.latest() : undefined;
    return latest !== undefined && latest.header.height > block.header.height ? latest : block;
  }

  /** Whether an error is the primary's fault and somebody else could be followed, who is followed from now on. */
  #blames(error: unknown, primary: LightProvider): boolean {
    const faulty =
      error instanceof BrokenTrace
        ? error.cause.reason !== "expired"
        : (error instanceof VerificationError && error.reason !== "expired") ||
          (error instanceof ProviderError && error.problem === "bad-block");
    // A request that everybody refused has been tried with everybody.
    return faulty && (this.#providers.primary !== primary || this.#providers.drop(primary));
  }

  async #verifyTarget(target: CompleteLightBlock): Promise<void> {
    const { store, stride = "skipping" } = this.#options;
    const now = this.#now();
    const below = store.below(target.header.height);
    const above = store.above(target.header.height);
    const forwards = below !== undefined && !isExpired(below.header, now, this.#options);
    if (!forwards && above !== undefined) return this.#verifyBackwards(above, target);
    verifyThat(below !== undefined, "expired", "no block is left to start from");
    const fetch = (height: bigint): Promise<CompleteLightBlock> =>
      this.#providers.fetch(this.#providers.primary, height);
    const trace = await verifyTrace(below, target, fetch, stride, now, this.#options);
    await this.#compareWitnesses(trace, now);
  }

  /** Each header carries the hash of the one before, so nobody needs to have signed. */
  async #verifyBackwards(from: CompleteLightBlock, target: CompleteLightBlock): Promise<void> {
    let trusted = from.header;
    while (trusted.height > target.header.height) {
      const height = trusted.height - 1n;
      const { header } =
        height === target.header.height ? target : await this.#providers.fetch(this.#providers.primary, height);
      verifyPreviousHeader(trusted, header);
      trusted = header;
    }
  }

  /** A header stands when at least one witness has it, too, and none has shown another that verifies. */
  async #compareWitnesses(trace: readonly CompleteLightBlock[], now: Timestamp): Promise<void> {
    const target = trace.at(-1);
    if (!this.#witnessed || target === undefined) return;
    const { clock, maxClockDrift, maxLagMs = DEFAULT_MAX_LAG_MS } = this.#options;
    const patienceMs = Number((2n * maxClockDrift) / NANOS_PER_MS) + maxLagMs;
    const witnesses = this.#providers.witnesses;
    const answers = await Promise.all(
      witnesses.map((witness) => compareWithWitness(this.#providers, witness, target, clock, patienceMs)),
    );
    let confirmed = false;
    for (const [i, witness] of witnesses.entries()) {
      const answer = answers[i] ?? { kind: "silent" };
      if (answer.kind === "same") confirmed = true;
      if (answer.kind === "other") await this.#accuse(trace, answer.block, witness, now);
      if (answer.kind === "bad" || answer.kind === "other") {
        this.#options.log?.warn("a witness cannot prove what it shows", { provider: witness.name });
        this.#providers.drop(witness);
      }
    }
    if (confirmed) return;
    throw new LightClientError("unconfirmed", `no witness has confirmed block ${target.header.height}`);
  }

  /**
   * Two blocks of one height. If the witness's verifies as well, validators have signed twice: both sides are told of
   * the other, since the honest one can have the guilty punished. If it does not, the witness has made it up.
   *
   * @throws LightClientAttack
   */
  async #accuse(
    trace: readonly CompleteLightBlock[],
    other: CompleteLightBlock,
    witness: LightProvider,
    now: Timestamp,
  ): Promise<void> {
    const { primary } = this.#providers;
    const options = this.#options;
    const against = await findDivergence(this.#providers, trace, other, witness, now, options);
    if (against === undefined) return;
    const evidence = [evidenceOf(against)];
    await this.#report(witness, evidence[0]);
    const back = await findDivergence(this.#providers, against.trace, against.block, primary, now, options);
    if (back !== undefined) {
      evidence.push(evidenceOf(back));
      await this.#report(primary, evidence[1]);
    }
    const height = against.block.header.height;
    throw new LightClientAttack(
      `${primary.name} and ${witness.name} show different blocks ${height}, and both verify`,
      evidence,
    );
  }

  async #report(to: LightProvider, evidence: LightClientAttackEvidence | undefined): Promise<void> {
    if (evidence === undefined) return;
    try {
      await to.reportEvidence({ type: "lightClientAttack", value: evidence });
    } catch (error) {
      this.#options.log?.warn("evidence was not accepted", { provider: to.name, reason: reasonOf(error) });
    }
  }
}

/** Callers decide by the reason; how far the verification had come is in the text. */
function unwrapped(error: unknown): unknown {
  return error instanceof BrokenTrace ? new VerificationError(error.cause.reason, error.message) : error;
}
