import { describe, expect, test } from "vitest";
import { fromBase64 } from "#common/bytes.js";
import { checkLightBlock, LightBlock } from "#consensus/block/light-block.js";
import { timestampFromNanos, timestampToNanos } from "#consensus/block/timestamp.js";
import type { ValidatorSet } from "#consensus/block/validator.js";
import { newValidatorSet } from "#consensus/block/validator-set.js";
import { type TrustOptions, verifyLightBlock, verifyPreviousHeader } from "#consensus/light/verify.js";
import { vectors } from "../support/vectors.ts";

const CHAIN = "bb3d748def55bdfb797a2ac53ee6ee141e54cd2ab2dc2375f4";
const HOUR = 3_600_000_000_000n;
const options: TrustOptions = { trustingPeriod: 24n * HOUR, maxClockDrift: 10_000_000_000n };
const light = (height: number) =>
  LightBlock.decode(fromBase64(vectors<{ meta: string }>(`consensus/light_block_${height}.json`).meta));
const reason = (word: string) => expect.objectContaining({ reason: word });

describe("The light client on two real Mainnet blocks", () => {
  const trusted = () => checkLightBlock(CHAIN, light(25300000));
  const soon = () => timestampFromNanos(timestampToNanos(trusted().header.time) + HOUR);

  test("accepts the next block on the strength of the one before, and the one before by its hash", () => {
    const next = verifyLightBlock(trusted(), light(25300001), soon(), options);
    expect(next.header.height).toBe(25300001n);
    verifyPreviousHeader(next.header, trusted().header);
  });

  test("refuses an expired anchor, a block from the future, a lower height and another chain", () => {
    const base = trusted();
    const late = timestampFromNanos(timestampToNanos(base.header.time) + 25n * HOUR);
    expect(() => verifyLightBlock(base, light(25300001), late, options)).toThrow(reason("expired"));
    const early = timestampFromNanos(timestampToNanos(base.header.time) - 20_000_000_000n);
    expect(() => verifyLightBlock(base, light(25300001), early, options)).toThrow(reason("time"));
    const next = checkLightBlock(CHAIN, light(25300001));
    expect(() => verifyLightBlock(next, light(25300000), soon(), options)).toThrow(reason("mismatch"));
    const other = { ...base, header: { ...base.header, chainId: "other" } };
    expect(() => verifyLightBlock(other, light(25300001), soon(), options)).toThrow(reason("mismatch"));
    expect(() => verifyPreviousHeader(base.header, next.header)).toThrow(reason("mismatch"));
  });

  test("refuses a changed header, a changed validator set and validators that were not announced", () => {
    const base = trusted();
    const next = light(25300001);
    const { header, commit } = next.signedHeader ?? {};
    const set = next.validatorSet;
    if (header === undefined || set === undefined) throw new TypeError("the light block is complete");
    const changed = { header: { ...header, appHash: base.header.appHash }, commit };
    expect(() => verifyLightBlock(base, { ...next, signedHeader: changed }, soon(), options)).toThrow(
      reason("mismatch"),
    );
    const fewer: ValidatorSet = { ...set, validators: set.validators.slice(1) };
    expect(() => verifyLightBlock(base, { ...next, validatorSet: fewer }, soon(), options)).toThrow(/not the header's/);
    const announced = { ...base.header, nextValidatorsHash: base.header.appHash };
    expect(() => verifyLightBlock({ ...base, header: announced }, next, soon(), options)).toThrow(/announced/);
    expect(() => verifyLightBlock(base, {} as LightBlock, soon(), options)).toThrow(reason("malformed"));
  });
});

describe("The light client skipping heights", () => {
  const next = () => light(25300001);
  // A trusted block two heights below: the header is made up, only its height and the validators matter here.
  const below = (validatorSet: ValidatorSet) => {
    const { header } = checkLightBlock(CHAIN, light(25300000));
    return { header: { ...header, height: header.height - 1n }, validatorSet };
  };
  const now = () => timestampFromNanos(timestampToNanos(below(newValidatorSet([])).header.time) + HOUR);

  test("accepts a later block while more than a third of the trusted power signed it", () => {
    const { validatorSet } = checkLightBlock(CHAIN, light(25300000));
    expect(verifyLightBlock(below(validatorSet), next(), now(), options).header.height).toBe(25300001n);
    const member = validatorSet.validators[0];
    if (member === undefined) throw new TypeError("the set has members");
    const stranger = { publicKey: new Uint8Array(32).fill(7), power: 199n };
    const third = newValidatorSet([{ publicKey: member.publicKey, power: 100n }, stranger]);
    expect(verifyLightBlock(below(third), next(), now(), options).header.height).toBe(25300001n);
  });

  test("says that the power does not suffice when a third or less signed", () => {
    const member = checkLightBlock(CHAIN, light(25300000)).validatorSet.validators[0];
    if (member === undefined) throw new TypeError("the set has members");
    const stranger = { publicKey: new Uint8Array(32).fill(7), power: 200n };
    const less = newValidatorSet([{ publicKey: member.publicKey, power: 100n }, stranger]);
    expect(() => verifyLightBlock(below(less), next(), now(), options)).toThrow(reason("trust"));
    expect(() => verifyLightBlock(below(newValidatorSet([stranger])), next(), now(), options)).toThrow(reason("trust"));
  });
});
