/**
 * The reference's own key-value runtime on our executor. QANAT_RUST_KV names its program, a Linux executable that was
 * built without a compiled-in trust root.
 */
import { afterEach, describe, expect, test } from "vitest";
import { addressFromPublicKey, runtimeAddress } from "#common/address.js";
import { hash } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { nullable, raw, type Schema, struct, text, u64, u8 } from "#common/schema/index.js";
import { toHex, utf8 } from "#common/bytes.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { SubmitMessage } from "#consensus/services/roothash/types.js";
import { addresses } from "#consensus/services/staking/queries.js";
import { getRuntime } from "#consensus/services/registry/state.js";
import { GOVERNANCE_RUNTIME, Runtime } from "#consensus/services/registry/types/runtime.js";
import { Account, type Delegation } from "#consensus/services/staking/types/account.js";
import { Escrow, ReclaimEscrow, Transfer, Withdraw } from "#consensus/services/staking/types/transactions.js";
import { developmentAccounts } from "#network/topology.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { Sandbox } from "#platform/sandbox.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { ProcessHost } from "#runtime/host/process.js";
import { Call, CallOutput } from "#runtime/kit/call.js";
import { childrenOf } from "../e2e/runtime/support/hosted.ts";
import {
  nodeNames,
  type Provision,
  RUNTIME_ID,
  silentLog,
  type TestNetwork,
  testNetwork,
} from "../unit/worker/support/local-network.ts";
import { hasBubblewrap } from "../e2e/runtime/support/bubblewrap.ts";
import { simpleKeyValue } from "../vectors/rhp/support/simple-key-value.ts";
import { newComparison, TwinHost } from "./support/twin-host.ts";

const PROGRAM = process.env["QANAT_RUST_KV"] ?? "";
if (PROGRAM === "") {
  process.stderr.write("SKIPPED: the Rust key-value runtime; QANAT_RUST_KV does not name its executable\n");
}

class Key extends struct("Key", { key: text({ max: 8000 }), generation: u64, churpId: u8 }) {}
class Entry extends struct("Entry", {
  key: text({ max: 8000 }),
  value: text({ max: 1000 }),
  generation: u64,
  churpId: u8,
}) {}
class TransferArgs extends struct("TransferArgs", { transfer: Transfer }) {}
class WithdrawArgs extends struct("WithdrawArgs", { withdraw: Withdraw }) {}
class AddEscrowArgs extends struct("AddEscrowArgs", { escrow: Escrow }) {}
class UpdateRuntimeArgs extends struct("UpdateRuntimeArgs", { updateRuntime: Runtime }) {}
class ReclaimEscrowArgs extends struct("ReclaimEscrowArgs", { reclaimEscrow: ReclaimEscrow }) {}
const Answer = nullable(text({ max: 1000 }));
const NOTHING = Uint8Array.of(0xf6);

const keyArgs = (key: string): Uint8Array => Key.encode({ key, generation: 0n, churpId: 0 });
const entry = (key: string, value: string): Uint8Array => Entry.encode({ key, value, generation: 0n, churpId: 0 });

/** Somebody whose calls have the right nonces. */
class Sender {
  nonce = 0n;
  private readonly name: Uint8Array;

  constructor(
    private readonly net: TestNetwork,
    name: string,
  ) {
    this.name = utf8(name);
  }

  call(method: string, args: Uint8Array = NOTHING, nonce: bigint = this.nonce): Uint8Array {
    return Call.encode({ sender: this.name, nonce, method, args });
  }

  /** Submits a call and waits for what came of it. */
  async send(method: string, args?: Uint8Array): Promise<Uint8Array> {
    const data = this.call(method, args);
    this.nonce++;
    const { output, checkTxError } = await this.net.worker("client-0").client.submitTxMeta(data);
    if (checkTxError !== undefined) {
      this.nonce--;
      return CallOutput.encode({ type: "Error", value: `check: ${checkTxError.message}` });
    }
    return output;
  }

  async sends<T>(method: string, args: Uint8Array, result: Schema<T>): Promise<T> {
    const output = CallOutput.decode(await this.send(method, args));
    return output.type === "Success" ? result.decode(output.value) : expect.unreachable(output.value);
  }

  async fails(method: string, args?: Uint8Array): Promise<string> {
    const output = CallOutput.decode(await this.send(method, args));
    return output.type === "Error" ? output.value : expect.unreachable("it succeeded");
  }
}

/** Gives the runtime tokens, stake, leave to take from somebody's account, and its own descriptor in its hands. */
function endow({ staking, registry }: GenesisDocument): void {
  const address = runtimeAddress(RUNTIME_ID);
  const own = Account.zero();
  const amount = 1_000_000n;
  own.general.balance = amount;
  own.escrow.active = { balance: amount, totalShares: amount };
  staking.ledger.set(address, own);
  const delegations = SortedMap.bytes<Delegation | null>();
  delegations.set(address, { shares: amount });
  staking.delegations.set(address, delegations);
  staking.totalSupply += 2n * amount;
  staking.ledger.get(SOMEBODY)?.general.allowances.set(address, 5000n);
  for (const runtime of registry.runtimes) if (runtime !== null) runtime.governanceModel = GOVERNANCE_RUNTIME;
}

