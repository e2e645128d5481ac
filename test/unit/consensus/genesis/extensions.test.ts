import { describe, expect, test } from "vitest";
import type { GenesisCheck } from "#consensus/app/define-service.js";
import { chainContext, GenesisDocument, parseGenesis, printGenesis } from "#consensus/genesis/document.js";
import { RegistryGenesis } from "#consensus/services/registry/params.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { staking } from "#consensus/services/staking/index.js";
import { StakingGenesis } from "#consensus/services/staking/types/genesis.js";
import { THRESHOLD_NODE_STORAGE } from "#consensus/services/staking/types/thresholds.js";

const plain = Runtime.zero();
const committee = {
  validFrom: 0n,
  groupSize: 3,
  minWriteReplication: 2,
  maxApplyOps: 2n,
  maxApplyWriteLogEntries: 10n,
};
const demanding: Runtime = { ...plain, storage: { ...plain.storage, committee } };

function document(runtime: Runtime, enableStorageCommittees: boolean): GenesisDocument {
  const zero = GenesisDocument.zero();
  const params = { ...zero.registry.params, enableStorageCommittees };
  const registry = { ...zero.registry, params, runtimes: [runtime], suspendedRuntimes: [runtime] };
  return { ...zero, chainId: "test", registry };
}

describe("a genesis document", () => {
  test("without storage committees says nothing of them", () => {
    const text = printGenesis(document(plain, false));
    expect(text).not.toMatch(/storage_committees|"committee"/);
    expect(parseGenesis(text.replace('"registry": {', '"registry": {"enable_storage_committees": false,'))).toEqual(
      parseGenesis(text),
    );
  });

  test("keeps the committees of its runtimes where it switches them on", () => {
    const read = parseGenesis(printGenesis(document(demanding, true)));
    expect(read.registry.params.enableStorageCommittees).toBe(true);
    expect(read.registry.runtimes[0]?.storage.committee).toEqual(committee);
    expect(read.registry.suspendedRuntimes[0]?.storage.committee).toEqual(committee);
    expect(chainContext(read)).toBe(chainContext(document(demanding, true)));
  });

  test("is read as v26.1 reads it where it does not: unknown members are left out, also of what names the chain", () => {
    const read = parseGenesis(printGenesis(document(demanding, false)));
    expect(read.registry.runtimes[0]?.storage).not.toHaveProperty("committee", committee);
    expect(chainContext(read)).toBe(chainContext(document(plain, false)));
  });

  test("may have a threshold for storage nodes only where it switches storage committees on", () => {
    const genesis = StakingGenesis.zero();
    genesis.parameters.thresholds.set(THRESHOLD_NODE_STORAGE, 1n);
    const refused = (enableStorageCommittees: boolean): string[] => {
      const fields: string[] = [];
      const registry = RegistryGenesis.zero();
      const check: GenesisCheck = {
        baseEpoch: 0n,
        debug: { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false },
        publicKeyBlacklist: [],
        section: () => ({ ...registry, params: { ...registry.params, enableStorageCommittees } }),
        refuse: (field) => fields.push(field),
        attempt: () => undefined,
      };
      staking.genesis?.check?.(genesis as never, check);
      return fields.filter((field) => field.startsWith("params"));
    };
    expect(refused(false)).toEqual(["params.thresholds.node-storage"]);
    expect(refused(true)).toEqual([]);
  });
});
