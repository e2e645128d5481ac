import { Block as OracleBlock } from "cosmjs-types/tendermint/types/block.js";
import { ConsensusParams as OracleParams } from "cosmjs-types/tendermint/types/params.js";
import {
  LightBlock as OracleLightBlock,
  Proposal as OracleProposal,
  Vote as OracleVote,
} from "cosmjs-types/tendermint/types/types.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { Block } from "#consensus/block/block.js";
import type { BlockId } from "#consensus/block/block-id.js";
import { type Commit, CommitSig } from "#consensus/block/commit.js";
import type { Evidence } from "#consensus/block/evidence.js";
import { Header } from "#consensus/block/header.js";
import { LightBlock } from "#consensus/block/light-block.js";
import { ConsensusParams } from "#consensus/block/params.js";
import {
  Duration,
  type Timestamp,
  timestampFromNanos,
  timestampToNanos,
  ZERO_TIME,
} from "#consensus/block/timestamp.js";
import type { Validator, ValidatorSet } from "#consensus/block/validator.js";
import { Proposal, Vote } from "#consensus/block/vote.js";

const bytesOf = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const hash = fc.oneof(bytesOf(32), fc.constant(new Uint8Array(0)));
// The library that we compare with miswrites 2^31 to 2^32-1 in 64-bit fields; a test below has those by hand.
const writable = (value: bigint) => value < 1n << 31n || value >= 1n << 32n;
const int64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).filter(writable);
const uint64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).filter(writable);
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const time: fc.Arbitrary<Timestamp> = fc.record({
  seconds: fc.bigInt({ min: -62135596800n, max: 253402300799n }).filter(writable),
  nanos: fc.nat(999_999_999),
});
const blockId: fc.Arbitrary<BlockId> = fc.record({
  hash,
  partSetHeader: fc.record({ total: fc.integer({ min: 0, max: 2 ** 32 - 1 }), hash }),
});
const vote: fc.Arbitrary<Vote> = fc.record({
  type: fc.constantFrom(1, 2),
  height: int64,
  round: int32,
  blockId,
  timestamp: time,
  validatorAddress: bytesOf(20),
  validatorIndex: int32,
  signature: bytesOf(64),
});
const commit: fc.Arbitrary<Commit> = fc.record({
  height: int64,
  round: int32,
  blockId,
  signatures: fc.array(
    fc.record({
      blockIdFlag: fc.constantFrom(1, 2, 3),
      validatorAddress: fc.oneof(bytesOf(20), bytesOf(0)),
      timestamp: time,
      signature: fc.oneof(bytesOf(64), bytesOf(0)),
    }),
    { maxLength: 4 },
  ),
});
const header: fc.Arbitrary<Header> = fc.record({
  version: fc.record({ block: uint64, app: uint64 }),
  chainId: fc.string({ unit: "grapheme", maxLength: 10 }).filter((text) => new TextEncoder().encode(text).length <= 50),
  height: int64,
  time,
  lastBlockId: blockId,
  lastCommitHash: hash,
  dataHash: hash,
  validatorsHash: hash,
  nextValidatorsHash: hash,
  consensusHash: hash,
  appHash: hash,
  lastResultsHash: hash,
  evidenceHash: hash,
  proposerAddress: bytesOf(20),
});
const validator: fc.Arbitrary<Validator> = fc.record({
  address: bytesOf(20),
  publicKey: bytesOf(32),
  votingPower: int64,
  proposerPriority: int64,
});
const validatorSet: fc.Arbitrary<ValidatorSet> = fc.record({
  validators: fc.array(validator, { maxLength: 3 }),
  proposer: fc.option(validator, { nil: undefined }),
  totalVotingPower: int64,
});
const lightBlock: fc.Arbitrary<LightBlock> = fc.record({
  signedHeader: fc.option(
    fc.record({ header: fc.option(header, { nil: undefined }), commit: fc.option(commit, { nil: undefined }) }),
    { nil: undefined },
  ),
  validatorSet: fc.option(validatorSet, { nil: undefined }),
});
const evidence: fc.Arbitrary<Evidence> = fc.oneof(
  fc.record({
    type: fc.constant("duplicateVote" as const),
    value: fc.record({ voteA: vote, voteB: vote, totalVotingPower: int64, validatorPower: int64, timestamp: time }),
  }),
  fc.record({
    type: fc.constant("lightClientAttack" as const),
    value: fc.record({
      conflictingBlock: lightBlock,
      commonHeight: int64,
      byzantineValidators: fc.array(validator, { maxLength: 2 }),
      totalVotingPower: int64,
      timestamp: time,
    }),
  }),
);
const block: fc.Arbitrary<Block> = fc.record({
  header,
  data: fc.record({ txs: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }) }),
  evidence: fc.record({ evidence: fc.array(evidence, { maxLength: 2 }) }),
  lastCommit: fc.option(commit, { nil: undefined }),
});

interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}
interface Oracle {
  decode(bytes: Uint8Array): unknown;
  encode(value: never): { finish(): Uint8Array };
}

/** Our bytes survive our decoder, and a protobuf library that knows nothing of us reads and writes the same bytes. */
function agrees<T>(codec: Codec<T>, oracle: Oracle, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const encoded = codec.encode(value);
      expect(codec.decode(encoded)).toEqual(value);
      expect(toHex(oracle.encode(oracle.decode(encoded) as never).finish())).toBe(toHex(encoded));
    }),
    { numRuns: 150 },
  );
}

