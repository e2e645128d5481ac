import { describe, expect, test } from "vitest";
import { fromBase64 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { headerHash } from "#consensus/block/header.js";
import { checkLightBlock, type CompleteLightBlock, LightBlock } from "#consensus/block/light-block.js";
import { timestampToNanos } from "#consensus/block/timestamp.js";
import { applyValidatorUpdates, newValidatorSet, rotateProposer } from "#consensus/block/validator-set.js";
import { genesisInput } from "#consensus/genesis/start.js";
import { LightClient, type LightClientOptions } from "#consensus/light/client.js";
import { ProviderError } from "#consensus/light/errors.js";
import type { LightProvider } from "#consensus/light/provider.js";
import { TrustStore } from "#consensus/light/trust-store.js";
import { readHeight } from "#consensus/replay/recording.js";
import { nightly, openRecording, recordingNames } from "../chains/support/recordings.ts";
import { vectors } from "../support/vectors.ts";

const YEAR = 365n * 86_400_000_000_000n;

/** Shows the light blocks of a list. */
class Shown implements LightProvider {
  readonly name = "recording";
  readonly asked: bigint[] = [];

  constructor(private readonly blocks: readonly CompleteLightBlock[]) {}

  async lightBlock(height: bigint): Promise<LightBlock> {
    this.asked.push(height);
    const found = height === 0n ? this.blocks.at(-1) : this.blocks.find(({ header }) => header.height === height);
    if (found === undefined) throw new ProviderError("not-found", `no block ${height}`);
    const { header, commit, validatorSet } = found;
    return LightBlock.decode(LightBlock.encode({ signedHeader: { header, commit }, validatorSet }));
  }

  async reportEvidence(): Promise<void> {
    throw new TypeError("nobody misbehaves in a recording");
  }
}

/** The light blocks of a recording; validator sets follow from the genesis document and the recorded updates. */
function lightBlocks(name: string): CompleteLightBlock[] {
  const { document, lines } = openRecording(name);
  let current = newValidatorSet(genesisInput(document).validators);
  let next = rotateProposer(current, 1);
  return lines.map((line) => {
    const { block, commit, validatorUpdates } = readHeight(line);
    const light = { header: block.header, commit, validatorSet: current };
    current = next;
    next = rotateProposer(applyValidatorUpdates(next, validatorUpdates), 1);
    return light;
  });
}

function clientOf(blocks: readonly CompleteLightBlock[], changes: Partial<LightClientOptions> = {}) {
  const [first, last] = [blocks[0] as CompleteLightBlock, blocks.at(-1) as CompleteLightBlock];
  const nowMs = Number(timestampToNanos(last.header.time) / 1_000_000n) + 1000;
  const primary = new Shown(blocks);
  const client = new LightClient({
    chainId: first.header.chainId,
    root: { height: first.header.height, hash: headerHash(first.header) },
    primary,
    witnesses: [new Shown(blocks)],
    store: new TrustStore(new MemoryDisk().openTable("light")),
    clock: { nowMs: () => nowMs, setTimer: () => ({ cancel: () => undefined }) },
    trustingPeriod: YEAR,
    maxClockDrift: 10_000_000_000n,
    ...changes,
  });
  return { client, primary };
}

const some = ["all-methods-vrf", "txsource-short", "validator-equivocation", "gas-fees-staking-dump-restore"];
const chosen = recordingNames.filter((name) => nightly || some.includes(name));

describe.each(chosen)("The recorded chain %s, to a light client", (name) => {
  test("is verified from its first block to its last, block by block and in leaps, and backwards", async () => {
    const blocks = lightBlocks(name);
    const last = blocks.at(-1) as CompleteLightBlock;
    const leaps = clientOf(blocks);
    expect((await leaps.client.update()).header).toEqual(last.header);
    const steps = clientOf(blocks, { stride: "sequential" });
    expect((await steps.client.update()).header).toEqual(last.header);
    expect(steps.primary.asked).toHaveLength(blocks.length);
    expect(leaps.primary.asked.length).toBeLessThan(steps.primary.asked.length);
    const back = clientOf(blocks, { root: { height: last.header.height, hash: headerHash(last.header) } });
    const first = blocks[0] as CompleteLightBlock;
    expect((await back.client.verify(first.header.height)).header).toEqual(first.header);
  });
});

describe("Two real Mainnet blocks, to a light client", () => {
  const chainId = "bb3d748def55bdfb797a2ac53ee6ee141e54cd2ab2dc2375f4";
  const blocks = (): CompleteLightBlock[] =>
    [25300000, 25300001].map((height) =>
      checkLightBlock(
        chainId,
        LightBlock.decode(fromBase64(vectors<{ meta: string }>(`consensus/light_block_${height}.json`).meta)),
      ),
    );

  test("lead to each other, forwards and backwards", async () => {
    const [first, second] = blocks() as [CompleteLightBlock, CompleteLightBlock];
    expect((await clientOf([first, second]).client.update()).header.height).toBe(25300001n);
    const root = { height: 25300001n, hash: headerHash(second.header) };
    expect((await clientOf([first, second], { root }).client.verify(25300000n)).header).toEqual(first.header);
  });

  test("do not when a signature that counts or the state root is changed", async () => {
    const [first, second] = blocks() as [CompleteLightBlock, CompleteLightBlock];
    const signatures = second.commit.signatures.map((slot, i) =>
      i === 3 ? { ...slot, signature: slot.signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) } : slot,
    );
    const unsigned = { ...second, commit: { ...second.commit, signatures } };
    await expect(clientOf([first, unsigned], { witnesses: [] }).client.update()).rejects.toThrow(
      /signature 3 is wrong/,
    );
    const bent = { ...second, header: { ...second.header, appHash: new Uint8Array(32) } };
    await expect(clientOf([first, bent], { witnesses: [] }).client.update()).rejects.toThrow(/another header/);
  });
});