const SOMEBODY = addressFromPublicKey(developmentAccounts(2)[1]?.signer.publicKey ?? new Uint8Array(32));

let net: TestNetwork | undefined;
afterEach(async () => {
  await net?.network.stop();
  net = undefined;
});

async function start(provision: Provision): Promise<TestNetwork> {
  net = testNetwork(provision, undefined, { edit: endow });
  await net.network.start();
  return net;
}

const rust = (sandbox?: Sandbox): Provision => {
  return (_, site) =>
    new ProcessHost({ ...site, launcher: new ProcessLauncher({ path: PROGRAM, sandbox, log: silentLog }) });
};
const typescript: Provision = (_, site) => new InProcessHost({ ...site, program: simpleKeyValue });

/** Numbers from a seed. */
function randomOf(seed: string): (below: number) => number {
  let state = hash(utf8(seed));
  return (below) => {
    state = hash(state);
    return (state[0] as number) % below;
  };
}

async function randomCalls(running: TestNetwork, seed: string, count: number): Promise<void> {
  process.stderr.write(`seed of the calls: ${seed}\n`);
  const random = randomOf(seed);
  const work = Array.from({ length: 8 }, async (_, i) => {
    const sender = new Sender(running, `sender ${i}`);
    for (let n = 0; n < count / 8; n++) {
      const key = `key ${random(20)}`;
      const method =
        ["insert", "insert", "insert", "get", "remove", "get_runtime_id", "no such method"][random(7)] ?? "";
      const args = method === "insert" ? entry(key, "x".repeat(random(140))) : keyArgs(key);
      await sender.send(method, method === "get_runtime_id" ? NOTHING : args);
    }
  });
  await Promise.all(work);
}

/** Every operation of the runtime that needs no key manager, with what it answers. */
async function everyOperation(running: TestNetwork): Promise<void> {
  const alice = new Sender(running, "alice");
  expect(await alice.sends("get_runtime_id", NOTHING, Answer)).toBe(toHex(RUNTIME_ID));
  expect(await alice.sends("insert", entry("colour", "blue"), Answer)).toBe(null);
  expect(await alice.sends("insert", entry("colour", "green"), Answer)).toBe("blue");
  expect(await alice.sends("get", keyArgs("colour"), Answer)).toBe("green");
  expect(await alice.sends("get", keyArgs("shape"), Answer)).toBe(null);
  expect(await alice.sends("remove", keyArgs("colour"), Answer)).toBe("green");
  expect(await alice.sends("remove", keyArgs("colour"), Answer)).toBe(null);
  // Not under 00: there it keeps messages whose results it waits for, and reads all of them in each round.
  for (const key of ["", "\u0001", "\u0002", "ключ", "k".repeat(2000)]) {
    await alice.send("get", keyArgs(key));
    expect(await alice.sends("insert", entry(`${key}!`, ""), Answer)).toBe(null);
    expect(await alice.sends("get", keyArgs(`${key}!`), Answer)).toBe("");
  }
  expect(await alice.sends("insert", entry("longest", "v".repeat(128)), Answer)).toBe(null);
  expect(await alice.fails("insert", entry("too long", "v".repeat(129)))).toBe("check: Value too big to be inserted.");
  expect(await alice.fails("get", Uint8Array.of(1))).toBe("check: malformed call arguments");
  // Nothing is taken for arguments that are all empty.
  expect(await alice.sends("get", NOTHING, Answer)).toBe(null);
  await alice.send("get_runtime_id", keyArgs("x"));
  expect(await alice.fails("fly")).toBe("check: method not found");
  const { client } = running.worker("client-0");
  await expect(client.submitTx(alice.call("get", keyArgs("x"), 0n))).rejects.toThrow("Invalid nonce: 0");
}

async function messages(running: TestNetwork): Promise<void> {
  const bob = new Sender(running, "bob");
  const nothing = nullable(text({ max: 0 }));
  const amount = 1000n;
  await bob.sends("consensus_transfer", TransferArgs.encode({ transfer: { to: SOMEBODY, amount } }), nothing);
  await bob.sends("consensus_withdraw", WithdrawArgs.encode({ withdraw: { from: SOMEBODY, amount } }), nothing);
  await bob.sends("consensus_add_escrow", AddEscrowArgs.encode({ escrow: { account: SOMEBODY, amount } }), nothing);
  const shares = 400n;
  const args = ReclaimEscrowArgs.encode({ reclaimEscrow: { account: SOMEBODY, shares } });
  await bob.sends("consensus_reclaim_escrow", args, nothing);
  const descriptor = getRuntime(running.network.backend.stateAt(0n), RUNTIME_ID) ?? expect.unreachable("no runtime");
  const txnScheduler = { ...descriptor.txnScheduler, maxInMessages: 31 };
  const updateRuntime: Runtime = { ...descriptor, txnScheduler };
  await bob.sends("update_runtime", UpdateRuntimeArgs.encode({ updateRuntime }), nothing);
  // Their results come with the next round.
  await bob.sends("get", keyArgs("x"), Answer);
  const updated = getRuntime(running.network.backend.stateAt(0n), RUNTIME_ID);
  expect(updated).toEqual(updateRuntime);
}

