import { beforeEach, describe, expect, test } from "vitest";
import { equalBytes, utf8 } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { type KeyedSignature, STRICT_POLICY } from "#common/crypto/signature.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import { ConsensusParameters, consensusParametersCell } from "#consensus/app/parameters.js";
import { runtimeOf, setRuntimeState } from "#consensus/services/roothash/state.js";
import { isSignedReceipt } from "#consensus/services/roothash/logic/receipt-rules.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { MemoryNetwork } from "#p2p/memory-network.js";
import { callPeer, protocolId } from "#p2p/protocol.js";
import { systemClock } from "#platform/clock.js";
import { type ApplyRequest, STORAGE_APPLY } from "#worker/storage/receipts/protocol.js";
import type { RoundTrees } from "#worker/storage/round-trees.js";
import { silentLog } from "./support/local-network.ts";
import {
  CHAIN_CONTEXT,
  chainWithStorage,
  executorA,
  executorB,
  ID,
  results,
  type StorageNode,
  storageKeys,
  storageNode,
  stranger,
} from "./support/storage-node.ts";

const PROTOCOL = protocolId(CHAIN_CONTEXT, STORAGE_APPLY, ID);
const [self] = storageKeys as [(typeof storageKeys)[number]];

let streams: MemoryNetwork;
let node: StorageNode;
let chain: ReturnType<typeof chainWithStorage>;

function begin(hasStorage = true): void {
  streams = new MemoryNetwork({ clock: systemClock, log: silentLog });
  chain = chainWithStorage(hasStorage);
  node = storageNode(chain, self, streams.connect(self.publicKey));
}

beforeEach(() => begin());

function requestOf({ io, state }: RoundTrees): ApplyRequest {
  const operations = [io, state].map(({ base, writeLog, root }) => ({
    rootType: root.type,
    sourceRound: base.version,
    sourceRoot: base.hash,
    targetRoot: root.hash,
    writeLog,
  }));
  return { round: 2n, operations };
}

/** Asks the storage node, and tells what it said: "ok", or module and code. */
async function ask(request: ApplyRequest, from = executorA): Promise<{ said: string; receipt?: KeyedSignature }> {
  const host = streams.connect(from.publicKey);
  try {
    const { receipt } = await callPeer(host, self.publicKey, PROTOCOL, STORAGE_APPLY, "Apply", request);
    return { said: "ok", receipt };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { said: `${error.module}/${error.code}` };
  } finally {
    host.close();
  }
}

const NOT_AUTHORIZED = "worker/storage/receipts/1";
const WRONG_ROUND = "worker/storage/receipts/2";
const NOT_SYNCED = "worker/storage/receipts/3";
const MALFORMED = "worker/storage/receipts/4";
const ROOT_MISMATCH = "storage/3";
const LIMIT_REACHED = "storage/5";

