import { decode, encode } from "cborg";
import { beforeEach, describe, expect, it } from "vitest";
import { compareBytes } from "#common/bytes.js";
import type { KeyedSignature, MemorySigner } from "#common/crypto/signature.js";
import { RegistryParameters, registryParameters } from "#consensus/services/registry/params.js";
import { resumeRuntime, setRuntime } from "#consensus/services/registry/state.js";
import type { Runtime, StorageCommitteeParameters } from "#consensus/services/registry/types/runtime.js";
import { TEE_INTEL_SGX } from "#consensus/services/registry/types/tee.js";
import { type ReceiptSubject, signReceipt } from "#consensus/services/roothash/logic/receipt.js";
import { RootHashParameters, rootHashParameters } from "#consensus/services/roothash/params.js";
import {
  Evidence,
  ExecutorCommit,
  type ExecutorCommitment,
  HEADER_EPOCH_TRANSITION,
  HEADER_NORMAL,
  HEADER_SUSPENDED,
} from "#consensus/services/roothash/types.js";
import { committees } from "#consensus/services/scheduler/state.js";
import { COMMITTEE_EXECUTOR, COMMITTEE_STORAGE } from "#consensus/services/scheduler/types.js";
import { LimitedGas } from "#consensus/transaction/gas.js";
import {
  answer,
  Chain,
  CHAIN_CONTEXT,
  commitment,
  committee,
  kinds,
  namespace,
  run,
  runtime,
  type Saying,
  signer,
} from "./support.ts";

const ID = namespace("runtime");
const [a, b, backup, user] = [signer("a"), signer("b"), signer("backup"), signer("user")] as const;
/** Storage nodes in the order of their keys. */
const nodes = ["s1", "s2", "s3", "s4"].map(signer).sort((x, y) => compareBytes(x.publicKey, y.publicKey));
const [s1, s2, s3, s4] = nodes as [MemorySigner, MemorySigner, MemorySigner, MemorySigner];

const LIMITS: StorageCommitteeParameters = {
  validFrom: 0n,
  groupSize: 3,
  minWriteReplication: 2,
  maxApplyOps: 2n,
  maxApplyWriteLogEntries: 100n,
};

let chain: Chain;

function setGate(on: boolean): void {
  registryParameters.set(chain.state, { ...RegistryParameters.zero(), enableStorageCommittees: on });
}

function withReceipts(changes: Partial<StorageCommitteeParameters> = {}, more: Partial<Runtime> = {}): Runtime {
  const plain = runtime(more);
  return { ...plain, storage: { ...plain.storage, committee: { ...LIMITS, ...changes } } };
}

function electStorage(members: readonly MemorySigner[], validFor = 6n): void {
  const elected = { ...committee(members), kind: COMMITTEE_STORAGE, validFor };
  committees.set(chain.state, [COMMITTEE_STORAGE, ID], elected);
}

function start(descriptor: Runtime, storage: readonly MemorySigner[] = [s1, s2, s3]): void {
  chain = new Chain();
  setGate(true);
  const gasCosts = RootHashParameters.zero().gasCosts.set("compute_commit", 7n).set("storage_receipt", 10n);
  rootHashParameters.set(chain.state, { ...rootHashParameters.load(chain.state), gasCosts });
  for (const key of [a, b, backup]) chain.addNode(key);
  if (storage.length > 0) electStorage(storage);
  chain.start(descriptor, committee([b, a], [backup]));
}

beforeEach(() => start(withReceipts()));

function subjectOf({ header }: ExecutorCommitment): ReceiptSubject {
  const { round, ioRoot, stateRoot } = header.header;
  if (ioRoot === undefined || stateRoot === undefined) throw new TypeError("a failure has no roots");
  return { namespace: ID, round, ioRoot, stateRoot };
}

function receipts(of: ExecutorCommitment, ...by: readonly MemorySigner[]): KeyedSignature[] {
  return by.map((key) => signReceipt(key, CHAIN_CONTEXT, subjectOf(of)));
}

/** The commitment of a worker to the proposal of `b`, whose turn it is, with receipts of the given nodes. */
function commit(key: MemorySigner, by: readonly MemorySigner[], saying: Saying = {}): ExecutorCommitment {
  const plain = commitment(chain.runtimeState(), key, b, saying);
  return by.length === 0 ? plain : { ...plain, storageSigs: receipts(plain, ...by) };
}

interface Outcome {
  readonly said: string;
  readonly used: bigint;
  readonly kinds: string[];
}

function sendBytes(body: Uint8Array, gas = 1000n): Outcome {
  const ctx = chain.context("deliverTx", user, new LimitedGas(gas));
  const said = answer(() => run(ctx, "ExecutorCommit", body));
  return { said, used: ctx.gas.used, kinds: kinds(ctx) };
}

