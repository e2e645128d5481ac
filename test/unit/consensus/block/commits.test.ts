import { describe, expect, test } from "vitest";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { sha256, sha512_256 } from "#kernels";
import { type BlockId, ZERO_BLOCK_ID } from "#consensus/block/block-id.js";
import { ABSENT_SIG, BlockIdFlag, type Commit, type CommitSig } from "#consensus/block/commit.js";
import { merkleProofs, merkleRoot, verifyMerkleProof } from "#consensus/block/merkle.js";
import { signProposal, signVote, verifyProposal, verifyVote } from "#consensus/block/signing.js";
import type { ValidatorSet } from "#consensus/block/validator.js";
import { newValidatorSet } from "#consensus/block/validator-set.js";
import { medianTime, verifyCommit, verifyCommitLight, verifyCommitTrusting } from "#consensus/block/verify-commit.js";
import { proposalSignBytes, SignedMessageType, voteSignBytes } from "#consensus/block/vote.js";

const CHAIN = "bb3d748def55bdfb797a2ac53ee6ee141e54cd2ab2dc2375f4";
const blockId: BlockId = { hash: sha256(utf8("a")), partSetHeader: { total: 1, hash: sha256(utf8("b")) } };
const signers = new Map(
  [1, 2, 3, 4].map((n) => MemorySigner.fromTestName(`validator ${n}`)).map((s) => [toHex(s.publicKey), s]),
);
const set = newValidatorSet([...signers.values()].map((signer) => ({ publicKey: signer.publicKey, power: 10n })));

function commitOf(flags: readonly number[], of: ValidatorSet = set): Commit {
  const signatures = of.validators.map((validator, index): CommitSig => {
    const blockIdFlag = flags[index] ?? BlockIdFlag.commit;
    const signer = signers.get(toHex(validator.publicKey));
    if (blockIdFlag === BlockIdFlag.absent || signer === undefined) return ABSENT_SIG;
    const vote = signVote(CHAIN, signer, {
      type: SignedMessageType.precommit,
      height: 7n,
      round: 2,
      blockId: blockIdFlag === BlockIdFlag.nil ? ZERO_BLOCK_ID : blockId,
      timestamp: { seconds: BigInt(100 + index), nanos: index },
      validatorAddress: validator.address,
      validatorIndex: index,
    });
    return {
      blockIdFlag,
      validatorAddress: validator.address,
      timestamp: vote.timestamp,
      signature: vote.signature,
    };
  });
  return { height: 7n, round: 2, blockId, signatures };
}

describe("Sign bytes", () => {
  test("are the canonical vote behind its length", () => {
    const vote = { type: 2, height: 1n, round: 0, blockId, timestamp: { seconds: 5n, nanos: 0 } };
    const encoded = voteSignBytes(CHAIN, vote);
    const expected =
      "0802" +
      "110100000000000000" +
      "2248" +
      `0a20${toHex(blockId.hash)}` +
      `12240801${"1220"}${toHex(blockId.partSetHeader.hash)}` +
      "2a020805" +
      `3232${toHex(utf8(CHAIN))}`;
    expect(toHex(encoded)).toBe(
      (expected.length / 2)
        .toString(16)
        .padStart(2, "0")
        .replace(/^(..)$/, varint) + expected,
    );
    const nil = voteSignBytes(CHAIN, { ...vote, round: 1, blockId: ZERO_BLOCK_ID });
    expect(toHex(nil)).toBe(
      "4c" + "0802" + "110100000000000000" + "190100000000000000" + "2a020805" + `3232${toHex(utf8(CHAIN))}`,
    );
  });

  test("of a proposal carry the lock round, ten bytes long when there is none", () => {
    const encoded = proposalSignBytes("c", {
      height: 1n,
      round: 0,
      polRound: -1,
      blockId: ZERO_BLOCK_ID,
      timestamp: { seconds: 0n, nanos: 0 },
    });
    expect(toHex(encoded)).toBe("1b" + "0820" + "110100000000000000" + "20ffffffffffffffffff01" + "3200" + "3a0163");
  });

  test("are signed behind the signature context of this protocol", () => {
    const signer = MemorySigner.fromTestName("validator 1");
    const unsigned = {
      type: SignedMessageType.prevote,
      height: 3n,
      round: 1,
      blockId,
      timestamp: { seconds: 1n, nanos: 2 },
      validatorAddress: new Uint8Array(20),
      validatorIndex: 0,
    };
    const vote = signVote(CHAIN, signer, unsigned);
    expect(verifyVote(CHAIN, signer.publicKey, vote)).toBe(true);
    expect(verifyVote("other", signer.publicKey, vote)).toBe(false);
    expect(verifyVote(CHAIN, signer.publicKey, { ...vote, type: SignedMessageType.precommit })).toBe(false);
    const { type: _type, validatorAddress: _address, validatorIndex: _index, ...rest } = unsigned;
    const proposal = signProposal(CHAIN, signer, { ...rest, type: SignedMessageType.proposal, polRound: -1 });
    expect(verifyProposal(CHAIN, signer.publicKey, proposal)).toBe(true);
    expect(verifyProposal(CHAIN, signer.publicKey, { ...proposal, polRound: 0 })).toBe(false);
    expect(sha512_256(utf8("oasis-core/tendermint"))).toHaveLength(32);
  });
});

