import { addressFromPublicKey } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Schema } from "#common/schema/index.js";
import { Application } from "#consensus/app/app.js";
import { STATE_NAMESPACE } from "#consensus/app/state-root.js";
import { APP_VERSION } from "#consensus/backends/embedded/build-block.js";
import { EmbeddedBackend } from "#consensus/backends/embedded/embedded.js";
import { Block } from "#consensus/block/block.js";
import { Commit } from "#consensus/block/commit.js";
import { ConsensusParams } from "#consensus/block/params.js";
import { lastResultsHash } from "#consensus/block/results.js";
import { printGenesis } from "#consensus/genesis/document.js";
import { engineBlockParams, genesisInput } from "#consensus/genesis/start.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "#consensus/services/index.js";
import {
  Allow,
  Burn,
  Escrow,
  ReclaimEscrow,
  Transfer,
  Withdraw,
} from "#consensus/services/staking/types/transactions.js";
import type { AbciEvent } from "#consensus/transaction/results.js";
import { signTransaction } from "#consensus/transaction/transaction.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { buildGenesis } from "#network/fixture.js";
import { developmentAccounts, networkMembers } from "#network/topology.js";

const HEIGHTS = 8n;
const START_MS = 1_700_000_000_000;

/** A clock that is one second further every time somebody looks at it. */
function steppingClock(): Clock {
  let now = START_MS;
  return { nowMs: () => (now += 1000), setTimer: () => ({ cancel: () => undefined }) };
}

/** What every block tells the engine: the version of the application. */
const ENGINE_UPDATES = { block: undefined, evidence: undefined, validator: undefined, version: { app: APP_VERSION } };

const QUIET: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => QUIET,
};

const plainEvents = (events: readonly AbciEvent[]): unknown =>
  events.map(({ type, attributes }) => ({ type, attributes }));

function line(backend: EmbeddedBackend, height: bigint): string {
  const outcome = backend.results(height);
  const [block, commit] = [backend.block(height), backend.commit(height)];
  if (outcome === undefined || block === undefined || commit === undefined) throw new RangeError(`no height ${height}`);
  return JSON.stringify({
    height: Number(height),
    block: toHex(Block.encode(block)),
    tx_results: outcome.results.map((result) => ({
      code: result.code,
      codespace: result.codespace,
      log: result.log,
      gas_wanted: Number(result.gasWanted),
      gas_used: Number(result.gasUsed),
      data: toHex(result.data),
      events: plainEvents(result.events),
    })),
    begin_block_events: plainEvents(outcome.beginEvents),
    end_block_events: plainEvents(outcome.endEvents),
    validator_updates: outcome.validatorUpdates.map(({ publicKey, power }) => ({
      pub_key: toHex(publicKey),
      power: Number(power),
    })),
    consensus_param_updates: toHex(ConsensusParams.encode(ENGINE_UPDATES)),
    app_hash: toHex(outcome.appHash),
    last_results_hash: toHex(lastResultsHash(outcome.results)),
    commit: toHex(Commit.encode(commit)),
  });
}

/**
 * A chain of two validators whose accounts use the staking methods, good and bad ones.
 * @returns its genesis document and one line per height, in the form that `qanat replay` reads
 */
export async function makeSmallChain(): Promise<{ readonly genesis: string; readonly lines: readonly string[] }> {
  const members = networkMembers(new Uint8Array(32), { validators: 2, computes: 0, clients: 0 });
  const accounts = developmentAccounts(3);
  const runtimeId = new Uint8Array(32).fill(128, 0, 1);
  const genesisTime = { seconds: BigInt(START_MS) / 1000n, nanos: 0 };
  const document = buildGenesis({ members, accounts, committee: { primary: 1, backup: 0 }, runtimeId, genesisTime });
  const start = genesisInput(document);
  const app = new Application({
    services: EXECUTION_ORDER,
    subscriptionOrder: SUBSCRIPTION_ORDER,
    db: new MemoryNodeDb(STATE_NAMESPACE),
    genesis: start,
    debug: { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true },
  });
  const backend = new EmbeddedBackend({
    app,
    disk: new MemoryDisk(),
    clock: steppingClock(),
    log: QUIET,
    genesisValidators: start.validators,
    genesisTime: start.time,
    blockParams: engineBlockParams(document),
    signers: members.map(({ identity }) => identity.consensus),
    pace: { idleMs: 1000, gatherMs: 1 },
  });
  const [alice, bob, carol] = accounts.map(({ signer }) => addressFromPublicKey(signer.publicKey));
  const nonces = accounts.map(() => 0n);
  const send = <T>(from: number, method: string, schema: Schema<T>, body: T): void => {
    const nonce = nonces[from] as bigint;
    nonces[from] = nonce + 1n;
    const tx = { nonce, fee: { amount: 5000n, gas: 5000n }, method, body: schema.encode(body) };
    backend.submit(signTransaction((accounts[from] as (typeof accounts)[number]).signer, tx, app.chainContext));
  };
  const mine = (height: bigint): Promise<void> =>
    backend.produceUntil(
      () => backend.latestHeight >= height,
      async () => undefined,
    );
  await mine(1n);
  send(0, "staking.Transfer", Transfer, { to: bob as Uint8Array, amount: 1000n });
  send(1, "staking.Burn", Burn, { amount: 7n });
  await mine(2n);
  send(0, "staking.AddEscrow", Escrow, { account: carol as Uint8Array, amount: 100_000_000_000n });
  send(1, "staking.Allow", Allow, { beneficiary: alice as Uint8Array, negative: false, amountChange: 500n });
  await mine(3n);
  send(0, "staking.Withdraw", Withdraw, { from: bob as Uint8Array, amount: 300n });
  send(2, "staking.Transfer", Transfer, { to: alice as Uint8Array, amount: 1n << 100n });
  await mine(4n);
  send(0, "staking.ReclaimEscrow", ReclaimEscrow, { account: carol as Uint8Array, shares: 40_000_000_000n });
  send(2, "staking.Withdraw", Withdraw, { from: bob as Uint8Array, amount: 1n });
  await mine(HEIGHTS);
  const lines: string[] = [];
  for (let height = 1n; height <= HEIGHTS; height++) lines.push(line(backend, height));
  return { genesis: printGenesis(document), lines };
}