function send(...commits: ExecutorCommitment[]): string {
  return sendBytes(ExecutorCommit.encode({ id: ID, commits })).said;
}

describe("a commitment of a runtime with a storage committee", () => {
  it("counts with receipts of enough members, which stay with the scheduler's commitment and in the event", () => {
    const first = commit(b, [s1, s3]);
    const { said, used, kinds: events } = sendBytes(ExecutorCommit.encode({ id: ID, commits: [first] }));
    expect([said, used, events]).toEqual(["ok", 27n, ["executor_commit"]]);
    const kept = chain.runtimeState().commitmentPool?.schedulerCommitments.get(0n)?.commitment;
    expect(kept?.storageSigs).toEqual(first.storageSigs);
    expect(send(commit(a, [s1, s2, s3]))).toBe("ok");
    chain.endBlock();
    expect(chain.runtimeState().lastBlock?.header).toMatchObject({ headerType: HEADER_NORMAL, round: 2n });
  });

  it("does not count with too few, too many, doubled or unordered receipts", () => {
    expect(send(commit(b, []))).toBe("roothash/commitment/14");
    expect(send(commit(b, [s1]))).toBe("roothash/commitment/14");
    expect(send(commit(b, [s1, s2, s3, s4]))).toBe("roothash/commitment/14");
    expect(send(commit(b, [s1, s1]))).toBe("roothash/commitment/14");
    expect(send(commit(b, [s2, s1]))).toBe("roothash/commitment/14");
    electStorage(nodes);
    expect(send(commit(b, nodes))).toBe("roothash/commitment/14");
    expect(chain.runtimeState().commitmentPool?.schedulerCommitments.size).toBe(0);
  });

  it("does not count with receipts that were good for another commitment", () => {
    const first = commit(b, [s1, s2]);
    expect(send(first)).toBe("ok");
    const other = { ...commit(a, [], { stateRoot: new Uint8Array(32) }), storageSigs: first.storageSigs };
    expect(send(other)).toBe("roothash/commitment/14");
    expect(send({ ...commit(a, []), storageSigs: first.storageSigs })).toBe("ok");
  });

  it("does not count with receipts of strangers or for something else", () => {
    expect(send(commit(b, [s1, s4]))).toBe("roothash/commitment/14");
    const plain = commit(b, []);
    const subject = subjectOf(plain);
    const others: Partial<ReceiptSubject>[] = [
      { round: subject.round - 1n },
      { ioRoot: subject.stateRoot, stateRoot: subject.ioRoot },
      { stateRoot: new Uint8Array(32) },
      { namespace: namespace("other") },
    ];
    const [good] = receipts(plain, s1);
    for (const other of others) {
      const bad = signReceipt(s2, CHAIN_CONTEXT, { ...subject, ...other });
      expect(send({ ...plain, storageSigs: [good as KeyedSignature, bad] })).toBe("roothash/commitment/14");
    }
    const elsewhere = signReceipt(s2, "cd".repeat(32), subject);
    expect(send({ ...plain, storageSigs: [good as KeyedSignature, elsewhere] })).toBe("roothash/commitment/14");
    const forged = { publicKey: s2.publicKey, signature: (good as KeyedSignature).signature };
    expect(send({ ...plain, storageSigs: [good as KeyedSignature, forged] })).toBe("roothash/commitment/14");
    expect(send(commit(b, [s1, s2]))).toBe("ok");
  });

  it("needs a storage committee of the same epoch, which is looked for after number and order", () => {
    electStorage([s1, s2, s3], 5n);
    expect(send(commit(b, [s1, s2]))).toBe("roothash/commitment/2");
    committees.remove(chain.state, COMMITTEE_STORAGE, ID);
    expect(send(commit(b, [s1, s4]))).toBe("roothash/commitment/2");
    expect(send(commit(b, [s1]))).toBe("roothash/commitment/14");
    expect(send(commit(b, [s2, s1]))).toBe("roothash/commitment/14");
  });

  it("does not count with receipts of members of an earlier epoch's committee, nor with receipts from before", () => {
    const early = commit(b, [s1, s2]);
    electStorage([s2, s3, s4], 7n);
    committees.set(chain.state, [COMMITTEE_EXECUTOR, ID], { ...committee([b, a], [backup]), validFor: 7n });
    chain.nextBlock(7n);
    expect(send(commit(b, [s1, s2]))).toBe("roothash/commitment/14");
    // The old commitment is for another block, and its receipts for another round.
    expect(send(early)).toBe("roothash/commitment/7");
    expect(send({ ...commit(b, []), storageSigs: early.storageSigs })).toBe("roothash/commitment/14");
    expect(send({ ...commit(b, []), storageSigs: receipts(early, s2, s3) })).toBe("roothash/commitment/14");
    expect(send(commit(b, [s2, s3]))).toBe("ok");
  });

  it("has its receipts looked at after its block and before its messages", () => {
    const vote = { staking: { v: 0, transfer: { to: new Uint8Array(21), amount: 1n } } };
    const astray = { ...commit(b, []), messages: [vote] };
    expect(send(astray)).toBe("roothash/commitment/14");
    expect(send({ ...astray, storageSigs: receipts(astray, s1, s2) })).toBe("roothash/commitment/13");
    const late = commit(b, [s1]);
    chain.nextBlock(7n);
    electStorage([s1, s2, s3], 7n);
    expect(send(late)).toBe("roothash/commitment/7");
  });

  it("has its receipts looked at after the key of the enclave", () => {
    start(withReceipts({}, { teeHardware: TEE_INTEL_SGX }));
    expect(send(commit(b, []))).toBe("roothash/commitment/1");
  });

  it("carries none when it reports a failure", () => {
    const failure = commit(a, [], { failure: 2 });
    expect(send({ ...failure, storageSigs: receipts(commit(a, []), s1, s2) })).toBe("roothash/commitment/11");
    expect(send(commit(b, [s1, s2]))).toBe("ok");
    expect(send(failure)).toBe("ok");
  });

  it("rejects the whole transaction when one commitment lacks receipts, and only it", () => {
    expect(send(commit(b, [s1, s2]), commit(a, [s1]))).toBe("roothash/commitment/14");
    expect(chain.runtimeState().commitmentPool?.schedulerCommitments.size).toBe(0);
    expect(send(commit(b, [s1, s2]), commit(a, [s2, s3]))).toBe("ok");
  });

  it("of a backup worker needs receipts too", () => {
    expect(send(commit(b, [s1, s2]), commit(a, [], { failure: 2 }))).toBe("ok");
    chain.endBlock();
    expect(chain.runtimeState().commitmentPool?.discrepancy).toBe(true);
    expect(send(commit(backup, []))).toBe("roothash/commitment/14");
    expect(send(commit(backup, [s2, s3]))).toBe("ok");
    chain.endBlock();
    expect(chain.runtimeState().lastBlock?.header).toMatchObject({ headerType: HEADER_NORMAL, round: 2n });
  });

  it("pays for each receipt before any is verified", () => {
    const body = ExecutorCommit.encode({ id: ID, commits: [commit(b, [s1, s4]), commit(a, [s1])] });
    expect(sendBytes(body, 36n)).toMatchObject({ said: "unknown/1", used: 7n });
    expect(sendBytes(body, 37n)).toMatchObject({ said: "roothash/commitment/14", used: 37n });
  });
});