/** Lengths from 128 on take two bytes. */
function varint(hex: string): string {
  const length = Number.parseInt(hex, 16);
  return length < 128 ? hex : toHex(Uint8Array.of((length & 0x7f) | 0x80, length >> 7));
}

describe("A commit", () => {
  const { absent, nil } = BlockIdFlag;
  const check =
    (commit: Commit, of: ValidatorSet = set) =>
    () =>
      verifyCommit(CHAIN, of, blockId, 7n, commit);

  test("holds with more than two thirds of the power, nil and absent votes beside them", () => {
    check(commitOf([]))();
    check(commitOf([absent]))();
    check(commitOf([nil]))();
    expect(check(commitOf([absent, nil]))).toThrow(expect.objectContaining({ reason: "power" }));
  });

  test("is refused for one wrong signature although the others suffice, but not by a light client", () => {
    const good = commitOf([]);
    const signatures = good.signatures.map((slot, i) => (i === 3 ? { ...slot, signature: new Uint8Array(64) } : slot));
    expect(check({ ...good, signatures })).toThrow(expect.objectContaining({ reason: "signature" }));
    verifyCommitLight(CHAIN, set, blockId, 7n, { ...good, signatures });
  });

  test("is refused when a slot holds another validator's vote", () => {
    const good = commitOf([]);
    const [first, second, ...rest] = good.signatures;
    if (first === undefined || second === undefined) return;
    expect(check({ ...good, signatures: [second, first, ...rest] })).toThrow(/another validator/);
    expect(check({ ...good, signatures: good.signatures.slice(1) })).toThrow(/3 signatures for 4 validators/);
    expect(check({ ...good, blockId: ZERO_BLOCK_ID })).toThrow(/another block/);
  });

  test("is trusted when one third of another set signed it, each validator once", () => {
    const smaller = newValidatorSet(set.validators.slice(0, 3).map((v) => ({ publicKey: v.publicKey, power: 5n })));
    verifyCommitTrusting(CHAIN, smaller, commitOf([absent]));
    expect(() => verifyCommitTrusting(CHAIN, set, commitOf([absent, absent, absent]))).toThrow(
      expect.objectContaining({ reason: "trust" }),
    );
    const good = commitOf([]);
    const repeated = good.signatures.map(() => good.signatures[0] ?? ABSENT_SIG);
    expect(() =>
      verifyCommitTrusting(CHAIN, set, { ...good, signatures: repeated }, { numerator: 1n, denominator: 1n }),
    ).toThrow(/repeats a validator/);
  });

  test("gives the next block the median of its times by power", () => {
    expect(medianTime(commitOf([]), set).seconds).toBe(101n);
    expect(medianTime(commitOf([absent, absent]), set).seconds).toBe(102n);
    expect(medianTime(commitOf([nil]), set).seconds).toBe(101n);
  });
});

describe("The merkle tree", () => {
  test("has the hash of nothing, of one leaf and of two as RFC 6962 says", () => {
    expect(toHex(merkleRoot([]))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(toHex(merkleRoot([new Uint8Array(0)]))).toBe(
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
    expect(toHex(merkleRoot([new Uint8Array(0), fromHex("00")]))).toBe(
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    );
  });

  test("proves every leaf of every small tree, and nothing else", () => {
    for (let size = 1; size <= 33; size++) {
      const leaves = Array.from({ length: size }, (_, i) => Uint8Array.of(i));
      const { root, proofs } = merkleProofs(leaves);
      expect(toHex(root)).toBe(toHex(merkleRoot(leaves)));
      proofs.forEach((proof, i) => {
        expect(verifyMerkleProof(proof, root, leaves[i] ?? root)).toBe(true);
        expect(verifyMerkleProof(proof, root, Uint8Array.of(200))).toBe(false);
        expect(verifyMerkleProof({ ...proof, aunts: [...proof.aunts, root] }, root, leaves[i] ?? root)).toBe(false);
        expect(verifyMerkleProof({ ...proof, index: proof.total }, root, leaves[i] ?? root)).toBe(false);
      });
    }
    expect(merkleProofs([]).proofs).toEqual([]);
  });
});
