import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { text, struct } from "#common/schema/index.js";
import { headerHash } from "#consensus/services/roothash/types.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { CallOutput } from "#runtime/kit/call.js";
import { clientErrors } from "#worker/client/errors.js";
import { txPoolErrors } from "#worker/txpool/errors.js";
import { insertCall, nodeNames, type TestNetwork, testNetwork } from "./support/local-network.ts";

class Key extends struct("Key", { key: text({ max: 256 }) }) {}

describe("rounds of a local network", () => {
  let net: TestNetwork;

  beforeAll(async () => {
    net = testNetwork();
    await net.network.start();
  });

  afterAll(async () => {
    await net.network.stop();
  });

  test("a transaction that the client submits ends up in a round with its output", async () => {
    const { client } = net.worker("client-0");
    const tx = insertCall("alice", 0n, "hello", "world");
    const meta = await client.submitTxMeta(tx);
    expect(meta.checkTxError).toBeUndefined();
    expect(meta.batchOrder).toBe(0);
    expect(CallOutput.decode(meta.output)).toEqual({ type: "Success", value: Uint8Array.of(0xf6) });
    expect(client.getTransactions(meta.round)).toEqual([tx]);
    const [result] = client.getTransactionsWithResults(meta.round);
    expect(result?.tx).toEqual(tx);
    expect(result?.result).toEqual(meta.output);
    expect(result?.events.map(({ key, value }) => [fromUtf8(key), fromUtf8(value)])).toEqual([
      ["kv_insertion.hello", ""],
      ["kv_key", "hello"],
      ["kv_op", "insert"],
    ]);
    const events = client.getEvents(meta.round);
    expect(events).toHaveLength(3);
    expect(events.map(({ txHash }) => toHex(txHash))).toEqual(Array(3).fill(toHex(hash(tx))));
  });

  test("what a transaction wrote is answered to a query of its round and not of an earlier one", async () => {
    const { client } = net.worker("client-0");
    const { round } = await client.submitTxMeta(insertCall("bob", 0n, "colour", "blue"));
    const args = Key.encode({ key: "colour" });
    const Value = text({ max: 100 });
    expect(Value.decode((await client.query(round, "get", args)).data as Uint8Array)).toBe("blue");
    expect(Value.decode((await client.query(ROUND_LATEST, "get", args)).data as Uint8Array)).toBe("blue");
    expect((await client.query(round - 1n, "get", args)).data).toEqual(Uint8Array.of(0xf6));
    await expect(client.query(round, "no such method", args)).rejects.toMatchObject({ module: "test", code: 1 });
    await expect(client.query(round + 1_000_000n, "get", args)).rejects.toMatchObject({ module: "roothash", code: 2 });
  });

  test("transactions of one sender are executed in the order of their nonces whatever the order of submission", async () => {
    const { client } = net.worker("client-0");
    const later = [3n, 2n, 1n].map((nonce) => client.submitTxMeta(insertCall("carol", nonce, "k", `v${nonce}`)));
    const all = [...later, client.submitTxMeta(insertCall("carol", 0n, "k", "v0"))];
    const places = await Promise.all(all);
    const order = [...places].reverse().map(({ round, batchOrder }) => round * 1000n + BigInt(batchOrder));
    expect(order).toEqual([...order].sort((a, b) => (a < b ? -1 : 1)));
  });

  test("a transaction that comes while the runtime is being started anew waits until it runs", async () => {
    const { client, host } = net.worker("client-0");
    await host.abort(true);
    expect(host.info).toBeUndefined();
    const meta = await client.submitTxMeta(insertCall("restart", 0n, "k", "v"));
    expect(meta.checkTxError).toBeUndefined();
    expect(host.info).toBeDefined();
  });

  test("so does a query, and one whose caller gives up is told that no runtime is there", async () => {
    const { client, host } = net.worker("client-0");
    const args = Key.encode({ key: "never written" });
    await host.abort(true);
    expect(host.info).toBeUndefined();
    const impatient = client.query(ROUND_LATEST, "get", args, undefined, { onCancel: (cancel) => cancel() });
    const patient = client.query(ROUND_LATEST, "get", args);
    await expect(impatient).rejects.toMatchObject({ module: "runtime/client", code: 6 });
    expect((await patient).data).toEqual(Uint8Array.of(0xf6));
  });

  test("all nodes agree on every block and have its trees", async () => {
    const { client } = net.worker("client-0");
    const { round } = await client.submitTxMeta(insertCall("dave", 0n, "k", "v"));
    await net.settled(round);
    for (const name of nodeNames("compute", "client")) {
      const { history, status } = net.worker(name);
      expect(status.syncedRound).toBeGreaterThanOrEqual(round);
      expect(history.block(round)).toEqual(net.worker("client-0").history.block(round));
    }
    for (let r = round; r > 0n; r--) {
      const { header } = client.getBlock(r);
      expect(header.previousHash).toEqual(headerHash(client.getBlock(r - 1n).header));
    }
    expect(client.getLastRetainedBlock()).toEqual(client.getBlock(0n));
    await expect(async () => client.getBlock(round + 1_000_000n)).rejects.toMatchObject({ module: "roothash" });
  });

  test("blocks are watched from the latest on, one after the other", async () => {
    const { client } = net.worker("client-0");
    const watched = client.watchBlocks();
    const first = (await watched.next()).value;
    await client.submitTx(insertCall("eve", 0n, "k", "v"));
    const second = (await watched.next()).value;
    expect(second?.block?.header.round).toBe((first?.block?.header.round as bigint) + 1n);
    expect(second?.height).toBeGreaterThanOrEqual(first?.height as bigint);
    watched.close();
  });

  test("what the runtime refuses is refused with its error", async () => {
    const { client } = net.worker("client-0");
    const big = insertCall("frank", 0n, "k", "v".repeat(200));
    const meta = await client.submitTxMeta(big);
    expect(meta.checkTxError).toEqual({ module: "test", code: 1, message: "Value too big to be inserted." });
    await expect(client.submitTx(big)).rejects.toSatisfy(clientErrors.checkTxFailed.is);
    await expect(client.submitTxNoWait(big)).rejects.toThrow("runtime error: module: test code: 1");
    await expect(client.checkTx(utf8("garbage"))).rejects.toThrow("malformed transaction");
    await expect(client.submitTx(new Uint8Array(0))).rejects.toSatisfy(txPoolErrors.empty.is);
    await expect(client.submitTx(new Uint8Array(600_000))).rejects.toSatisfy(txPoolErrors.tooLarge.is);
  });

  test("a transaction is taken once", async () => {
    const { client } = net.worker("client-0");
    const tx = insertCall("grace", 0n, "k", "v");
    await client.checkTx(tx);
    await client.submitTx(tx);
    await expect(client.submitTx(tx)).rejects.toMatchObject({ module: "unknown", message: "duplicate transaction" });
  });

  test("a transaction that cannot be scheduled yet waits in the pool", async () => {
    const { client } = net.worker("client-0");
    const tx = insertCall("heidi", 1n, "k", "v");
    await client.submitTxNoWait(tx);
    expect(client.getUnconfirmedTransactions()).toContainEqual(tx);
    await client.submitTxNoWait(insertCall("heidi", 0n, "k", "v"));
    await net.until(() => !client.getUnconfirmedTransactions().some((raw) => raw.join() === tx.join()));
  });

  test("rounds go on without transactions", async () => {
    const rounds = net.worker("client-0").watchRounds();
    const first = (await rounds.next()).value;
    const second = (await rounds.next()).value;
    expect(second?.round).toBeGreaterThan(first?.round as bigint);
    expect(second?.finalizedBy).toBe("workers");
    rounds.close();
  });
});
