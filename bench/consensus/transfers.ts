/** Signed transfers through pool, execution, commit and a flushed disk, in one process without network. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as immediate } from "node:timers/promises";
import { addressFromPublicKey } from "#common/address.js";
import { Application } from "#consensus/app/app.js";
import { STATE_NAMESPACE } from "#consensus/app/state-root.js";
import { DEFAULT_PACE, EmbeddedBackend } from "#consensus/backends/embedded/embedded.js";
import { engineBlockParams, genesisInput } from "#consensus/genesis/start.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "#consensus/services/index.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { signTransaction } from "#consensus/transaction/transaction.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import type { Disk } from "#common/ports/disk.js";
import { buildGenesis } from "#network/fixture.js";
import { developmentAccounts, networkMembers } from "#network/topology.js";
import { systemClock } from "#platform/clock.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { lineLog } from "#platform/log.js";
import { opensslAccepts } from "../../src/platform/openssl-keys.ts";
import type { Figure } from "../support/bench.ts";
import { cpuSeconds } from "./cpu-time.ts";
import { observeSignatures, type SeenSignature } from "./observed-kernels.ts";

const ACCOUNTS = 1000;
const TRANSFERS = 10_000;
const BLOCK = 500;
/** Series of transfers before the one that counts. */
const WARM_UP = 2;
const WANTED = 6000;

export const accounts = developmentAccounts(ACCOUNTS);
const addresses = accounts.map(({ signer }) => addressFromPublicKey(signer.publicKey));

/** A chain of one validator with funded accounts. @param keep heights that are kept; all if absent */
export function startChain(disk: Disk, keep?: number): EmbeddedBackend {
  const members = networkMembers(new Uint8Array(32), { validators: 1, computes: 0, clients: 0 });
  const runtimeId = new Uint8Array(32).fill(128, 0, 1);
  const genesisTime = { seconds: 1_700_000_000n, nanos: 0 };
  const genesis = buildGenesis({ members, accounts, committee: { primary: 1, backup: 0 }, runtimeId, genesisTime });
  // One long epoch: nobody renews the validator's registration.
  if (genesis.beacon.params.vrfParameters !== undefined) genesis.beacon.params.vrfParameters.interval = 1_000_000n;
  const start = genesisInput(genesis);
  const app = new Application({
    services: EXECUTION_ORDER,
    subscriptionOrder: SUBSCRIPTION_ORDER,
    db: new DiskNodeDb({ disk, name: "state", namespace: STATE_NAMESPACE }),
    genesis: start,
    debug: { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true },
  });
  return new EmbeddedBackend({
    app,
    disk,
    clock: systemClock,
    log: lineLog({ level: "error" }),
    genesisValidators: start.validators,
    genesisTime: start.time,
    blockParams: engineBlockParams(genesis),
    signers: members.map(({ identity }) => identity.consensus),
    pace: DEFAULT_PACE,
    keep,
  });
}

/** The transfers of one series: every account sends in turn. */
function transfers(backend: EmbeddedBackend, series: number): Uint8Array[] {
  return Array.from({ length: TRANSFERS }, (_, i) => {
    const from = i % ACCOUNTS;
    const to = addresses[(from * 7 + i + 1) % ACCOUNTS] as Uint8Array;
    const tx = {
      nonce: BigInt((series * TRANSFERS) / ACCOUNTS + Math.floor(i / ACCOUNTS)),
      fee: { amount: 10n, gas: 2000n },
      method: "staking.Transfer",
      body: Transfer.encode({ to, amount: BigInt(i + 1) }),
    };
    return signTransaction(accounts[from]!.signer, tx, backend.app.chainContext);
  });
}

/** Makes a block of transactions. */
export async function block(backend: EmbeddedBackend, txs: readonly Uint8Array[]): Promise<void> {
  for (const tx of txs) backend.submit(tx);
  const before = backend.latestHeight;
  await backend.produceUntil(
    () => backend.latestHeight > before,
    // Old heights are pruned by timers.
    () => immediate(),
  );
}

/** Seconds of the last of several series, and its signature checks. */
async function measure(backend: EmbeddedBackend): Promise<{ seconds: number; seen: SeenSignature[] }> {
  let succeeded = 0;
  backend.onBlock(({ outcome }) => {
    succeeded += outcome.results.filter(({ code }) => code === 0).length - 1;
  });
  await block(backend, []);
  let seconds = 0;
  let seen: SeenSignature[] = [];
  for (let series = 0; series <= WARM_UP; series++) {
    const raw = transfers(backend, series);
    succeeded = 0;
    const observed = observeSignatures();
    const start = cpuSeconds();
    for (let i = 0; i < TRANSFERS; i += BLOCK) await block(backend, raw.slice(i, i + BLOCK));
    seconds = cpuSeconds() - start;
    seen = observed.stop();
    if (succeeded !== TRANSFERS) throw new RangeError(`${succeeded} of ${TRANSFERS} transfers succeeded`);
  }
  return { seconds, seen };
}

/** Checks, delivers and commits transfers, block by block on a flushed disk. */
export async function measureTransfers(): Promise<Figure[]> {
  const path = mkdtempSync(join(tmpdir(), "qanat-bench-transfers-"));
  const disk = openLmdbDisk({ path, durable: true });
  try {
    const { seconds, seen } = await measure(startChain(disk));
    const start = cpuSeconds();
    for (const { publicKey, message, signature } of seen) opensslAccepts(publicKey, message, signature);
    const bare = cpuSeconds() - start;
    return [
      {
        name: `transfers in blocks of ${BLOCK}`,
        unit: "tx/s",
        value: Math.round(TRANSFERS / seconds),
        ratio: bare / seconds,
        to: `their bare signature checks on OpenSSL (wanted: >= ${WANTED}/s)`,
      },
      { name: "transfers, bare signature checks", unit: "tx/s", value: Math.round(seen.length / bare) },
    ];
  } finally {
    disk.close();
    rmSync(path, { recursive: true, force: true });
  }
}
