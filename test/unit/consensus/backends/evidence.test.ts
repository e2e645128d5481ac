import { describe, expect, test } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { MemorySigner, type Signer } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { consensusAddress } from "#consensus/block/block-id.js";
import { type Block, checkBlock } from "#consensus/block/block.js";
import { BlockIdFlag, MAX_VOTES } from "#consensus/block/commit.js";
import { Evidence, type LightClientAttackEvidence } from "#consensus/block/evidence.js";
import type { Header } from "#consensus/block/header.js";
import type { CompleteLightBlock } from "#consensus/block/light-block.js";
import type { EvidenceParams } from "#consensus/block/params.js";
import type { ValidatorSet } from "#consensus/block/validator.js";
import { newValidatorSet } from "#consensus/block/validator-set.js";
import { attackEvidence } from "#consensus/light/attack.js";
import { nodeByConsensusAddress, getNodeStatus } from "#consensus/services/registry/state.js";
import { getAccount } from "#consensus/services/staking/state/index.js";
import { type Forgery, forgeBlock } from "../light/support/forge.ts";
import { Random } from "../../mkvs/support/random.ts";
import { HistoryChain } from "./support.ts";

const HEIGHT = 12n;
const PARAMS: EvidenceParams = { maxAgeNumBlocks: 100n, maxAgeDuration: 3_600_000_000_000n, maxBytes: 100_000n };
const STRANGER = MemorySigner.fromTestName("nobody's validator");

interface Attack extends Forgery {
  readonly common: bigint;
}

class AttackedChain extends HistoryChain {
  readonly accused: Block[] = [];

  static async make(disk: Disk = new MemoryDisk(), evidenceParams = PARAMS): Promise<AttackedChain> {
    const chain = new AttackedChain(disk, { validators: 4, evidenceParams });
    chain.backend.onBlock(({ block }) => {
      if (block.evidence.evidence.length > 0) chain.accused.push(block);
    });
    if (chain.backend.latestHeight < HEIGHT) await chain.upTo(HEIGHT);
    return chain;
  }

  signer(index: number): Signer {
    const member = this.members[index];
    if (member === undefined) throw new TypeError(`no validator ${index}`);
    return member.identity.consensus;
  }

  at(height: bigint): CompleteLightBlock {
    const header = this.backend.block(height)?.header;
    const commit = this.backend.commit(height);
    const validatorSet = this.backend.validators(height);
    if (header === undefined || commit === undefined || validatorSet === undefined) throw new TypeError("no block");
    return { header, commit, validatorSet };
  }

  /** A block that is not on the chain, signed by some. */
  forged(attack: Attack): CompleteLightBlock {
    const latest = this.backend.latestHeight;
    const original = this.at(attack.height < latest ? attack.height : latest);
    return forgeBlock(original, attack);
  }

  evidence(attack: Attack): LightClientAttackEvidence {
    const latest = this.backend.latestHeight;
    const trusted = this.at(attack.height < latest ? attack.height : latest);
    return attackEvidence(this.forged(attack), trusted, this.at(attack.common));
  }

  submit(value: LightClientAttackEvidence): void {
    this.backend.submitEvidence(Evidence.encode({ type: "lightClientAttack", value }));
  }

  /** What is at stake of the entity of a validator, and whether its node is frozen. */
  standing(index: number): { balance: bigint; frozen: boolean } {
    const state = this.backend.stateAt(0n);
    const node = nodeByConsensusAddress(state, consensusAddress(this.signer(index).publicKey));
    if (node === undefined) throw new TypeError(`validator ${index} is not registered`);
    const { balance } = getAccount(state, addressFromPublicKey(node.entityId)).escrow.active;
    return { balance, frozen: (getNodeStatus(state, node.id)?.freezeEndTime ?? 0n) > 0n };
  }

  next(): Promise<void> {
    return this.upTo(this.backend.latestHeight + 1n);
  }
}

const otherApp = (header: Header): Header => ({ ...header, appHash: new Uint8Array(32).fill(9) });
const otherData = (header: Header): Header => ({ ...header, dataHash: new Uint8Array(32).fill(9) });

function refusal(work: () => void): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(CodedError);
    return (error as CodedError).message;
  }
  return "taken";
}

/** Who lost stake and who was frozen by what is done meanwhile. */
async function convicted(chain: AttackedChain, work: () => Promise<void>): Promise<number[]> {
  const before = [0, 1, 2, 3].map((index) => chain.standing(index));
  await work();
  return [0, 1, 2, 3].filter((index) => {
    const now = chain.standing(index);
    const lost = (before[index]?.balance ?? 0n) - now.balance;
    const frozen = now.frozen && before[index]?.frozen === false;
    expect(frozen, `validator ${index}`).toBe(lost > 90_000_000_000n);
    return frozen;
  });
}

/** The evidence of the latest block, after the next one is made. */
async function judged(chain: AttackedChain, value: LightClientAttackEvidence): Promise<number[]> {
  const count = chain.accused.length;
  const guilty = await convicted(chain, async () => {
    chain.submit(value);
    await chain.next();
  });
  expect(chain.accused).toHaveLength(count + 1);
  const block = chain.accused.at(-1) as Block;
  expect(() => checkBlock(block)).not.toThrow();
  expect(block.evidence.evidence).toEqual([{ type: "lightClientAttack", value }]);
  return guilty;
}