describe("a storage node that an executor asks for a receipt", () => {
  test("signs both roots when it has both trees on its disk", async () => {
    const trees = results();
    const { said, receipt } = await ask(requestOf(trees));
    expect(said).toBe("ok");
    const subject = { namespace: ID, round: 2n, ioRoot: trees.io.root.hash, stateRoot: trees.state.root.hash };
    const signed = receipt as KeyedSignature;
    expect(signed.publicKey).toEqual(self.publicKey);
    expect(isSignedReceipt(signed, subject, { chainContext: CHAIN_CONTEXT, policy: STRICT_POLICY })).toBe(true);
    const reopened = new DiskNodeDb({ disk: node.disk, name: "runtime", namespace: ID });
    for (const { root } of [trees.io, trees.state]) expect(reopened.hasRoot(root)).toBe(true);
  });

  test("signs the same for all who ask for the same, and for a round without transactions", async () => {
    const first = await ask(requestOf(results()));
    expect(await ask(requestOf(results()), executorB)).toEqual(first);
    const { state } = results();
    const io = { rootType: ROOT_IO, sourceRound: 2n, sourceRoot: EMPTY_HASH, targetRoot: EMPTY_HASH, writeLog: [] };
    const request = requestOf({ io: results().io, state });
    expect((await ask({ ...request, operations: [io, ...request.operations.slice(1)] })).said).toBe("ok");
  });

  test("listens to current executors only", async () => {
    expect((await ask(requestOf(results()), stranger)).said).toBe(NOT_AUTHORIZED);
    begin(false);
    expect((await ask(requestOf(results()))).said).toBe(NOT_AUTHORIZED);
    expect(node.db.rootsForVersion(2n)).toEqual([]);
  });

  test("gives receipts for the round under way only, and only when it has the one before", async () => {
    for (const round of [1n, 3n]) expect((await ask({ ...requestOf(results()), round })).said).toBe(WRONG_ROUND);
    node.db.finalize([{ namespace: ID, version: 2n, type: ROOT_STATE, hash: EMPTY_HASH }]);
    expect((await ask(requestOf(results()))).said).toBe(NOT_SYNCED);
  });

  test("refuses operations that are not one for inputs and outputs and one for the state, on the last block", async () => {
    const good = requestOf(results());
    const [io, state] = good.operations as [(typeof good.operations)[number], (typeof good.operations)[number]];
    const wrong = [
      [],
      [io],
      [state, io],
      [io, io],
      [{ ...io, sourceRound: 1n }, state],
      [{ ...io, sourceRoot: hash(utf8("other")) }, state],
      [io, { ...state, sourceRound: 2n }],
      [io, { ...state, sourceRoot: hash(utf8("other")) }],
    ];
    for (const operations of wrong) expect((await ask({ ...good, operations })).said).toBe(MALFORMED);
    expect((await ask({ ...good, operations: [io, state, state] })).said).toBe(LIMIT_REACHED);
    expect(node.db.rootsForVersion(2n)).toEqual([]);
  });

  test("refuses write logs that lead elsewhere and keeps neither tree", async () => {
    const good = requestOf(results());
    for (const i of [0, 1]) {
      const operations = good.operations.map((operation, at) =>
        at === i ? { ...operation, targetRoot: hash(utf8("elsewhere")) } : operation,
      );
      expect((await ask({ ...good, operations })).said).toBe(ROOT_MISMATCH);
    }
    expect(node.db.rootsForVersion(2n)).toEqual([]);
    expect((await ask(good)).said).toBe("ok");
  });

  test("refuses what is beyond the limits of the runtime", async () => {
    const many: WriteLog = Array.from({ length: 12 }, (_, i) => [utf8(`key ${i}`), utf8("value")]);
    expect((await ask(requestOf(results("value", many)))).said).toBe(LIMIT_REACHED);
    expect((await ask(requestOf(results("value", many.slice(1))))).said).toBe("ok");
    const long = results("x".repeat(2000));
    expect((await ask(requestOf(long))).said).toBe(MALFORMED);
  });

  test("refuses entries that no proof could show in a transaction, where it can be challenged", async () => {
    const large: WriteLog = [[utf8("large"), new Uint8Array(600)]];
    consensusParametersCell.set(chain.state, { ...ConsensusParameters.zero(), maxTxSize: 1024n });
    expect((await ask(requestOf(results("one", large)))).said).toBe("ok");
    const value = chain.runtimeState();
    const { storage } = runtimeOf(value);
    const challenge = { deposit: 1n, responseBlocks: 10n, maxAgeRounds: 5n };
    const committee = storage.committee && { ...storage.committee, challenge };
    setRuntimeState(chain.state, { ...value, runtime: { ...runtimeOf(value), storage: { ...storage, committee } } });
    expect((await ask(requestOf(results("two", large)))).said).toBe(LIMIT_REACHED);
    expect((await ask(requestOf(results("three")))).said).toBe("ok");
  });

  test("listens to who was elected last, also within an epoch", async () => {
    expect((await ask(requestOf(results()))).said).toBe("ok");
    const value = chain.runtimeState();
    const members = (value.committee?.members ?? []).filter(
      ({ publicKey }) => !equalBytes(publicKey, executorA.publicKey),
    );
    const elected = value.committee && { ...value.committee, members };
    setRuntimeState(chain.state, { ...value, committee: elected });
    expect((await ask(requestOf(results()))).said).toBe(NOT_AUTHORIZED);
    expect((await ask(requestOf(results()), executorB)).said).toBe("ok");
  });

  test("refuses inputs and outputs of unknown form", async () => {
    const { io, state } = results();
    const strange: WriteLog = [[utf8("strange"), utf8("value")]];
    expect((await ask(requestOf({ io: { ...io, writeLog: strange }, state }))).said).toBe(MALFORMED);
  });

  test("keeps one result for each executor and no more", async () => {
    for (const value of ["one", "two"]) expect((await ask(requestOf(results(value)))).said).toBe("ok");
    expect((await ask(requestOf(results("three")))).said).toBe(LIMIT_REACHED);
    expect((await ask(requestOf(results("two")))).said).toBe("ok");
  });
});
