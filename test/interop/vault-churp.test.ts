/** Vaults and key managers, which the published client lacks, through gRPC on a unix socket with our method tables. */
import { client as oasisClient, keymanager } from "@oasisprotocol/client";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { utf8 } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { makeNamespace, NAMESPACE_KEY_MANAGER, NAMESPACE_TEST } from "#common/namespace.js";
import { type Client, createClient } from "#common/rpc/index.js";
import type { Schema } from "#common/schema/index.js";
import { consensusMethods } from "#consensus/rpc.js";
import { beaconMethods } from "#consensus/services/beacon/rpc.js";
import { churpMethods, keyManagerMethods, keyManagerSecretsMethods } from "#consensus/services/keymanager/rpc.js";
import { ChurpCreate, ChurpUpdate, SignedChurpPolicy } from "#consensus/services/keymanager/types/churp.js";
import { registryMethods } from "#consensus/services/registry/rpc.js";
import { Runtime, RUNTIME_KEY_MANAGER } from "#consensus/services/registry/types/runtime.js";
import { stakingMethods } from "#consensus/services/staking/rpc.js";
import { Transfer, Withdraw } from "#consensus/services/staking/types/transactions.js";
import { vaultMethods } from "#consensus/services/vault/rpc.js";
import {
  type Action,
  AuthorizeAction,
  CancelAction,
  Create,
  STATE_ACTIVE,
  vaultAddress,
} from "#consensus/services/vault/types.js";
import { SignedTransaction, signTransaction } from "#consensus/transaction/transaction.js";
import { runtimeDescriptor } from "#network/fixture.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { listenGrpc } from "#platform/grpc-server.js";
import type { ListeningServer } from "#platform/rpc-calls.js";
import { installBrowserRequest } from "./support/browser-request.ts";
import { RUNTIME_ID, type RunningNetwork, startNetwork } from "./support/network.ts";
import { Wallet } from "./support/wallet.ts";

let running: RunningNetwork;
let server: ListeningServer;
let folder: string;
let channel: GrpcChannel;
let consensus: Client<typeof consensusMethods.methods>;
let vaults: Client<typeof vaultMethods.methods>;
let churp: Client<typeof churpMethods.methods>;
let registry: Client<typeof registryMethods.methods>;