describe("evidence of an attack on light clients", () => {
  test("with a made-up state costs those who signed it stake and freezes their nodes, once", async () => {
    const chain = await AttackedChain.make();
    // The attackers bring validators of their own along; more than a third of the real power is enough.
    const mine = [chain.signer(1), chain.signer(2), STRANGER];
    const validators = newValidatorSet(mine.map(({ publicKey }) => ({ publicKey, power: 10n })));
    const attack = { height: 8n, common: 5n, bend: otherApp, signers: mine, validators };
    const value = chain.evidence(attack);
    expect(value).toMatchObject({ commonHeight: 5n, timestamp: chain.at(5n).header.time });
    expect(await judged(chain, value)).toEqual([1, 2]);
    // Neither again nor with fewer signatures below the same block.
    chain.submit(value);
    const fewer = chain.evidence({ ...attack, signers: [chain.signer(1), STRANGER, chain.signer(0)] });
    expect(fewer.byzantineValidators).toHaveLength(1);
    chain.submit(fewer);
    await chain.next();
    expect(chain.accused).toHaveLength(1);
  });

  test("with two blocks in one round convicts all that voted for both", async () => {
    const chain = await AttackedChain.make();
    const signers = [0, 1, 3].map((index) => chain.signer(index));
    const value = chain.evidence({ height: 7n, common: 7n, bend: otherData, signers });
    expect(await judged(chain, value)).toEqual([0, 1, 3]);
  });

  test("in another round is put into a block though nobody can be convicted", async () => {
    const chain = await AttackedChain.make();
    const signers = [0, 1, 2, 3].map((index) => chain.signer(index));
    const value = chain.evidence({ height: 7n, common: 7n, bend: otherData, signers, round: 1 });
    expect(value.byzantineValidators).toEqual([]);
    expect(await judged(chain, value)).toEqual([]);
  });

  test("that ran ahead of the chain counts where its time lies behind the chain's", async () => {
    const chain = await AttackedChain.make();
    const signers = [0, 1, 2].map((index) => chain.signer(index));
    const attack = { height: 1000n, common: 9n, bend: otherApp, signers };
    const late = (header: Header): Header => ({ ...otherApp(header), time: { ...header.time, nanos: 999_999_999 } });
    expect(refusal(() => chain.submit(chain.evidence({ ...attack, bend: late })))).toMatch(/no attack unless its time/);
    expect(await judged(chain, chain.evidence(attack))).toEqual([0, 1, 2]);
  });

  test("waits on the disk for its block", async () => {
    const disk = new MemoryDisk();
    const chain = await AttackedChain.make(disk);
    const signers = [0, 1, 3].map((index) => chain.signer(index));
    chain.submit(chain.evidence({ height: 7n, common: 7n, bend: otherData, signers }));
    await chain.backend.stop();
    const again = await AttackedChain.make(disk);
    expect(await convicted(again, () => again.next())).toEqual([0, 1, 3]);
    expect(again.accused).toHaveLength(1);
  });

  test("is refused where it names others, another height, power or time, or proves nothing", async () => {
    const chain = await AttackedChain.make();
    const signers = [0, 1, 2].map((index) => chain.signer(index));
    const lunatic = { height: 8n, common: 5n, bend: otherApp, signers };
    const good = chain.evidence(lunatic);
    const changed = (changes: Partial<LightClientAttackEvidence>): string =>
      refusal(() => chain.submit({ ...good, ...changes }));
    const time = (height: bigint) => chain.at(height).header.time;
    expect(changed({ byzantineValidators: [] })).toMatch(/names 0 validators, 3 misbehaved/);
    expect(changed({ byzantineValidators: [...good.byzantineValidators].reverse() })).toMatch(/did not misbehave/);
    expect(changed({ totalVotingPower: good.totalVotingPower + 1n })).toMatch(/total voting power/);
    expect(changed({ totalVotingPower: 0n })).toMatch(/not positive/);
    expect(changed({ timestamp: time(6n) })).toMatch(/time is not that of the block/);
    expect(changed({ commonHeight: 0n })).toMatch(/height of the evidence is not positive/);
    expect(changed({ commonHeight: 9n, timestamp: time(9n) })).toMatch(/lies above/);
    expect(changed({ commonHeight: 8n, timestamp: time(8n) })).toMatch(/does not follow from the chain/);
    expect(changed({ conflictingBlock: undefined })).toMatch(/no conflicting block/);
    expect(changed({ commonHeight: 5000n })).toMatch(/no block at height 5000/);
    const { header, commit, validatorSet } = chain.at(8n);
    expect(changed({ conflictingBlock: { signedHeader: { header, commit }, validatorSet } })).toMatch(/on the chain/);
    const attacks: [Partial<Attack>, RegExp][] = [
      [{ bend: (bent) => ({ ...otherApp(bent), chainId: "another chain" }) }, /signature|another chain/],
      [{ signers: signers.slice(1) }, /voting power \d+ signed/],
      [{ signers: [STRANGER], validators: setOf(STRANGER) }, /trusted voting power 0 signed/],
      [{ height: 5000n, bend: (bent) => ({ ...otherApp(bent), time: { seconds: 1n << 33n, nanos: 0 } }) }, /no attack/],
    ];
    for (const [changes, message] of attacks) {
      expect(refusal(() => chain.submit(chain.evidence({ ...lunatic, ...changes })))).toMatch(message);
    }
    await chain.next();
    expect(chain.accused).toEqual([]);
    expect(await judged(chain, good)).toEqual([0, 1, 2]);
  });

  test("is refused when it is too old in blocks and in time, not in one of them", async () => {
    const old: EvidenceParams = { ...PARAMS, maxAgeNumBlocks: 3n, maxAgeDuration: 2_000_000n };
    const outcome = async (params: EvidenceParams): Promise<string> => {
      const chain = await AttackedChain.make(new MemoryDisk(), params);
      const signers = [0, 1, 2].map((index) => chain.signer(index));
      return refusal(() => chain.submit(chain.evidence({ height: 7n, common: 7n, bend: otherData, signers })));
    };
    expect(await outcome(old)).toMatch(/from height 7 is too old/);
    expect(await outcome({ ...old, maxAgeNumBlocks: 100n })).toBe("taken");
    expect(await outcome({ ...old, maxAgeDuration: 1_000_000_000n })).toBe("taken");
  });

  test("does not wait longer than it is good for", async () => {
    // A disk that was written with other parameters: what waits has become too old meanwhile.
    const disk = new MemoryDisk();
    const chain = await AttackedChain.make(disk);
    const signers = [0, 1, 2].map((index) => chain.signer(index));
    chain.submit(chain.evidence({ height: 7n, common: 7n, bend: otherData, signers }));
    await chain.backend.stop();
    const stricter = { ...PARAMS, maxAgeNumBlocks: 3n, maxAgeDuration: 2_000_000n };
    const again = await AttackedChain.make(disk, stricter);
    await again.next();
    expect(again.accused).toEqual([]);
    expect([...disk.openTable("evidence").range()]).toEqual([]);
  });
});

