import { test, expect } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { TEST_KEYS_POLICY } from "#common/crypto/signature.js";
import { finalizedHandoff } from "#consensus/services/keymanager/logic/handoff.js";
import { generateStatus } from "#consensus/services/keymanager/logic/status.js";
import { ChurpStatus } from "#consensus/services/keymanager/types/churp.js";
import { KeyManagerStatus, SignedEncryptedMasterSecret } from "#consensus/services/keymanager/types/secrets.js";
import { RegistryParameters } from "#consensus/services/registry/params.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { describeVectors } from "../support/vectors.ts";

interface StatusCase {
  readonly source: string;
  readonly epoch: number;
  readonly feature_261: boolean;
  readonly runtime: string;
  readonly old_status: string;
  readonly new_status: string;
  readonly nodes: readonly string[] | null;
  readonly secret: string | null;
  readonly params?: string;
}

describeVectors<{ cases: StatusCase[] }>("services/keymanager_generate_status.json", ({ cases }) => {
  cases.forEach((c, i) => {
    test(`${i}: status at epoch ${c.epoch} in ${c.source}`, () => {
      const params = c.params === undefined ? RegistryParameters.zero() : RegistryParameters.decode(fromHex(c.params));
      const status = generateStatus({
        runtime: Runtime.decode(fromHex(c.runtime)),
        old: KeyManagerStatus.decode(fromHex(c.old_status)),
        secret: c.secret === null ? undefined : SignedEncryptedMasterSecret.decode(fromHex(c.secret)),
        nodes: (c.nodes ?? []).map((node) => Node.decode(fromHex(node))),
        epoch: BigInt(c.epoch),
        attestation: {
          features: params.teeFeatures,
          now: { seconds: 0n, nanos: 0 },
          height: 0n,
          feature261: c.feature_261,
          debug: { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: false },
          policy: TEST_KEYS_POLICY,
        },
        policy: TEST_KEYS_POLICY,
      });
      expect(toHex(KeyManagerStatus.encode(status))).toBe(c.new_status);
    });
  });
});

interface HandoffCase {
  readonly source: string;
  readonly epoch_change: boolean;
  readonly result: boolean;
  readonly status: string;
  readonly status_after: string;
}

describeVectors<{ cases: HandoffCase[] }>("services/keymanager_churp_finalize.json", ({ cases }) => {
  cases.forEach((c, i) => {
    test(`${i}: handoff ${c.result ? "completes" : "does not complete"} in ${c.source}`, () => {
      const before = ChurpStatus.decode(fromHex(c.status));
      expect(toHex(ChurpStatus.encode(before))).toBe(c.status);
      const after = finalizedHandoff(before, c.epoch_change);
      expect(after !== undefined).toBe(c.result);
      expect(toHex(ChurpStatus.encode(after ?? before))).toBe(c.status_after);
    });
  });
});
