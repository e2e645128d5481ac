import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { Evidence, type LightClientAttackEvidence } from "#consensus/block/evidence.js";
import { type Header, headerHash } from "#consensus/block/header.js";
import type { CompleteLightBlock } from "#consensus/block/light-block.js";
import { LightClientAttack, verifyLightClientAttack } from "#consensus/light/attack.js";
import { LightClient, type LightClientOptions } from "#consensus/light/client.js";
import { TrustStore } from "#consensus/light/trust-store.js";
import { CHAIN, ListProvider, makeChain, SECOND, StillClock } from "./support/chain.ts";

const HOUR = 3600n * SECOND;

/** Four validators of which one is replaced every five heights. */
const rotating = (height: number): number[] => {
  const first = Math.floor(height / 5);
  return [first, first + 1, first + 2, first + 3];
};
const steady = (): number[] => [1, 2, 3, 4];
const chain = makeChain({ heights: 60, validators: rotating });
const calm = makeChain({ heights: 40, validators: steady });
const at = (blocks: readonly CompleteLightBlock[], height: number): CompleteLightBlock =>
  blocks[height - 1] as CompleteLightBlock;
const problem = (word: string) => expect.objectContaining({ problem: word });
const reason = (word: string) => expect.objectContaining({ reason: word });

function clientOf(
  primary: ListProvider,
  witnesses: readonly ListProvider[] = [],
  changes: Partial<LightClientOptions> = {},
): LightClient {
  return new LightClient({
    chainId: CHAIN,
    root: { height: 1n, hash: headerHash(at(primary.blocks, 1).header) },
    primary,
    witnesses,
    store: new TrustStore(new MemoryDisk().openTable("light")),
    clock: new StillClock(100),
    trustingPeriod: HOUR,
    maxClockDrift: 10n * SECOND,
    ...changes,
  });
}