/** The body of a transaction with another value, of whatever kind, as the receipts of its only commitment. */
function replaced(body: Uint8Array, value: unknown): Uint8Array {
  const plain = decode(body, { useMaps: true }) as Map<string, Map<string, unknown>[]>;
  plain.get("commits")?.[0]?.set("storage_sigs", value);
  return encode(plain);
}

describe("receipts where none belong", () => {
  const UNKNOWN = { said: "roothash/1", used: 0n, kinds: [] };
  const bodyOf = (...commits: ExecutorCommitment[]): Uint8Array => ExecutorCommit.encode({ id: ID, commits });

  it("are an unknown field on a chain without storage committees", () => {
    const body = bodyOf(commit(b, [s1, s2]));
    setGate(false);
    expect(sendBytes(body)).toEqual(UNKNOWN);
    registryParameters.remove(chain.state);
    expect(sendBytes(body)).toEqual(UNKNOWN);
    expect(sendBytes(bodyOf(commit(b, [])))).toMatchObject({ said: "ok", used: 7n });
  });

  it("are refused before gas for a runtime without a storage committee, or not yet with one", () => {
    for (const descriptor of [runtime(), withReceipts({ validFrom: 7n })]) {
      start(descriptor);
      expect(sendBytes(bodyOf(commit(b, [s1, s2])))).toEqual(UNKNOWN);
      expect(sendBytes(bodyOf(commit(b, [])))).toMatchObject({ said: "ok", used: 7n });
    }
  });

  it("are refused before gas for an unknown runtime", () => {
    const body = ExecutorCommit.encode({ id: namespace("nowhere"), commits: [commit(b, [s1, s2])] });
    expect(sendBytes(body)).toEqual(UNKNOWN);
  });

  it("are told from those of a suspended runtime", () => {
    const body = bodyOf(commit(b, [s1, s2]));
    committees.remove(chain.state, COMMITTEE_STORAGE, ID);
    chain.nextBlock(7n);
    expect(sendBytes(body)).toMatchObject({ said: "roothash/5", used: 7n });
  });

  it("have one form of absence: no null, no empty list", () => {
    const body = bodyOf(commit(b, [s1, s2]));
    expect(sendBytes(replaced(body, null))).toEqual(UNKNOWN);
    expect(sendBytes(replaced(body, []))).toEqual(UNKNOWN);
    expect(sendBytes(replaced(body, new Map()))).toEqual(UNKNOWN);
  });

  it("are refused in evidence before anything else", () => {
    const [one, two] = [commit(b, [s1, s2]), commit(b, [], { stateRoot: new Uint8Array(32) })];
    const body = Evidence.encode({ id: ID, equivocationExecutor: { commitA: one, commitB: two } });
    const ctx = chain.context("deliverTx", user, new LimitedGas(1000n));
    expect(answer(() => run(ctx, "Evidence", body))).toBe("roothash/1");
    expect(ctx.gas.used).toBe(0n);
  });

  it("are refused once governance has switched the extension off, and no longer needed", () => {
    const body = bodyOf(commit(b, [s1, s2]));
    setGate(false);
    expect(sendBytes(body)).toEqual(UNKNOWN);
    expect(send(commit(b, []), commit(a, []))).toBe("ok");
  });
});

