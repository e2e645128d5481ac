import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equalBytes, fromBase64 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { headerHash } from "#consensus/block/header.js";
import { checkLightBlock, LightBlock } from "#consensus/block/light-block.js";
import { timestampFromNanos, timestampToNanos } from "#consensus/block/timestamp.js";
import { VerificationError } from "#consensus/block/verification-error.js";
import { verifyLightBlock } from "#consensus/light/verify.js";
import { vectors } from "../support/vectors.ts";

const CHAIN = "bb3d748def55bdfb797a2ac53ee6ee141e54cd2ab2dc2375f4";
const HOUR = 3_600_000_000_000n;
const bytes = (height: number): Uint8Array =>
  fromBase64(vectors<{ meta: string }>(`consensus/light_block_${height}.json`).meta);

describe("A real light block with damage", () => {
  const encoded = bytes(25300001);
  const trusted = checkLightBlock(CHAIN, LightBlock.decode(bytes(25300000)));
  const now = timestampFromNanos(timestampToNanos(trusted.header.time) + HOUR);
  const good = headerHash(checkLightBlock(CHAIN, LightBlock.decode(encoded)).header);

  /** Verifies what may be anything; true when it is the real header still. */
  function survives(damaged: Uint8Array): boolean {
    try {
      const options = { trustingPeriod: 24n * HOUR, maxClockDrift: 0n };
      const { header } = verifyLightBlock(trusted, LightBlock.decode(damaged), now, options);
      return equalBytes(headerHash(header), good);
    } catch (error) {
      return error instanceof VerificationError || error instanceof DecodeError;
    }
  }

  test("is refused with a typed error, or what was damaged does not matter to the header", () => {
    const seed = 20_260_101;
    process.stdout.write(`\ndamaged light blocks: seed ${seed}\n`);
    const at = fc.nat({ max: encoded.length - 1 });
    fc.assert(
      fc.property(at, fc.nat({ max: 7 }), (position, bit) => {
        const damaged = encoded.slice();
        damaged[position] = (damaged[position] as number) ^ (1 << bit);
        expect(survives(damaged)).toBe(true);
      }),
      { seed, numRuns: 400 },
    );
    fc.assert(
      fc.property(at, fc.uint8Array({ maxLength: 20 }), at, (position, inserted, end) => {
        const damaged = Uint8Array.of(...encoded.subarray(0, position), ...inserted, ...encoded.subarray(end));
        expect(survives(damaged)).toBe(true);
      }),
      { seed, numRuns: 100 },
    );
  });
});