function setOf(signer: Signer): ValidatorSet {
  return newValidatorSet([{ publicKey: signer.publicKey, power: 10n }]);
}

describe("hostile evidence", () => {
  test("that is longer than a block may have is not even decoded", async () => {
    const chain = await AttackedChain.make();
    const long = new Uint8Array(Number(PARAMS.maxBytes) + 1);
    expect(refusal(() => chain.backend.submitEvidence(long))).toMatch(/100001 bytes, a block may have 100000/);
  });

  test("with a crowd of made-up signers costs no signature check", async () => {
    const chain = await AttackedChain.make(new MemoryDisk(), { ...PARAMS, maxBytes: 10_000_000n });
    const crowd = Array.from({ length: MAX_VOTES }, (_, i) => {
      const publicKey = new Uint8Array(32);
      new DataView(publicKey.buffer).setUint32(0, i + 1);
      return { publicKey, power: 1n };
    });
    const attack = { height: 8n, common: 5n, bend: otherApp, signers: [], validators: newValidatorSet(crowd) };
    const { conflictingBlock, ...rest } = chain.evidence(attack);
    const commit = conflictingBlock?.signedHeader?.commit;
    const signedHeader = {
      header: conflictingBlock?.signedHeader?.header,
      commit: commit && {
        ...commit,
        signatures: attack.validators.validators.map(({ address }) => ({
          blockIdFlag: BlockIdFlag.commit,
          validatorAddress: address,
          timestamp: { seconds: 1n, nanos: 0 },
          signature: new Uint8Array(64).fill(1),
        })),
      },
    };
    const value = { ...rest, conflictingBlock: { signedHeader, validatorSet: attack.validators } };
    // None of them is known at the common height, and that is found before any signature is looked at.
    expect(refusal(() => chain.submit(value))).toMatch(/trusted voting power 0 signed/);
  });

  test("with any byte changed is refused or means the same, and never stops the chain", async () => {
    const random = new Random();
    const chain = await AttackedChain.make();
    const signers = [0, 1, 2].map((index) => chain.signer(index));
    const value = chain.evidence({ height: 8n, common: 5n, bend: otherApp, signers });
    const good = Evidence.encode({ type: "lightClientAttack", value });
    const answers = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const bad = good.slice(0, i % 10 === 0 ? random.below(good.length) : good.length);
      if (bad.length > 0) {
        const place = random.below(bad.length);
        bad[place] = (bad[place] ?? 0) ^ (1 << random.below(8));
      }
      answers.add(refusal(() => chain.backend.submitEvidence(bad)));
    }
    expect(answers.size, random.label).toBeGreaterThan(3);
    await chain.next();
    expect(chain.backend.latestHeight, random.label).toBe(HEIGHT + 1n);
    for (const block of chain.accused) expect(block.evidence.evidence.length).toBeGreaterThan(0);
  });
});