describe("a descriptor in the message of a runtime", () => {
  it("may demand receipts where the chain has storage committees; elsewhere that is an unknown field", () => {
    const updateRuntime = withReceipts({ validFrom: 9n });
    const messages = [{ registry: { v: 0, updateRuntime } }];
    const send = (): string => {
      const plain = commitment(chain.runtimeState(), b, b, { messages });
      return sendBytes(ExecutorCommit.encode({ id: ID, commits: [plain] })).said;
    };
    start(runtime());
    expect(send()).toBe("ok");
    start(runtime());
    setGate(false);
    expect(send()).toBe("roothash/1");
  });
});

describe("a new epoch", () => {
  const lastType = (): number | undefined => chain.runtimeState().lastBlock?.header.headerType;

  it("suspends a runtime without its storage committee, even where a switch forbids suspension", () => {
    expect(lastType()).toBe(HEADER_EPOCH_TRANSITION);
    rootHashParameters.set(chain.state, { ...rootHashParameters.load(chain.state), debugDoNotSuspendRuntimes: true });
    committees.remove(chain.state, COMMITTEE_STORAGE, ID);
    const ctx = chain.nextBlock(7n);
    expect(kinds(ctx)).toContain("runtime_suspended");
    expect(lastType()).toBe(HEADER_SUSPENDED);
    const { suspended, committee: executors, commitmentPool } = chain.runtimeState();
    expect([suspended, executors, commitmentPool]).toEqual([true, undefined, undefined]);
  });

  it("suspends a runtime whose storage committee is of another epoch", () => {
    electStorage([s1, s2, s3], 5n);
    chain.nextBlock(7n);
    expect(lastType()).toBe(HEADER_SUSPENDED);
  });

  it("goes on with a suspended runtime once it has both committees", () => {
    committees.remove(chain.state, COMMITTEE_STORAGE, ID);
    chain.nextBlock(7n);
    expect(resumeRuntime(chain.state, ID)).toBe(true);
    electStorage([s1, s2, s3]);
    chain.nextBlock(8n);
    expect(lastType()).toBe(HEADER_EPOCH_TRANSITION);
    expect(chain.runtimeState().suspended).toBe(false);
    expect(send(commit(b, [s1, s2]))).toBe("ok");
  });

  it("does not ask for a storage committee before its first epoch, after opting out, or without the extension", () => {
    committees.remove(chain.state, COMMITTEE_STORAGE, ID);
    for (const descriptor of [withReceipts({ validFrom: 7n }), runtime()]) {
      setRuntime(chain.state, descriptor, false);
      chain.nextBlock(chain.epoch + 1n);
      expect(lastType()).toBe(HEADER_EPOCH_TRANSITION);
      expect(send(commit(b, []))).toBe("ok");
    }
    setRuntime(chain.state, withReceipts(), false);
    setGate(false);
    chain.nextBlock(chain.epoch + 1n);
    expect(lastType()).toBe(HEADER_EPOCH_TRANSITION);
  });

  it("judges by the descriptor of the epoch, not by one that was registered since", () => {
    setRuntime(chain.state, runtime(), false);
    expect(send(commit(b, []))).toBe("roothash/commitment/14");
    setRuntime(chain.state, withReceipts({ minWriteReplication: 3 }), false);
    expect(send(commit(b, [s1, s2]))).toBe("ok");
  });

  it("leaves receipts of another runtime's committee aside", () => {
    const elected = { ...committee([s4]), kind: COMMITTEE_STORAGE };
    committees.set(chain.state, [COMMITTEE_STORAGE, namespace("other")], elected);
    expect(send(commit(b, [s3, s4]))).toBe("roothash/commitment/14");
  });
});
