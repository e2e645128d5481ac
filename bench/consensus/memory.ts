/** Memory of a chain that has a million accounts and ten thousand blocks, all of them made in this process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressFromPublicKey } from "#common/address.js";
import type { EmbeddedBackend } from "#consensus/backends/embedded/embedded.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { signTransaction } from "#consensus/transaction/transaction.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { ownMemory } from "#platform/memory.js";
import { accounts, block, startChain } from "./transfers.ts";

const BLOCKS = 10_000;
const NEW_ACCOUNTS_A_BLOCK = 100;
const SAMPLE_EVERY = 100;
/** All of them would take ten gigabytes of disk. */
const KEPT = 500;
const MIB = 1_048_576;

/** Memory after a number of blocks: all that is no mapped file, in MiB. */
export interface MemorySample {
  readonly blocks: number;
  readonly mib: number;
}

/** An address that nobody has used. */
function freshAddress(number: number): Uint8Array {
  const publicKey = new Uint8Array(32);
  new DataView(publicKey.buffer).setUint32(0, number);
  return addressFromPublicKey(publicKey);
}

async function grow(backend: EmbeddedBackend, number: number): Promise<void> {
  const nonce = BigInt(Math.floor((number * NEW_ACCOUNTS_A_BLOCK) / accounts.length));
  const txs = Array.from({ length: NEW_ACCOUNTS_A_BLOCK }, (_, i) => {
    const index = number * NEW_ACCOUNTS_A_BLOCK + i;
    const body = Transfer.encode({ to: freshAddress(index), amount: 1000n });
    const tx = { nonce, fee: { amount: 10n, gas: 2000n }, method: "staking.Transfer", body };
    const sender = accounts[index % accounts.length];
    if (sender === undefined) throw new RangeError("no sender");
    return signTransaction(sender.signer, tx, backend.app.chainContext);
  });
  await block(backend, txs);
}

/**
 * Makes the blocks, each with transfers to a hundred accounts that did not exist.
 * @param sample called now and then, at the end the last time
 */
export async function growChain(sample: (sample: MemorySample) => void): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "qanat-bench-memory-"));
  const disk = openLmdbDisk({ path, durable: false });
  try {
    const backend = startChain(disk, KEPT);
    let failed = 0;
    backend.onBlock(({ outcome }) => {
      failed += outcome.results.filter(({ code }) => code !== 0).length;
    });
    for (let number = 0; number < BLOCKS; number++) {
      await grow(backend, number);
      if (failed > 0) throw new RangeError(`a transfer of block ${number} failed`);
      if ((number + 1) % SAMPLE_EVERY === 0) sample({ blocks: number + 1, mib: ownMemory() / MIB });
    }
  } finally {
    disk.close();
    rmSync(path, { recursive: true, force: true });
  }
}
