import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import type { Channel } from "#common/rpc/index.js";
import { headerHash } from "#consensus/block/header.js";
import { account } from "#consensus/services/staking/queries.js";
import { accountAddresses, delegationsFor, totalSupply } from "#consensus/services/staking/state/accounts.js";
import { Withdraw } from "#consensus/services/staking/types/transactions.js";
import { systemClock } from "#platform/clock.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { listenGrpc } from "#platform/grpc-server.js";
import {
  accountFromSeed,
  accountsFromMnemonic,
  connect,
  type Connection,
  connectGrpcWeb,
  FeeTooHigh,
  Sender,
} from "#sdk/index.js";
import { webWorld } from "#web/world.js";
import { type RunningNetwork, startNetwork } from "../../interop/support/network.ts";

let network: RunningNetwork;
let socket: Awaited<ReturnType<typeof listenGrpc>>;
let unix: GrpcChannel;
let web: Channel;
const folder = mkdtempSync(join(tmpdir(), "qanat-sdk-"));
beforeAll(async () => {
  network = await startNetwork();
  socket = await listenGrpc(join(folder, "internal.sock"), network.handler, network.log);
  unix = connectGrpc(join(folder, "internal.sock"));
  web = connectGrpcWeb(network.url, webWorld);
});
afterAll(async () => {
  unix.close();
  await socket.close();
  await network.stop();
  rmSync(folder, { recursive: true });
});

function connection(channel: Channel, witness?: Channel): Connection {
  const { backend } = network.network;
  const first = backend.block(backend.app.initialHeight);
  if (first === undefined) throw new TypeError("the network has no first block");
  return connect({
    node: { name: "node", channel },
    ...(witness === undefined ? {} : { witnesses: [{ name: "witness", channel: witness }] }),
    chainContext: backend.app.chainContext,
    root: { height: first.header.height, hash: headerHash(first.header) },
    trustingPeriodMs: 3_600_000,
    clock: systemClock,
  });
}

const development = (index: number) => accountFromSeed(network.accounts[index]?.seed ?? new Uint8Array(0));

describe("an application and a network", () => {
  it.each(["unix socket", "gRPC-web"])("read state that is proved, over %s", async (way) => {
    const [channel, witness] = way === "gRPC-web" ? [web, unix] : [unix, web];
    const state = await connection(channel, witness).stateAt();
    const known = network.network.backend.stateAt(state.height);
    const { address } = development(2);
    expect(await state.query((reader) => account(reader, address))).toEqual(account(known, address));
    expect(await state.query((reader) => totalSupply.get(reader))).toBe(totalSupply.get(known));
    expect(await state.query(accountAddresses)).toEqual(accountAddresses(known));
    expect(await state.query((reader) => [...delegationsFor(reader, development(0).address)])).toEqual([
      ...delegationsFor(known, development(0).address),
    ]);
    const nobody = accountFromSeed(hash(utf8("nobody"))).address;
    expect((await state.query((reader) => account(reader, nobody))).general.balance).toBe(0n);
  });

  it("sends tokens, and sees them arrive by proof", async () => {
    const { signer } = development(3);
    const { chainContext } = network.network.backend.app;
    const sender = new Sender({ channel: web, signer, chainContext, clock: systemClock, maxFee: 0n });
    const [to] = accountsFromMnemonic(
      "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
      1,
    );
    if (to === undefined) throw new TypeError("the words give an account");
    await Promise.all([sender.transfer(to.address, 5n), sender.transfer(to.address, 7n)]);
    const rival = new Sender({ channel: unix, signer, chainContext, clock: systemClock });
    await Promise.all([sender.transfer(to.address, 11n), rival.transfer(to.address, 13n)]);
    const client = connection(unix, web);
    const before = await client.stateAt();
    const later = before.height + 1n;
    while (network.network.backend.latestHeight <= later) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect((await client.account(to.address, later)).general.balance).toBe(36n);
    expect((await client.account(development(3).address, later)).general.nonce).toBe(4n);
  });

  it("is refused what the chain refuses, with its code", async () => {
    const { chainContext } = network.network.backend.app;
    const poor = accountFromSeed(hash(utf8("nobody")));
    const sender = new Sender({ channel: web, signer: poor.signer, chainContext, clock: systemClock });
    const withdrawal = Withdraw.encode({ from: development(0).address, amount: 1n });
    await expect(sender.send("staking.Withdraw", withdrawal)).rejects.toMatchObject({ module: "staking", code: 5 });
    await expect(sender.transfer(development(0).address, 1n)).rejects.toThrow(/insufficient balance/);
    const elsewhere = new Sender({ channel: web, signer: poor.signer, chainContext: "00", clock: systemClock });
    await expect(elsewhere.transfer(development(0).address, 1n)).rejects.toThrow(/verification failed/);
  });

  it("does not pay more than it wants", async () => {
    const { signer } = development(4);
    const { chainContext } = network.network.backend.app;
    const greedy: Channel = {
      ...web,
      unary: async (path, request, options) =>
        path.endsWith("/MinGasPrice") ? fromHex("420100") : web.unary(path, request, options),
    };
    const sender = new Sender({ channel: greedy, signer, chainContext, clock: systemClock, maxFee: 10n });
    await expect(sender.transfer(development(0).address, 1n)).rejects.toThrow(FeeTooHigh);
  });
});
