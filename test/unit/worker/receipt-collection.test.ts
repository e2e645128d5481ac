import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compareBytes, utf8 } from "#common/bytes.js";
import type { KeyedSignature, MemorySigner } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { signReceipt } from "#consensus/services/roothash/logic/receipt.js";
import { hostErrors } from "#p2p/errors.js";
import { type MemoryHost, MemoryNetwork } from "#p2p/memory-network.js";
import { protocolId, servePeers } from "#p2p/protocol.js";
import { ReceiptCollection } from "#worker/storage/receipts/collection.js";
import { storageErrors } from "#worker/storage/receipts/errors.js";
import { STORAGE_APPLY } from "#worker/storage/receipts/protocol.js";
import { silentLog } from "./support/local-network.ts";
import {
  CHAIN_CONTEXT,
  chainWithStorage,
  executorA,
  ID,
  results,
  storageKeys,
  storageNode,
  stranger,
} from "./support/storage-node.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const PROTOCOL = protocolId(CHAIN_CONTEXT, STORAGE_APPLY, ID);
const [first, second, third] = storageKeys as [MemorySigner, MemorySigner, MemorySigner];
const trees = results();
const subject = { namespace: ID, round: 2n, ioRoot: trees.io.root.hash, stateRoot: trees.state.root.hash };
const receiptOf = (key: MemorySigner): KeyedSignature => signReceipt(key, CHAIN_CONTEXT, subject);

let clock: VirtualClock;
let streams: MemoryNetwork;
let own: MemoryHost;
let hosts: Map<MemorySigner, MemoryHost>;

beforeEach(() => {
  clock = new VirtualClock(0);
  streams = new MemoryNetwork({ clock, log: silentLog });
  own = streams.connect(executorA.publicKey);
  hosts = new Map(storageKeys.map((key) => [key, streams.connect(key.publicKey)]));
});

afterEach(() => clock.stop());

/** A storage node that answers as told. */
function serve(key: MemorySigner, answer: () => KeyedSignature): void {
  servePeers(hosts.get(key) as MemoryHost, PROTOCOL, STORAGE_APPLY, { Apply: () => ({ receipt: answer() }) });
}

function collect(signer = executorA): { collection: ReceiptCollection; ended: Promise<KeyedSignature[] | undefined> } {
  let tell: (receipts: KeyedSignature[] | undefined) => void = () => undefined;
  const ended = new Promise<KeyedSignature[] | undefined>((resolve) => (tell = resolve));
  const committee = {
    members: storageKeys.map(({ publicKey }) => ({ id: publicKey, peer: publicKey })),
    replication: 2,
    limits: { entries: 100n, entryBytes: undefined },
  };
  const common = { p2p: own, chainContext: CHAIN_CONTEXT, committee, trees, signer, clock, log: silentLog };
  return { collection: new ReceiptCollection({ ...common, ended: tell }), ended };
}

function signers(receipts: KeyedSignature[] | undefined): string[] | undefined {
  const names = ["first", "second", "third"];
  return receipts?.map(
    ({ publicKey }) =>
      names[storageKeys.findIndex((key) => compareBytes(key.publicKey, publicKey) === 0)] ?? "stranger",
  );
}

describe("receipts for a result", () => {
  test("are asked of all storage nodes; as many as are needed are enough, in the order of their keys", async () => {
    const chain = chainWithStorage();
    for (const key of [third, first]) storageNode(chain, key, hosts.get(key) as MemoryHost);
    const { collection, ended } = collect();
    collection.ask();
    expect(signers(await ended)).toEqual(["first", "third"]);
  });

  test("are asked for again and again where a node cannot be reached or answers nonsense", async () => {
    let asked = 0;
    serve(first, () => receiptOf(first));
    serve(second, () => {
      asked++;
      if (asked === 1) throw hostErrors.busy();
      if (asked === 2) return { ...receiptOf(second), signature: receiptOf(first).signature };
      if (asked === 3) return receiptOf(first);
      return receiptOf(second);
    });
    const { collection, ended } = collect();
    collection.ask();
    expect(signers(await ended)).toEqual(["first", "second"]);
    expect(asked).toBe(4);
  });

  test("cannot be had when too many nodes refuse for good", async () => {
    let asked = 0;
    const refuse = (): never => {
      asked++;
      throw storageErrors.expectedRootMismatch();
    };
    serve(first, refuse);
    serve(second, refuse);
    const { collection, ended } = collect();
    collection.ask();
    expect(await ended).toBeUndefined();
    expect(asked).toBe(2);
  });

  test("may come from somebody else, if they count", async () => {
    const { collection, ended } = collect();
    const other = signReceipt(third, CHAIN_CONTEXT, { ...subject, stateRoot: hash(utf8("another state")) });
    collection.take([receiptOf(stranger), other]);
    collection.take([receiptOf(second), receiptOf(second)]);
    collection.take([receiptOf(third)]);
    expect(signers(await ended)).toEqual(["second", "third"]);
  });

  test("include that of the node itself if it is a storage node besides", async () => {
    serve(third, () => receiptOf(third));
    const { collection, ended } = collect(second);
    collection.ask();
    expect(signers(await ended)).toEqual(["second", "third"]);
  });

  test("are not asked for any more when nobody wants them", async () => {
    let asked = 0;
    serve(first, () => {
      asked++;
      throw hostErrors.busy();
    });
    const { collection } = collect();
    collection.ask();
    while (asked < 3) await new Promise<void>((resolve) => clock.setTimer(1, resolve));
    collection.stop();
    await new Promise<void>((resolve) => clock.setTimer(10_000, resolve));
    expect(asked).toBe(3);
  });
});
