import { describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { headerHash } from "#consensus/block/header.js";
import { SignedTransaction, Transaction } from "#consensus/transaction/transaction.js";
import { systemEntropy } from "#platform/entropy.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { ProcessHost } from "#runtime/host/process.js";
import { KeptLog } from "../../unit/runtime/support/world.ts";
import {
  insertCall,
  type Provision,
  provisionKeyValue,
  RUNTIME_ID,
  type TestNetwork,
  testNetwork,
} from "../../unit/worker/support/local-network.ts";
import { bundleRuntime } from "./support/bundle.ts";

function methodsIn({ network: { backend } }: TestNetwork, from: bigint): string[] {
  const found: string[] = [];
  for (let height = from; height <= backend.latestHeight; height++) {
    for (const raw of backend.block(height)?.data.txs ?? []) {
      found.push(Transaction.decode(SignedTransaction.decode(raw).untrustedRawValue).method);
    }
  }
  return found;
}

describe("runtimes in processes of their own that believe in one block", () => {
  test("have their hosts prove that they show the present, and then serve", async () => {
    const kept = new Map<string, Disk>();
    const first = testNetwork(provisionKeyValue, kept);
    await first.network.start();
    await first.worker("client-0").client.submitTx(insertCall("alice", 0n, "k", "v"));
    const { backend } = first.network;
    const trusted = headerHash(backend.block(1n)?.header ?? expect.unreachable("no first block"));
    const env = { TRUSTED_HASH: toHex(trusted), TRUSTED_CHAIN: backend.app.chainContext };
    const before = backend.latestHeight;
    await first.network.stop();

    const path = await bundleRuntime("test/e2e/runtime/support/trusting.ts");
    const log = new KeptLog();
    const provision: Provision = (_, site) =>
      new ProcessHost({ ...site, launcher: new ProcessLauncher({ path, env, log }), entropy: systemEntropy });
    const second = testNetwork(provision, kept);
    await second.network.start();
    await second.worker("client-0").client.submitTx(insertCall("alice", 1n, "k", "w"));
    const proofs = methodsIn(second, before + 1n).filter((method) => method === "registry.ProveFreshness");
    expect(proofs.length).toBeGreaterThanOrEqual(3);
    const [worker] = second.serving("worker") as [string];
    const storage = new DiskLocalStorage(kept.get(worker) as Disk, RUNTIME_ID);
    expect(storage.get(utf8(`qanat.verifier.${env.TRUSTED_HASH}`))).toBeDefined();
    await second.network.stop();
  });
});