describe("CometBFT's protobuf messages", () => {
  test("are written as an independent protobuf library writes them", () => {
    agrees(Vote, OracleVote as unknown as Oracle, vote);
    agrees(
      Proposal,
      OracleProposal as unknown as Oracle,
      fc.record({
        type: fc.constant(32),
        height: int64,
        round: int32,
        polRound: int32,
        blockId,
        timestamp: time,
        signature: bytesOf(64),
      }),
    );
    agrees(LightBlock, OracleLightBlock as unknown as Oracle, lightBlock);
    agrees(Block, OracleBlock as unknown as Oracle, block);
    agrees(
      ConsensusParams,
      OracleParams as unknown as Oracle,
      fc.record({
        block: fc.option(fc.record({ maxBytes: int64, maxGas: int64 }), { nil: undefined }),
        evidence: fc.option(
          fc.record({
            maxAgeNumBlocks: int64,
            maxAgeDuration: fc.bigInt({ min: -(1n << 60n), max: 1n << 60n }),
            maxBytes: int64,
          }),
          { nil: undefined },
        ),
        validator: fc.option(fc.record({ pubKeyTypes: fc.array(fc.constantFrom("ed25519", "x"), { maxLength: 2 }) }), {
          nil: undefined,
        }),
        version: fc.option(fc.record({ app: uint64 }), { nil: undefined }),
      }),
    );
  });

  test("write numbers between 31 and 32 bits, and the smallest and largest of 64", () => {
    const height = (value: bigint) => toHex(Header.encode({ ...Header.zero(), height: value }));
    expect(height(1n << 31n)).toContain("188080808008");
    expect(height((1n << 32n) - 1n)).toContain("18ffffffff0f");
    expect(height(-(1n << 63n))).toContain("1880808080808080808001");
    expect(height((1n << 63n) - 1n)).toContain("18ffffffffffffffff7f");
  });

  test("always carry the parts that are not optional, even when they are empty", () => {
    expect(toHex(CommitSig.encode({ ...CommitSig.zero(), timestamp: { seconds: 0n, nanos: 0 } }))).toBe("1a00");
    expect(toHex(Vote.encode({ ...Vote.zero(), timestamp: { seconds: 0n, nanos: 0 } }))).toBe("220212002a00");
  });

  test("read a missing time as the year 1 and an empty one as 1970", () => {
    expect(CommitSig.decode(new Uint8Array(0)).timestamp).toEqual(ZERO_TIME);
    expect(CommitSig.decode(fromHex("1a00")).timestamp).toEqual({ seconds: 0n, nanos: 0 });
  });

  test("ignore unknown fields of every wire type that exists", () => {
    // Fields 100 to 103: varint, eight bytes, a run of bytes, four bytes.
    const unknown = "a00605" + "a9060102030405060708" + "b20603aabbcc" + "bd0601020304";
    expect(CommitSig.decode(fromHex(`0802${unknown}`))).toEqual({ ...CommitSig.zero(), blockIdFlag: 2 });
  });
});

describe("Untrusted protobuf", () => {
  const refused = (hex: string, reason: RegExp) =>
    expect(() => Header.decode(fromHex(hex))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(reason) }),
    );

  test("is refused with the path of the field that is wrong", () => {
    refused("2a0412021207", /Header\.lastBlockId\.partSetHeader\.hash: .*ends too early/);
    refused("3221" + "00".repeat(33), /Header\.lastCommitHash: 33 bytes exceed the limit of 32/);
    refused("1203ffffff", /Header\.chainId: .*UTF-8/);
    refused("220508808080801022", /Header\.time/);
  });

  test("is refused when a known field has another wire type, appears twice, or is a group", () => {
    refused("1a0101", /Header\.height: wire type 2 where 0/);
    refused("18011802", /Header\.height: field appears twice/);
    refused("a306a406", /wire type 3/);
  });

  test("is refused when varints, field numbers, nanoseconds or seconds are out of range", () => {
    refused("18ffffffffffffffffff02", /64 bits/);
    refused("18ffffffffffffffffffff01", /64 bits/);
    refused("00", /field number/);
    refused("2206108094ebdc03", /nanoseconds out of range/);
    refused("2207088083d1ffaf07", /time: seconds out of range/);
    refused("220b08ff91b8c398feffffff01", /time: seconds out of range/);
  });

  test("never makes the decoder fail with anything but a decode error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        for (const codec of [Block, LightBlock, ConsensusParams, Vote] as Codec<unknown>[]) {
          try {
            codec.decode(junk);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(block, fc.nat(), fc.nat(255), (value, at, byte) => {
        const damaged = Block.encode(value);
        damaged[at % damaged.length] = byte;
        try {
          Block.decode(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("Times and durations", () => {
  test("convert to nanoseconds and back, before and after 1970", () => {
    for (const nanos of [0n, 1n, -1n, 1_700_000_000_123_456_789n, -5_000_000_001n]) {
      const converted = timestampFromNanos(nanos);
      expect(converted.nanos).toBeGreaterThanOrEqual(0);
      expect(timestampToNanos(converted)).toBe(nanos);
      expect(Duration.decode(Duration.encode(nanos))).toBe(nanos);
    }
  });
});