beforeAll(async () => {
  installBrowserRequest();
  running = await startNetwork();
  folder = mkdtempSync(join(tmpdir(), "qanat-interop-"));
  const socket = join(folder, "internal.sock");
  server = await listenGrpc(socket, running.handler, running.log);
  channel = connectGrpc(socket);
  consensus = createClient(consensusMethods, channel);
  vaults = createClient(vaultMethods, channel);
  churp = createClient(churpMethods, channel);
  registry = createClient(registryMethods, channel);
});
afterAll(async () => {
  channel?.close();
  await server?.close();
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function signer(account: number): Signer {
  const found = running.accounts[account];
  if (found === undefined) throw new TypeError(`no account ${account}`);
  return found.signer;
}
const address = (account: number): Uint8Array => addressFromPublicKey(signer(account).publicKey);

/** Sends a transaction over the socket and waits until it is in a block. */
async function send<B>(account: number, method: string, schema: Schema<B>, body: B): Promise<void> {
  const by = signer(account);
  const nonce = await consensus.GetSignerNonce({ accountAddress: address(account), height: 0n });
  const draft = { nonce, fee: undefined, method, body: schema.encode(body) };
  const gas = await consensus.EstimateGas({ signer: by.publicKey, transaction: draft });
  const raw = signTransaction(by, { ...draft, fee: { amount: 0n, gas } }, await consensus.GetChainContext());
  await consensus.SubmitTx(SignedTransaction.decode(raw));
}

describe("vaults", () => {
  const authorities = (...accounts: number[]) => ({ addresses: accounts.map(address), threshold: accounts.length });

  test("are created, filled and withdrawn from by policy, and every query tells so", async () => {
    expect(await vaults.Vaults(0n)).toBeNull();
    const events = vaults.WatchEvents(null)[Symbol.asyncIterator]();
    // The stream begins when its first item is asked for.
    const submitted = events.next();
    await send(1, "vault.Create", Create, { adminAuthority: authorities(1, 2), suspendAuthority: authorities(3) });
    const [vault] = (await vaults.Vaults(0n)) ?? [];
    expect(vault).toMatchObject({ state: STATE_ACTIVE, nonce: 0n });
    const target = await vaultAddressOf(address(1));
    expect(await vaults.Vault({ height: 0n, address: target })).toEqual(vault);
    await send(1, "staking.Transfer", Transfer, { to: target, amount: 1000n });

    const policy = { limitAmount: 100n, limitInterval: 1000n };
    const action: Action = { updateWithdrawPolicy: { address: address(4), policy } };
    await send(1, "vault.AuthorizeAction", AuthorizeAction, { vault: target, nonce: 0n, action });
    expect(await vaults.PendingActions({ height: 0n, address: target })).toMatchObject([{ nonce: 0n }]);
    await send(2, "vault.AuthorizeAction", AuthorizeAction, { vault: target, nonce: 0n, action });
    expect(await vaults.PendingActions({ height: 0n, address: target })).toBeNull();
    await send(4, "staking.Withdraw", Withdraw, { from: target, amount: 60n });
    const state = await vaults.AddressState({ height: 0n, vault: target, address: address(4) });
    expect(state).toMatchObject({ withdrawPolicy: policy, amount: 60n });
    await expect(send(4, "staking.Withdraw", Withdraw, { from: target, amount: 60n })).rejects.toMatchObject({
      module: "staking",
      code: 5,
    });

    await send(1, "vault.AuthorizeAction", AuthorizeAction, { vault: target, nonce: 1n, action: { suspend: {} } });
    await send(1, "vault.CancelAction", CancelAction, { vault: target, nonce: 1n });
    expect((await vaults.Vault({ height: 0n, address: target })).nonce).toBe(2n);
    expect((await submitted).value).toMatchObject({ actionSubmitted: { nonce: 0n } });
    await events.return?.();
  });

  test("answer for their parameters, their genesis and what is not there", async () => {
    const params = await vaults.ConsensusParameters(0n);
    expect(params).toMatchObject({ enabled: true });
    const genesis = await vaults.StateToGenesis(0n);
    expect(genesis.vaults).toHaveLength(1);
    expect(await vaults.GetEvents(0n)).toBeDefined();
    const nobody = { height: 0n, address: address(5) };
    await expect(vaults.Vault(nobody)).rejects.toMatchObject({ module: "vault", code: 2 });
    const stranger = { height: 0n, vault: await vaultAddressOf(address(1)), address: address(5) };
    await expect(vaults.AddressState(stranger)).rejects.toMatchObject({ module: "vault", code: 3 });
  });

  /** A vault's address, as transfers to it name it: found by asking for the one with this creator. */
  async function vaultAddressOf(creator: Uint8Array): Promise<Uint8Array> {
    const found = (await vaults.Vaults(0n))?.find((vault) => vault.creator.join() === creator.join());
    if (found === undefined) throw new TypeError("the vault is not there");
    return vaultAddress(found);
  }
});

describe("a key manager", () => {
  const id = makeNamespace(utf8("key manager".padEnd(24, "-")), NAMESPACE_KEY_MANAGER | NAMESPACE_TEST);

  test("is registered, and its policy set with the published client", async () => {
    const beacon = createClient(beaconMethods, channel);
    const epoch = await beacon.GetEpoch(0n);
    const plain = runtimeDescriptor(RUNTIME_ID, signer(0), { primary: 1, backup: 0 });
    const deployments = plain.deployments.map((d) => (d === null ? null : { ...d, validFrom: epoch + 1n }));
    const descriptor: Runtime = { ...plain, id, kind: RUNTIME_KEY_MANAGER, deployments };
    await send(0, "registry.RegisterRuntime", Runtime, descriptor);
    expect((await registry.GetRuntime({ height: 0n, id, includeSuspended: true })).kind).toBe(RUNTIME_KEY_MANAGER);

    const wallet = new Wallet(new oasisClient.NodeInternal(running.url), running.accounts[0]?.seed ?? new Uint8Array());
    const policy = { serial: 1, id, enclaves: new Map() };
    await wallet.send(keymanager.updatePolicyWrapper(), { policy, signatures: [] } as never);
    for (const table of [keyManagerMethods, keyManagerSecretsMethods]) {
      const client = createClient(table, channel);
      expect((await client.GetStatus({ height: 0n, id })).nextPolicy?.policy.serial).toBe(1);
      expect(await client.GetStatuses(0n)).toHaveLength(1);
      await expect(client.GetMasterSecret({ height: 0n, id })).rejects.toMatchObject({ module: "keymanager", code: 3 });
      await expect(client.GetEphemeralSecret({ height: 0n, id })).rejects.toMatchObject({ code: 4 });
      expect((await client.StateToGenesis(0n)).statuses).toHaveLength(1);
    }
    const missing = createClient(keyManagerMethods, channel).GetStatus({ height: 0n, id: RUNTIME_ID });
    await expect(missing).rejects.toMatchObject({ module: "keymanager", code: 2 });
  });

  test("has instances of CHURP, which every query tells of", async () => {
    expect(await churp.AllStatuses(0n)).toBeNull();
    await expect(churp.Status({ height: 0n, runtimeId: id, churpId: 7 })).rejects.toMatchObject({
      module: "keymanager/churp",
      code: 1,
    });
    const watched = churp.WatchStatuses(null)[Symbol.asyncIterator]();
    const zero = SignedChurpPolicy.zero();
    const policy = { ...zero, policy: { ...zero.policy, id: 7, runtimeId: id } };
    const create = { ...ChurpCreate.zero(), id: 7, runtimeId: id, handoffInterval: 3n, threshold: 1, policy };
    await send(0, "keymanager/churp.Create", ChurpCreate, create);
    expect((await watched.next()).value).toMatchObject({ id: 7, threshold: 1 });
    await watched.return?.();
    await send(0, "keymanager/churp.Update", ChurpUpdate, { id: 7, runtimeId: id, extraShares: 2 });
    const status = await churp.Status({ height: 0n, runtimeId: id, churpId: 7 });
    expect(status).toMatchObject({ extraShares: 2, handoffInterval: 3n });
    expect(await churp.Statuses({ height: 0n, id })).toEqual([status]);
    expect(await churp.AllStatuses(0n)).toEqual([status]);
    // This network's genesis document has no section for CHURP, so that it costs nothing.
    expect((await churp.ConsensusParameters(0n)).gasCosts.size).toBe(0);
    expect((await churp.StateToGenesis(0n)).statuses).toHaveLength(1);
  });

  test("leaves no error in the log", async () => {
    expect(await createClient(stakingMethods, channel).TokenSymbol(0n)).toBe("TEST");
    expect(running.complaints).toEqual([]);
  });
});
