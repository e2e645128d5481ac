import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex, u32be, u64be } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import {
  compareValidators,
  MAX_TOTAL_VOTING_POWER,
  type Validator,
  type ValidatorSet,
} from "#consensus/block/validator.js";
import {
  applyValidatorUpdates,
  newValidatorSet,
  proposerOfRound,
  rotateProposer,
} from "#consensus/block/validator-set.js";
import { VerificationError } from "#consensus/block/verification-error.js";

const key = (index: number) => hash(u32be(index));
const member = (index: number, power: bigint) => ({ publicKey: key(index), power });

/** A set whose addresses are plain letters, so that ties and turns can be read. */
function named(...members: [name: string, power: bigint, priority?: bigint][]): ValidatorSet {
  const validators: Validator[] = members
    .map(([name, votingPower, proposerPriority = 0n]) => ({
      address: new TextEncoder().encode(name),
      publicKey: new Uint8Array(32),
      votingPower,
      proposerPriority,
    }))
    .sort(compareValidators);
  return { validators, proposer: undefined, totalVotingPower: 0n };
}

function turns(start: ValidatorSet, count: number): string {
  let set = start;
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    set = rotateProposer(set, 1);
    names.push(new TextDecoder().decode(set.proposer?.address));
  }
  return names.join(" ");
}

const priorities = (set: ValidatorSet) =>
  Object.fromEntries(set.validators.map((v) => [new TextDecoder().decode(v.address), v.proposerPriority]));

describe("The rotation of proposers", () => {
  test("gives each validator turns in proportion to its power, ties to the lower address", () => {
    const order = turns(named(["foo", 1000n], ["bar", 300n], ["baz", 330n]), 99).split(" ");
    expect(order.slice(0, 10).join(" ")).toBe("foo baz foo bar foo foo baz foo bar foo");
    const share = (name: string) => order.filter((turn) => turn === name).length;
    expect([share("foo"), share("baz"), share("bar")]).toEqual([61, 20, 18]);
    expect(turns(named(["a", 100n], ["b", 100n], ["c", 100n]), 6)).toBe("a b c a b c");
    expect(turns(named(["a", 4n], ["b", 5n], ["c", 3n]), 12)).toBe("b a c b a b c a b c a b");
  });

  test("gives several turns at once as well as one by one, once priorities are centred", () => {
    const set = newValidatorSet([member(1, 10n), member(2, 33n), member(3, 7n)]);
    let one = set;
    for (let i = 0; i < 5; i++) one = rotateProposer(one, 1);
    expect(rotateProposer(set, 5)).toEqual(one);
    expect(proposerOfRound(set, 0)).toEqual(set.proposer);
    expect(proposerOfRound(set, 5)).toEqual(one.proposer);
  });

  test("rounds the average down and shifts by it", () => {
    // -5 / 3 rounds down to -2, so every priority grows by 2 before the turn.
    const after = rotateProposer(named(["a", 1n, -1n], ["b", 1n, -2n], ["c", 1n, -2n]), 1);
    expect(priorities(after)).toEqual({ a: -1n, b: 1n, c: 1n });
  });

  test("divides priorities that lie too far apart, towards zero", () => {
    // Spread 100 in a window of 8: ratio ceil(100 / 8) = 13, so 60 and -40 become 4 and -3; their average 1/2 rounds
    // down to 0; one turn adds 2 to each and takes 4 from the leader.
    const after = rotateProposer(named(["a", 2n, 60n], ["b", 2n, -40n]), 1);
    expect(priorities(after)).toEqual({ a: 2n, b: -1n });
  });

  test("clips at the ends of 64 bits", () => {
    const top = (1n << 63n) - 1n;
    const set = named(["a", 1n, top], ["b", 1n, top], ["c", 1n, top]);
    expect(Object.values(priorities(rotateProposer(set, 1))).every((p) => p >= -top && p <= top)).toBe(true);
  });
});

describe("Updates of a validator set", () => {
  test("put newcomers at minus nine eighths of the power before removals", () => {
    const set = newValidatorSet([member(1, 80n), member(2, 20n)]);
    const after = applyValidatorUpdates(set, [member(3, 60n), member(2, 0n)]);
    expect(after.validators.map((v) => v.votingPower)).toEqual([80n, 60n]);
    const [old, fresh] = after.validators;
    // Measured against 160, then rescaled into the window and centred; only the difference survives centring.
    const before = set.validators.find((v) => toHex(v.publicKey) === toHex(key(1)))?.proposerPriority ?? 0n;
    expect((old?.proposerPriority ?? 0n) - (fresh?.proposerPriority ?? 0n)).toBe(before + 160n + 20n);
  });

  test("keep the priority of a validator whose power changes", () => {
    const set = newValidatorSet([member(1, 10n), member(2, 10n), member(3, 10n)]);
    const after = applyValidatorUpdates(set, [member(1, 11n)]);
    for (const { publicKey, proposerPriority } of after.validators) {
      const old = set.validators.find((v) => toHex(v.publicKey) === toHex(publicKey));
      expect(proposerPriority).toBe(old?.proposerPriority);
    }
  });

  test("are refused when they repeat a key, remove a stranger, empty the set or exceed the power limit", () => {
    const set = newValidatorSet([member(1, 10n)]);
    for (const bad of [
      [member(2, 1n), member(2, 2n)],
      [member(2, 0n)],
      [member(1, 0n)],
      [member(2, -1n)],
      [member(2, MAX_TOTAL_VOTING_POWER)],
      [member(2, MAX_TOTAL_VOTING_POWER + 1n)],
    ]) {
      expect(() => applyValidatorUpdates(set, bad)).toThrow(VerificationError);
    }
    expect(() => newValidatorSet([member(1, 0n)])).toThrow(VerificationError);
    expect(applyValidatorUpdates(set, [])).toBe(set);
  });

  test("do not depend on the order they are listed in", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ index: fc.nat(30), power: fc.bigInt({ min: 1n, max: 1n << 40n }) }), {
          selector: (item) => item.index,
          minLength: 1,
        }),
        (items) => {
          const updates = items.map(({ index, power }) => member(index, power));
          const set = newValidatorSet([member(100, 1000n), member(101, 5n)]);
          expect(applyValidatorUpdates(set, [...updates].reverse())).toEqual(applyValidatorUpdates(set, updates));
        },
      ),
      { numRuns: 50 },
    );
  });
});

test("Validator keys of the tests differ", () => {
  expect(toHex(key(1))).not.toBe(toHex(hash(u64be(1n))));
});
