import { describe, expect, test } from "vitest";
import { fromHex } from "#common/bytes.js";
import { RESERVED_KEYS } from "#common/crypto/key-policy.js";
import { checkGenesis } from "#consensus/genesis/check.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { TestChain } from "../app/support.ts";

const NO_FLAGS = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };
const ALL_FLAGS = { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true };

/** Fields that keep a changed document of the local network from starting. */
function refused(change: (genesis: GenesisDocument) => void, debug = ALL_FLAGS): readonly string[] {
  const { genesis } = new TestChain();
  change(genesis);
  return checkGenesis(genesis, debug).map(({ field }) => field);
}

function limits(params: Partial<GenesisDocument["consensus"]["params"]>): readonly string[] {
  return refused((genesis) => {
    genesis.consensus.params = { ...genesis.consensus.params, ...params };
  });
}

describe("a check of a genesis document", () => {
  test("asks for the limits that the engine can start with", () => {
    expect(limits({})).toEqual([]);
    expect(limits({ maxBlockSize: 0n, maxEvidenceSize: 0n })).toEqual(["consensus.params.max_block_size"]);
    expect(limits({ maxBlockSize: 104_857_600n, maxEvidenceSize: 104_857_600n })).toEqual([]);
    expect(limits({ maxBlockSize: 104_857_601n })).toEqual(["consensus.params.max_block_size"]);
    expect(limits({ maxBlockSize: 4096n, maxEvidenceSize: 4097n })).toEqual(["consensus.params.max_evidence_size"]);
  });

  test("takes a gas limit as the engine does, as a signed number of which only -1 may be negative", () => {
    const tried = [(1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 2n, (1n << 64n) - 1n];
    const answers = tried.map((maxBlockGas) => limits({ maxBlockGas }).includes("consensus.params.max_block_gas"));
    expect(answers).toEqual([false, true, true, false]);
  });

  test("asks for time in which evidence can be punished, but of chains of developers", () => {
    const hasten = (genesis: GenesisDocument): void => {
      genesis.staking.parameters.debondingInterval = 0n;
    };
    expect(refused(hasten)).toEqual([]);
    expect(refused(hasten, NO_FLAGS)).toContain("staking.params.debonding_interval");
  });

  test("refuses to forbid what every chain forbids", () => {
    const publicKeyBlacklist = [fromHex(RESERVED_KEYS.burn)];
    expect(limits({ publicKeyBlacklist })).toEqual(["consensus.params.public_key_blacklist[0]"]);
  });
});
