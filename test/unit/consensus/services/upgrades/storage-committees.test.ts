import { describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { makeNamespace } from "#common/namespace.js";
import { CONSENSUS_PROTOCOL } from "#common/version.js";
import { currentEpochCell } from "#consensus/services/beacon/state.js";
import { ProposalContent, type UpgradeDescriptor } from "#consensus/services/governance/types.js";
import { hasStorageCommittees, RegistryParameterChanges } from "#consensus/services/registry/params.js";
import { getRuntime } from "#consensus/services/registry/state.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { StorageChallenge } from "#consensus/services/roothash/types/challenges.js";
import { runtimeDescriptor } from "#network/fixture.js";
import { said, TestChain } from "../../app/support.ts";

const EPOCH = 2n;
const UPGRADE: UpgradeDescriptor = {
  v: 1,
  handler: "storage-committees",
  target: {
    consensusProtocol: CONSENSUS_PROTOCOL,
    runtimeHostProtocol: { major: 5, minor: 1, patch: 0 },
    runtimeCommitteeProtocol: { major: 5, minor: 0, patch: 0 },
  },
  epoch: EPOCH,
};
/** More blocks than there are before that epoch. */
const MANY_BLOCKS = 100n;
const ID = makeNamespace(utf8("a runtime with receipts.".padEnd(24)));

function withCommittee(chain: TestChain, validFrom: bigint): Runtime {
  const plain = runtimeDescriptor(ID, chain.signer(0), { primary: 1, backup: 1 });
  const limits = { groupSize: 3, minWriteReplication: 2, maxApplyOps: 2n, maxApplyWriteLogEntries: 100n };
  const challenge = { deposit: 1n, responseBlocks: 10n, maxAgeRounds: 5n };
  return {
    ...plain,
    deployments: plain.deployments.map((version) => version && { ...version, validFrom }),
    storage: { ...plain.storage, committee: { validFrom, ...limits, challenge } },
  };
}

function proposal(enableStorageCommittees: boolean): ProposalContent {
  const changes = RegistryParameterChanges.encode({ ...RegistryParameterChanges.zero(), enableStorageCommittees });
  return { changeParameters: { module: "registry", changes } };
}

/** Transactions in which the extension shows. */
function telling(chain: TestChain): readonly (readonly [string, Uint8Array])[] {
  return [
    ["registry.RegisterRuntime", Runtime.encode(withCommittee(chain, 9n))],
    ["roothash.StorageChallenge", StorageChallenge.encode({ ...StorageChallenge.zero(), rootType: 1 })],
    ["governance.SubmitProposal", ProposalContent.encode(proposal(true))],
  ];
}

/** What these transactions end with in the next block, which is not kept. */
function answers(chain: TestChain): string[] {
  const raws = telling(chain).map(([method, body], i) => chain.raw(method, body, { by: i }));
  return chain.tryOut(...raws).map(said);
}

/** Makes the next block, with one of these transactions in it. */
function step(chain: TestChain): string[] {
  const list = telling(chain);
  const [method, body] = list[Number(chain.app.height) % list.length] as readonly [string, Uint8Array];
  return chain.block(chain.raw(method, body)).results.map(said);
}

describe("the upgrade that switches storage committees on", () => {
  test("changes nothing until its epoch, then one parameter; later blocks have the extension", () => {
    const [plain, told] = [new TestChain(), new TestChain()];
    told.upgrades.submit(UPGRADE);
    for (;;) {
      expect(answers(told)).toEqual(["registry/1", "unknown/1", "unknown/1"]);
      expect(step(told)).toEqual(step(plain));
      if (toHex(told.app.appHash) !== toHex(plain.app.appHash)) break;
      expect(hasStorageCommittees(told.app.stateAt(0n))).toBe(false);
      expect(told.app.height).toBeLessThan(MANY_BLOCKS);
    }
    const entered = currentEpochCell.load(told.app.stateAt(0n));
    expect(entered.epoch).toBe(EPOCH);
    expect(told.app.height - entered.height).toBeLessThanOrEqual(1n);
    expect(hasStorageCommittees(told.app.stateAt(0n))).toBe(true);
    expect(answers(plain)).toEqual(["registry/1", "unknown/1", "unknown/1"]);
    expect(answers(told)).toEqual(["ok", "roothash/3", "ok"]);
    const register = told.raw("registry.RegisterRuntime", Runtime.encode(withCommittee(told, 9n)));
    told.block(register);
    expect(getRuntime(told.app.stateAt(0n), ID)?.storage.committee?.challenge?.maxAgeRounds).toBe(5n);
    expect(told.upgrades.upgrades).toEqual([]);
  });
});