describe.skipIf(PROGRAM === "")("the Rust key-value runtime", { timeout: 120_000 }, () => {
  test("answers every request as ours does: results, events, messages, roots, write logs and signatures", async () => {
    const comparison = newComparison();
    const elf = rust();
    const running = await start((member, site) => {
      const quiet = { ...site, environment: { ...site.environment, fetchTransactions: undefined } };
      return new TwinHost(elf(member, site), typescript(member, quiet as typeof site), comparison);
    });
    await everyOperation(running);
    await messages(running);
    const data = new Sender(running, "carol").call("insert", entry("from afar", "yes"));
    const message = SubmitMessage.encode({ ...SubmitMessage.zero(), id: RUNTIME_ID, data });
    await running.network.node("client-0").submitter.submit("roothash.SubmitMsg", message);
    const dave = new Sender(running, "dave");
    await expect.poll(() => dave.sends("get", keyArgs("from afar"), Answer), { timeout: 20_000 }).toBe("yes");
    await randomCalls(running, String(Date.now()), 400);
    const { client } = running.worker("client-0");
    await client.query(ROUND_LATEST, "get", keyArgs("key 1"));
    await client.query(ROUND_LATEST, "get_runtime_id", NOTHING);
    await client.query(1n, "get", keyArgs("key 1"));
    await expect(client.query(ROUND_LATEST, "fly", NOTHING)).rejects.toMatchObject({ module: "test", code: 1 });
    expect(comparison.differences).toEqual([]);
    process.stderr.write(`compared: ${JSON.stringify([...comparison.compared])}\n`);
    expect(comparison.compared.get("RuntimeExecuteTxBatchRequest")).toBeGreaterThan(100);
  });

  test.skipIf(!hasBubblewrap)("agrees with ours in one committee, in a process and in a sandbox", async () => {
    const ways = [rust(), typescript, rust(Sandbox.open())];
    const running = await start((member, site) => {
      const way = ways[Number(member.name.replace(/\D/g, "")) % ways.length] ?? typescript;
      return way(member, site);
    });
    const reports = running.worker("client-0").watchRounds();
    await everyOperation(running);
    await randomCalls(running, String(Date.now()), 100);
    const last = running.worker("client-0").client.getBlock(ROUND_LATEST).header.round;
    await running.settled(last);
    for (let report = (await reports.next()).value; ; report = (await reports.next()).value) {
      expect(report?.finalizedBy).toBe("workers");
      if (report === undefined || report.round >= last) break;
    }
    const roots = nodeNames("compute", "client").map((name) =>
      toHex(running.worker(name).history.block(last)?.header.stateRoot ?? new Uint8Array(0)),
    );
    expect(new Set(roots).size).toBe(1);
  });

  test("refuses a whole batch for one undecodable transaction, which holds up nobody", async () => {
    const running = await start(rust());
    const { client } = running.worker("client-0");
    const garbage = Array.from({ length: 5 }, (_, i) =>
      expect(client.submitTx(Uint8Array.of(0xff, i))).rejects.toMatchObject({
        message: expect.stringContaining("malformed"),
      }),
    );
    const calls = Array.from({ length: 20 }, (_, i) =>
      new Sender(running, `sender ${i}`).sends("insert", entry(`key ${i}`, "v"), Answer),
    );
    await Promise.all([...garbage, ...calls]);
  });

  test("reads the accounts of the consensus layer by proofs", async () => {
    const running = await start(rust());
    const output = CallOutput.decode(await new Sender(running, "alice").send("consensus_accounts"));
    if (output.type !== "Success") return expect.unreachable(output.value);
    const listed = toHex(raw.decode(output.value));
    for (const address of addresses(running.network.backend.stateAt(0n))) expect(listed).toContain(toHex(address));
  });

  test("is killed on one node after the other, and the network goes on", async () => {
    const running = await start(rust());
    const alice = new Sender(running, "alice");
    await alice.sends("insert", entry("key", "0"), Answer);
    const children = childrenOf(process.pid, PROGRAM);
    expect(children).toHaveLength(nodeNames("compute", "client").length);
    for (const [i, pid] of children.entries()) {
      process.kill(pid, "SIGKILL");
      expect(await alice.sends("insert", entry("key", `${i + 1}`), Answer)).toBe(`${i}`);
    }
    await running.until(() => childrenOf(process.pid, PROGRAM).length === children.length);
  });
});