describe("a light client", () => {
  it("skips to the newest block by way of those that it needs", async () => {
    const primary = new ListProvider("primary", chain);
    const client = clientOf(primary);
    expect((await client.update()).header).toEqual(at(chain, 60).header);
    expect(client.latest()?.header.height).toBe(60n);
    expect(primary.asked.length).toBeLessThan(30);
    const few = new ListProvider("primary", calm);
    await clientOf(few).update();
    expect(few.asked).toEqual([1n, 0n]);
  });

  it("takes every block in between when it is told to", async () => {
    const primary = new ListProvider("primary", chain);
    await clientOf(primary, [], { stride: "sequential" }).verify(10n);
    expect(primary.asked).toEqual([1n, 10n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
  });

  it("verifies heights in between and asks for none twice", async () => {
    const primary = new ListProvider("primary", chain);
    const client = clientOf(primary);
    await client.update();
    expect((await client.verify(17n)).header).toEqual(at(chain, 17).header);
    const asked = primary.asked.length;
    expect((await client.verify(17n)).header).toEqual(at(chain, 17).header);
    expect(primary.asked).toHaveLength(asked);
    await expect(client.verify(0n)).rejects.toThrow(reason("malformed"));
    await expect(client.verify(61n)).rejects.toThrow(problem("too-high"));
  });

  it("goes backwards by hashes, whoever signed", async () => {
    const unsigned = chain.map((block, i) => (i < 5 ? { ...block, commit: { ...block.commit, round: 7 } } : block));
    const primary = new ListProvider("primary", unsigned);
    const root = { height: 10n, hash: headerHash(at(chain, 10).header) };
    const client = clientOf(primary, [], { root });
    expect((await client.verify(3n)).header).toEqual(at(chain, 3).header);
    expect(primary.asked).toEqual([10n, 3n, 9n, 8n, 7n, 6n, 5n, 4n]);
    const other = makeChain({ heights: 9, validators: steady });
    const liar = new ListProvider("liar", [...other, ...chain.slice(9)]);
    await expect(clientOf(liar, [], { root }).verify(3n)).rejects.toThrow(reason("mismatch"));
  });

  it("continues from its store, and starts anew from the root when the store has become too old", async () => {
    const store = new TrustStore(new MemoryDisk().openTable("light"));
    const clock = new StillClock(100);
    const primary = new ListProvider("primary", chain);
    await clientOf(primary, [], { store, clock }).verify(40n);
    primary.asked.length = 0;
    await clientOf(primary, [], { store, clock }).verify(42n);
    expect(primary.asked).toEqual([42n]);
    primary.asked.length = 0;
    clock.afterSeconds = 3600 + 50;
    const late = { store, clock, root: { height: 55n, hash: headerHash(at(chain, 55).header) } };
    expect((await clientOf(primary, [], late).update()).header.height).toBe(60n);
    expect(primary.asked[0]).toBe(55n);
    expect(store.earliest()?.header.height).toBe(55n);
    clock.afterSeconds = 3600 + 200;
    await expect(clientOf(primary, [], { store, clock }).update()).rejects.toThrow(reason("expired"));
  });

  it("refuses another root, and a store that holds another", async () => {
    const primary = new ListProvider("primary", chain);
    const root = { height: 1n, hash: headerHash(at(calm, 1).header) };
    await expect(clientOf(primary, [], { root }).update()).rejects.toThrow(problem("wrong-root"));
    const store = new TrustStore(new MemoryDisk().openTable("light"));
    await clientOf(primary, [], { store }).update();
    await expect(clientOf(primary, [], { store, root }).update()).rejects.toThrow(problem("wrong-root"));
  });

  it("keeps as many blocks as it is told", async () => {
    const store = new TrustStore(new MemoryDisk().openTable("light"));
    const client = clientOf(new ListProvider("primary", chain), [], { store, keep: 3 });
    for (const height of [5n, 10n, 15n, 20n]) await client.verify(height);
    expect(store.earliest()?.header.height).toBe(10n);
    expect(store.above(10n)?.header.height).toBe(15n);
    expect(store.below(15n)?.header.height).toBe(10n);
    expect(store.latest()?.header.height).toBe(20n);
  });

  it("leaves a primary that sends rubbish or is gone, and goes on with a witness", async () => {
    const bad = chain.map((block) =>
      block.header.height > 1n ? { ...block, validatorSet: at(chain, 1).validatorSet } : block,
    );
    const first = new ListProvider("first", bad);
    const second = new ListProvider("second", chain);
    const third = new ListProvider("third", chain);
    expect((await clientOf(first, [second, third]).update()).header.height).toBe(60n);
    const unsigned = new ListProvider("unsigned", makeChain({ heights: 60, validators: rotating, signed: () => [0] }));
    unsigned.blocks = [at(chain, 1), ...unsigned.blocks.slice(1)];
    expect((await clientOf(unsigned, [second, third]).update()).header).toEqual(at(chain, 60).header);
    await expect(clientOf(unsigned).update()).rejects.toThrow(reason("power"));
    const gone = new ListProvider("gone", chain);
    gone.down = true;
    expect((await clientOf(gone, [second, third]).update()).header.height).toBe(60n);
    await expect(clientOf(gone).update()).rejects.toThrow(problem("no-response"));
  });

  it("does not believe in blocks of the future", async () => {
    await expect(
      clientOf(new ListProvider("primary", chain), [], { clock: new StillClock(30) }).update(),
    ).rejects.toThrow(reason("time"));
  });

  it("never goes back with a primary that lags", async () => {
    const primary = new ListProvider("primary", chain);
    const client = clientOf(primary);
    await client.update();
    primary.blocks = chain.slice(0, 30);
    expect((await client.update()).header.height).toBe(60n);
    primary.blocks = makeChain({ heights: 60, validators: rotating, bend: otherApp });
    await expect(client.update()).rejects.toThrow(/verified before/);
  });
});

describe("witnesses", () => {
  it("confirm; one that sends rubbish, is gone or cannot prove its own block does not matter beside one that does", async () => {
    const honest = new ListProvider("honest", chain);
    const gone = new ListProvider("gone", chain);
    gone.down = true;
    const invented = makeChain({ heights: 60, validators: () => [90, 91, 92], base: chain.slice(0, 20) });
    const inventor = new ListProvider("inventor", invented);
    const stranger = new ListProvider("stranger", makeChain({ heights: 60, validators: () => [80, 81] }));
    const primary = new ListProvider("primary", chain);
    const client = clientOf(primary, [gone, inventor, stranger, honest]);
    expect((await client.update()).header.height).toBe(60n);
    expect([...primary.evidence, ...honest.evidence]).toEqual([]);
    await expect(clientOf(primary, [gone]).update()).rejects.toThrow(problem("unconfirmed"));
    await expect(clientOf(primary, [inventor]).update()).rejects.toThrow(problem("unconfirmed"));
  });

  it("that lag get time to catch up", async () => {
    const witness = new ListProvider("witness", chain.slice(0, 50));
    const clock = new StillClock(100, () => {
      witness.blocks = chain;
    });
    const primary = new ListProvider("primary", chain);
    expect((await clientOf(primary, [witness], { clock }).update()).header.height).toBe(60n);
    expect(clock.waited).toEqual([30_000]);
    witness.blocks = chain.slice(0, 50);
    await expect(clientOf(primary, [witness], { clock: new StillClock(100) }).update()).rejects.toThrow(
      problem("unconfirmed"),
    );
  });
});

/** Runs a client into a fork and gives back what it found. */
async function caught(
  primary: ListProvider,
  witness: ListProvider,
  height: bigint,
): Promise<readonly LightClientAttackEvidence[]> {
  try {
    await clientOf(primary, [witness]).verify(height);
  } catch (error) {
    if (error instanceof LightClientAttack) return error.evidence;
    throw error;
  }
  return [];
}

const otherApp = (header: Header): Header => ({ ...header, appHash: new Uint8Array(32).fill(9) });
const otherData = (header: Header): Header => ({ ...header, dataHash: new Uint8Array(32).fill(9) });
const numbersOf = (evidence: LightClientAttackEvidence | undefined): number =>
  evidence?.byzantineValidators.length ?? -1;

describe("an attack", () => {
  const honest = new ListProvider("honest", calm);
  const base = calm.slice(0, 20);

  it("with a made-up state convicts all that signed it and were validators before", async () => {
    const fork = makeChain({ heights: 40, validators: steady, signed: () => [1, 2, 3], bend: otherApp, base });
    const liar = new ListProvider("liar", fork);
    const [first, second] = await caught(liar, honest, 30n);
    expect(numbersOf(first)).toBe(3);
    expect(first).toMatchObject({ commonHeight: 1n, totalVotingPower: 40n });
    verifyLightClientAttack(first as LightClientAttackEvidence, at(calm, 1), at(calm, 30));
    // The other side is told of the honest chain: there it would be the forged one.
    verifyLightClientAttack(second as LightClientAttackEvidence, at(fork, 1), at(fork, 30));
    expect(honest.evidence.at(-1)).toEqual({ type: "lightClientAttack", value: first });
    expect(liar.evidence.at(-1)).toEqual({ type: "lightClientAttack", value: second });
    const decoded = Evidence.decode(Evidence.encode(honest.evidence.at(-1) as Evidence));
    expect(Evidence.encode(decoded)).toEqual(Evidence.encode(honest.evidence.at(-1) as Evidence));
    expect(await caught(honest, liar, 30n)).toHaveLength(2);
  });

  it("with two blocks in one round convicts all that voted in both", async () => {
    const fork = makeChain({ heights: 40, validators: steady, signed: () => [1, 2, 3], bend: otherData, base });
    const [first] = await caught(new ListProvider("liar", fork), honest, 25n);
    expect(first).toMatchObject({ commonHeight: 25n, totalVotingPower: 40n });
    expect(numbersOf(first)).toBe(3);
    verifyLightClientAttack(first as LightClientAttackEvidence, at(calm, 25), at(calm, 25));
  });

  it("in another round convicts nobody, yet is one", async () => {
    const fork = makeChain({ heights: 40, validators: steady, bend: otherData, round: () => 1, base });
    const [first] = await caught(new ListProvider("liar", fork), honest, 25n);
    expect(numbersOf(first)).toBe(0);
    verifyLightClientAttack(first as LightClientAttackEvidence, at(calm, 25), at(calm, 25));
  });

  it("that runs ahead of the chain is seen by the times of blocks", async () => {
    const slow = (header: Header): Header => ({
      ...header,
      time: { seconds: 1_700_000_020n, nanos: Number(header.height) },
      appHash: new Uint8Array(32).fill(3),
    });
    const fork = makeChain({ heights: 60, validators: steady, bend: slow, base });
    const [first] = await caught(new ListProvider("liar", fork), honest, 60n);
    expect(first).toMatchObject({ commonHeight: 1n });
    verifyLightClientAttack(first as LightClientAttackEvidence, at(calm, 1), at(calm, 40));
  });

  it("is found at the height where the chains part, however the validators change", async () => {
    const fork = makeChain({ heights: 60, validators: rotating, bend: otherApp, base: chain.slice(0, 33) });
    const [first] = await caught(new ListProvider("liar", fork), new ListProvider("honest", chain), 60n);
    const common = Number(first?.commonHeight);
    expect(common).toBeLessThanOrEqual(33);
    const height = Number(first?.conflictingBlock?.signedHeader?.header?.height);
    expect(height).toBeGreaterThan(33);
    verifyLightClientAttack(first as LightClientAttackEvidence, at(chain, common), at(chain, height));
  });
});

describe("evidence of an attack", () => {
  const base = calm.slice(0, 20);
  const fork = makeChain({ heights: 40, validators: steady, signed: () => [1, 2, 3], bend: otherApp, base });
  const evidence = async (): Promise<LightClientAttackEvidence> => {
    const [first] = await caught(new ListProvider("liar", fork), new ListProvider("honest", calm), 30n);
    return first as LightClientAttackEvidence;
  };

  it("does not hold with anything changed", async () => {
    const good = await evidence();
    const check = (changed: Partial<LightClientAttackEvidence>, common = at(calm, 1), trusted = at(calm, 30)) =>
      expect(() => verifyLightClientAttack({ ...good, ...changed }, common, trusted));
    check({ totalVotingPower: 41n }).toThrow(reason("mismatch"));
    check({ commonHeight: 2n }).toThrow(reason("mismatch"));
    check({ timestamp: { seconds: 1n, nanos: 0 } }).toThrow(reason("mismatch"));
    check({ byzantineValidators: good.byzantineValidators.slice(1) }).toThrow(/names 2 validators, 3/);
    check({ byzantineValidators: [...good.byzantineValidators].reverse() }).toThrow(/did not misbehave/);
    const stronger = good.byzantineValidators.map((member) => ({ ...member, votingPower: 11n }));
    check({ byzantineValidators: stronger }).toThrow(/voting power/);
    check({ conflictingBlock: undefined }).toThrow(reason("malformed"));
    check({}, at(calm, 1), at(fork, 30)).toThrow(/on the chain/);
    check({}, at(calm, 1), at(calm, 31)).toThrow(reason("mismatch"));
    check({}, at(calm, 1), at(calm, 29)).toThrow(/above the chain's latest/);
    check({ commonHeight: 30n, timestamp: at(calm, 30).header.time }, at(calm, 30)).toThrow(/does not follow/);
  });

  it("does not hold with a wrong signature, even one that is not needed", async () => {
    const good = await evidence();
    const { commit, header, validatorSet } = at(fork, 30);
    commit.signatures.forEach((slot, i) => {
      if (slot.signature.length === 0) return;
      const signatures = commit.signatures.map((other, k) =>
        k === i
          ? {
              ...other,
              signature:
                commit.signatures.find((s) => s !== slot && s.signature.length > 0)?.signature ?? other.signature,
            }
          : other,
      );
      const conflictingBlock = { signedHeader: { header, commit: { ...commit, signatures } }, validatorSet };
      expect(() => verifyLightClientAttack({ ...good, conflictingBlock }, at(calm, 1), at(calm, 30))).toThrow(
        reason("signature"),
      );
    });
  });
});

describe("any history of validators", () => {
  it("is verified block by block exactly when it is verified in leaps, to the same header", async () => {
    const seed = 1_234_567;
    process.stdout.write(`\nlight client histories: seed ${seed}\n`);
    const turnover = fc.array(fc.nat({ max: 3 }), { minLength: 12, maxLength: 12 });
    const signing = fc.array(fc.nat({ max: 5 }), { minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(turnover, signing, async (steps, missing) => {
        const first = (height: number): number => steps.slice(0, height).reduce((sum, step) => sum + step, 0);
        const validators = (height: number): number[] => Array.from({ length: 6 }, (_, i) => first(height) + i);
        // With two or more of six missing, a commit has too little power.
        const absent = (height: number): number => ((missing[height] ?? 0) === 5 ? 2 : (missing[height] ?? 0) % 2);
        const blocks = makeChain({
          heights: 11,
          validators,
          signed: (height) => validators(height).slice(absent(height)),
        });
        const outcome = async (stride: "sequential" | "skipping"): Promise<string> => {
          try {
            const block = await clientOf(new ListProvider("primary", blocks), [], { stride }).verify(11n);
            return toHex(headerHash(block.header));
          } catch (error) {
            return (error as { reason?: string }).reason ?? "unknown";
          }
        };
        const [steady, leaping] = [await outcome("sequential"), await outcome("skipping")];
        // A leap may pass over a block that too few signed; it never leads elsewhere.
        if (steady === "power") expect(["power", toHex(headerHash(at(blocks, 11).header))]).toContain(leaping);
        else expect(leaping).toBe(steady);
      }),
      { seed, numRuns: 40 },
    );
  });
});
