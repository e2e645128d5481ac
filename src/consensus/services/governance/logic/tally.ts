/** Counting of votes by stake (governance: EndBlock on epoch change). */
import { Fault } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import { stakeForShares } from "../../staking/state/share-pool.js";
import type { Delegation, SharePool } from "../../staking/types/index.js";
import { VOTE_YES, type Vote, type VoteEntry } from "../types.js";

/** Active pools of the entities that have validators, by address. */
export type ValidatorPools = SortedMap<Uint8Array, SharePool>;

/** Outcome of a vote: stake by vote, and voters that delegate to no validator. */
export interface Tally {
  readonly results: SortedMap<Vote, bigint>;
  readonly invalidVotes: bigint;
}

type Shares = SortedMap<Vote, bigint>;

function add(shares: Shares, vote: Vote, amount: bigint): void {
  const sum = (shares.get(vote) ?? 0n) + amount;
  if (sum < 0n) throw new Fault("more shares vote for themselves than a validator has");
  shares.set(vote, sum);
}

/**
 * Counts votes. A validator votes with all shares of its pool; who delegates to it and votes for itself takes its own
 * shares away from that vote. Delegators of a silent validator count for themselves alone.
 * @param delegations outgoing delegations of a voter, by escrow account
 */
export function tally(
  votes: readonly VoteEntry[],
  pools: ValidatorPools,
  delegations: (voter: Uint8Array) => SortedMap<Uint8Array, Delegation>,
): Tally {
  const validatorVotes = SortedMap.bytes<Vote>();
  const sharesOf = SortedMap.bytes<Shares>();
  for (const validator of pools.keys()) sharesOf.set(validator, SortedMap.int<Vote, bigint>());
  for (const { voter, vote } of votes) {
    const pool = pools.get(voter);
    const shares = sharesOf.get(voter);
    if (pool === undefined || shares === undefined) continue;
    validatorVotes.set(voter, vote);
    add(shares, vote, pool.totalShares);
  }
  let invalidVotes = 0n;
  for (const { voter, vote } of votes) {
    let valid = false;
    for (const [validator, delegation] of delegations(voter)) {
      const shares = sharesOf.get(validator);
      if (shares === undefined) continue;
      valid = true;
      const validatorVote = validatorVotes.get(validator);
      if (validatorVote === vote) continue;
      if (validatorVote !== undefined) add(shares, validatorVote, -delegation.shares);
      add(shares, vote, delegation.shares);
    }
    if (!valid) invalidVotes++;
  }
  const results = SortedMap.int<Vote, bigint>();
  for (const [validator, pool] of pools) {
    for (const [vote, shares] of sharesOf.get(validator) ?? []) {
      // A vote that nobody is left with stays in the results, with nothing.
      results.set(vote, (results.get(vote) ?? 0n) + stakeForShares(pool, shares));
    }
  }
  return { results, invalidVotes };
}

/**
 * Whether the votes are enough.
 * @param total stake of all validators
 * @param threshold percentage of it that must say yes
 * @throws Fault when more stake voted than there is
 */
export function passes({ results }: Tally, total: bigint, threshold: number): boolean {
  let voted = 0n;
  for (const stake of results.values()) voted += stake;
  if (voted > total) throw new Fault(`votes of ${voted} exceed the voting stake of ${total}`);
  const yes = results.get(VOTE_YES) ?? 0n;
  return yes > 0n && (yes * 100n) / total >= BigInt(threshold);
}
