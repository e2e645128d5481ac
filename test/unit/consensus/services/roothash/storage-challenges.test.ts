import { beforeEach, describe, expect, it } from "vitest";
import { addressFromPublicKey, moduleAddress, runtimeAddress } from "#common/address.js";
import { compareBytes, utf8 } from "#common/bytes.js";
import type { KeyedSignature, MemorySigner } from "#common/crypto/signature.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { processTransaction, Router } from "#consensus/app/execute.js";
import { RegistryParameters, registryParameters } from "#consensus/services/registry/params.js";
import { getNode, getNodeStatus, removeNode, setRuntime } from "#consensus/services/registry/state.js";
import type {
  Runtime,
  StorageChallengeParameters,
  StorageCommitteeParameters,
} from "#consensus/services/registry/types/runtime.js";
import { genesis } from "#consensus/services/roothash/genesis.js";
import { roothash } from "#consensus/services/roothash/index.js";
import { messages as subscriptions } from "#consensus/services/roothash/messages.js";
import { runtimeUpdated } from "#consensus/services/registry/events.js";
import { challengeKey } from "#consensus/services/roothash/logic/challenge.js";
import { signReceipt } from "#consensus/services/roothash/logic/receipt.js";
import { RootHashGenesis, RootHashParameters, rootHashParameters } from "#consensus/services/roothash/params.js";
import { storageChallenges, toGenesis } from "#consensus/services/roothash/queries.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { addChallenge, challengesDue, getChallenge } from "#consensus/services/roothash/state/challenges.js";
import { setRuntimeState } from "#consensus/services/roothash/state.js";
import { ExecutorCommit } from "#consensus/services/roothash/types.js";
import {
  challengeId,
  type OpenChallenge,
  StorageChallenge,
  StorageResponse,
} from "#consensus/services/roothash/types/challenges.js";
import { committees } from "#consensus/services/scheduler/state.js";
import { COMMITTEE_STORAGE } from "#consensus/services/scheduler/types.js";
import { commonPool, getAccount, setAccount } from "#consensus/services/staking/state/index.js";
import { parameters as stakingParameters } from "#consensus/services/staking/params.js";
import { StakingGenesis } from "#consensus/services/staking/types/genesis.js";
import { type Slash, SLASH_RUNTIME_STORAGE_UNAVAILABLE } from "#consensus/services/staking/types/thresholds.js";
import { LimitedGas } from "#consensus/transaction/gas.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { Proof, PROOF_V1 } from "#mkvs/proof/proof.js";
import { Tree } from "#mkvs/tree/tree.js";
import { proveChallenge } from "#worker/storage/challenges/answer.js";
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
  signer,
} from "./support.ts";

const ID = namespace("runtime");
const [a, b, user] = [signer("a"), signer("b"), signer("user")] as const;
const nodes = ["s1", "s2", "s3"].map(signer).sort((x, y) => compareBytes(x.publicKey, y.publicKey));
const [s1, s2] = nodes as [MemorySigner, MemorySigner, MemorySigner];
/** Entity of the first storage node. */
const keeper = signer("keeper of s1");
const USER = addressFromPublicKey(user.publicKey);
/** Keeps the deposits of open challenges. */
const DEPOSITS = moduleAddress("roothash", "storage-challenges");
const KEEPER = addressFromPublicKey(keeper.publicKey);

const RULES: StorageChallengeParameters = { deposit: 40n, responseBlocks: 10n, maxAgeRounds: 3n };
const LIMITS: StorageCommitteeParameters = {
  validFrom: 0n,
  groupSize: 3,
  minWriteReplication: 2,
  maxApplyOps: 2n,
  maxApplyWriteLogEntries: 100n,
};

let chain: Chain;
let db: MemoryNodeDb;
let stateRoot: Uint8Array;

function setGate(on: boolean): void {
  registryParameters.set(chain.state, { ...RegistryParameters.zero(), enableStorageCommittees: on });
}

function descriptor(challenge: StorageChallengeParameters | undefined = RULES, penalty = 100n): Runtime {
  const plain = runtime();
  const slash: Slash = { amount: penalty, freezeInterval: 4n };
  const slashing = SortedMap.int<number, Slash>().set(SLASH_RUNTIME_STORAGE_UNAVAILABLE, slash);
  return {
    ...plain,
    storage: { ...plain.storage, committee: { ...LIMITS, challenge } },
    staking: { ...plain.staking, slashing, rewardEquivocation: 25 },
  };
}

/** The state of round 2, in a database of its own; all keys begin alike, as those of runtimes do. */
function makeState(): void {
  db = new MemoryNodeDb(ID);
  const tree = new Tree({ db, type: ROOT_STATE });
  for (let i = 0; i < 200; i++) tree.insert(utf8(`accounts/${i}`), hash(utf8(`value ${i}`)));
  stateRoot = tree.commit(ID, 2n).hash;
  db.finalize([{ namespace: ID, version: 2n, type: ROOT_STATE, hash: stateRoot }]);
}

/** Runs a round that ends with that state. */
function finalize(): void {
  for (const key of [b, a]) {
    const plain = commitment(chain.runtimeState(), key, b, { stateRoot });
    const { round } = plain.header.header;
    const subject = { namespace: ID, round, ioRoot: EMPTY_HASH, stateRoot };
    const storageSigs = [s1, s2].map((node) => signReceipt(node, CHAIN_CONTEXT, subject));
    run(
      chain.context("deliverTx", user),
      "ExecutorCommit",
      ExecutorCommit.encode({ id: ID, commits: [{ ...plain, storageSigs }] }),
    );
  }
  chain.endBlock();
}

function start(of = descriptor()): void {
  chain = new Chain({ maxPastRootsStored: 10n });
  setGate(true);
  const gasCosts = RootHashParameters.zero().gasCosts.set("storage_challenge", 7n).set("storage_response", 9n);
  rootHashParameters.set(chain.state, { ...rootHashParameters.load(chain.state), gasCosts });
  for (const key of [a, b, ...nodes.slice(1)]) chain.addNode(key);
  chain.addNode(s1, keeper);
  chain.fund(USER, 100n);
  chain.fund(KEEPER, 5n, 1000n);
  committees.set(chain.state, [COMMITTEE_STORAGE, ID], { ...committee(nodes), kind: COMMITTEE_STORAGE });
  chain.start(of, committee([b, a]));
  finalize();
  expect(chain.runtimeState().lastBlock?.header.round).toBe(2n);
}

beforeEach(() => {
  makeState();
  start();
});

function receipt(node = s1, round = 2n): KeyedSignature {
  return signReceipt(node, CHAIN_CONTEXT, { namespace: ID, round, ioRoot: EMPTY_HASH, stateRoot });
}

function challenge(changes: Partial<StorageChallenge> = {}): StorageChallenge {
  const { publicKey: node, signature } = receipt();
  return { id: ID, node, round: 2n, rootType: ROOT_STATE, signature, ...changes };
}

interface Outcome {
  readonly said: string;
  readonly used: bigint;
  readonly kinds: string[];
}

function call(method: string, body: Uint8Array, key = user): Outcome {
  const ctx = chain.context("deliverTx", key, new LimitedGas(1000n));
  const said = answer(() => run(ctx, method, body));
  return { said, used: ctx.gas.used, kinds: kinds(ctx) };
}

function ask(changes: Partial<StorageChallenge> = {}): Outcome {
  return call("StorageChallenge", StorageChallenge.encode(challenge(changes)));
}

function respond(changes: Partial<StorageResponse> = {}): Outcome {
  const open = opened();
  const proof = changes.proof ?? proveChallenge(db, open) ?? Proof.zero();
  return call(
    "StorageResponse",
    StorageResponse.encode({ id: ID, challenge: challengeId(open), ...changes, proof }),
    s2,
  );
}

function opened(): OpenChallenge {
  const [open] = storageChallenges(chain.state, ID);
  if (open === undefined) throw new TypeError("no challenge is open");
  return open;
}

/** Makes so many blocks. @returns kinds of events of the last one */
function blocks(count: number): string[] {
  let last: string[] = [];
  for (let i = 0; i < count; i++) last = [...kinds(chain.nextBlock()), ...kinds(chain.endBlock())];
  return last;
}

const escrowOf = (address: Uint8Array): bigint => getAccount(chain.state, address).escrow.active.balance;

describe("roothash.StorageChallenge", () => {
  it("roothash.StorageChallenge takes the deposit, and the block after it draws a key", () => {
    expect(ask()).toEqual({ said: "ok", used: 7n, kinds: ["transfer", "storage_challenged"] });
    expect(chain.balance(USER)).toBe(60n);
    const { height } = chain;
    expect(opened()).toMatchObject({ deadline: height + 10n, key: undefined, root: stateRoot, deposit: 40n });
    expect(opened()).toMatchObject({ challenger: USER, entityId: keeper.publicKey, responseBlocks: 10n });
    const ctx = chain.nextBlock();
    expect(kinds(ctx)).toEqual(["storage_challenge_drawn"]);
    const { key } = opened();
    expect(key?.length).toBe(32);
    expect(challengesDue(chain.state, height + 1n)).toEqual([]);
    const event = readRuntimeEvent(ctx.emitted[0] as never, chain.height, EMPTY_HASH);
    expect(event?.storageChallengeDrawn).toEqual({ challenge: challengeId(opened()), key });
    expect(challengeKey(new Uint8Array(32), challengeId(opened()))).not.toEqual(key);
  });

  it("is an unknown method on a chain without storage committees, as is the answer", () => {
    const router = new Router([roothash]);
    const send = (method: string): string => {
      const ctx = chain.context("deliverTx", user);
      const tx = { nonce: 0n, fee: undefined, method, body: StorageChallenge.encode(challenge()) };
      return answer(() => processTransaction(ctx, router, tx as never, 100));
    };
    expect(send("roothash.StorageChallenge")).toBe("ok");
    setGate(false);
    for (const method of ["roothash.StorageChallenge", "roothash.StorageResponse", "roothash.Nonsense"]) {
      expect(send(method)).toBe("unknown/1");
    }
  });

  it("needs a body that decodes and a kind of tree that there is, before any gas", () => {
    expect(call("StorageChallenge", Uint8Array.of(0x01))).toMatchObject({ said: "roothash/1", used: 0n });
    for (const rootType of [0, 3]) expect(ask({ rootType })).toMatchObject({ said: "roothash/1", used: 0n });
  });

  it("needs a runtime that is running and takes challenges", () => {
    expect(ask({ id: namespace("nowhere") }).said).toBe("roothash/3");
    const none = descriptor();
    start({ ...none, storage: { ...none.storage, committee: LIMITS } });
    expect(ask().said).toBe("roothash/storage/1");
    const later = descriptor();
    start({ ...later, storage: { ...later.storage, committee: { ...LIMITS, challenge: RULES } } });
    const value = chain.runtimeState();
    setRuntimeState(chain.state, { ...value, runtime: { ...runtime(), staking: later.staking } });
    expect(ask().said).toBe("roothash/storage/1");
    setRuntimeState(chain.state, { ...value, suspended: true });
    expect(ask().said).toBe("roothash/5");
  });

  it("needs a runtime that slashes for it", () => {
    start(descriptor(RULES, 0n));
    expect(ask().said).toBe("roothash/8");
  });

  it("needs a node that is registered", () => {
    const node = getNode(chain.state, s1.publicKey);
    if (node !== undefined) removeNode(chain.state, node);
    expect(ask().said).toBe("roothash/storage/2");
  });

  it("needs a final round that is not too old", () => {
    expect(ask({ round: 3n, signature: receipt(s1, 3n).signature }).said).toBe("roothash/storage/3");
    for (let i = 0; i < 3; i++) finalize();
    expect(ask().said).toBe("ok");
    finalize();
    expect(ask({ node: s2.publicKey, signature: receipt(s2).signature }).said).toBe("roothash/storage/3");
    rootHashParameters.set(chain.state, { ...rootHashParameters.load(chain.state), maxPastRootsStored: 1n });
    finalize();
    expect(ask({ round: 6n, signature: receipt(s1, 6n).signature }).said).toBe("roothash/storage/3");
  });

  it("needs a tree with something in it", () => {
    expect(ask({ rootType: ROOT_IO }).said).toBe("roothash/storage/4");
  });

  it("needs a receipt of that node, for that round, on that chain", () => {
    expect(ask({ signature: receipt(s2).signature }).said).toBe("roothash/storage/5");
    expect(ask({ signature: receipt(s1, 1n).signature }).said).toBe("roothash/storage/5");
    expect(ask({ signature: new Uint8Array(64) }).said).toBe("roothash/storage/5");
    const subject = { namespace: ID, round: 2n, ioRoot: EMPTY_HASH, stateRoot };
    expect(ask({ signature: signReceipt(s1, "cd".repeat(32), subject).signature }).said).toBe("roothash/storage/5");
    const other = { ...subject, namespace: namespace("other") };
    expect(ask({ signature: signReceipt(s1, CHAIN_CONTEXT, other).signature }).said).toBe("roothash/storage/5");
    expect(chain.balance(USER)).toBe(100n);
  });

  it("is refused while the node is being asked the same, also by somebody else", () => {
    expect(ask().said).toBe("ok");
    expect(ask().said).toBe("roothash/storage/6");
    expect(call("StorageChallenge", StorageChallenge.encode(challenge()), a).said).toBe("roothash/storage/6");
    expect(ask({ node: s2.publicKey, signature: receipt(s2).signature }).said).toBe("ok");
    blocks(1);
    for (let i = 0; i < 2; i++) expect(respond().said).toBe("ok");
    chain.fund(USER, 40n);
    expect(ask().said).toBe("ok");
  });

  it("needs the deposit, and what an account has to keep", () => {
    expect(call("StorageChallenge", StorageChallenge.encode(challenge()), a).said).toBe("staking/3");
    stakingParameters.set(chain.state, { ...stakingParameters.load(chain.state), minTransactBalance: 61n });
    expect(ask().said).toBe("staking/10");
    stakingParameters.set(chain.state, { ...stakingParameters.load(chain.state), minTransactBalance: 60n });
    // The account of deposits itself may hold less than that, and pays all the same.
    expect(ask().said).toBe("ok");
    blocks(1);
    expect(respond().said).toBe("ok");
    expect(chain.balance(KEEPER)).toBe(45n);
  });
});

describe("roothash.StorageResponse", () => {
  beforeEach(() => {
    expect(ask().said).toBe("ok");
  });

  it("roothash.StorageResponse brings the deposit to the node's entity, whoever sends it", () => {
    blocks(1);
    expect(respond()).toEqual({ said: "ok", used: 9n, kinds: ["transfer", "storage_challenge_answered"] });
    expect([chain.balance(KEEPER), chain.balance(USER)]).toEqual([45n, 60n]);
    expect(storageChallenges(chain.state, ID)).toEqual([]);
    for (let i = 0; i < 12; i++) expect(blocks(1)).toEqual([]);
    expect(escrowOf(KEEPER)).toBe(1000n);
  });

  it("answers each key with the leaf that it leads to, and only with that", () => {
    const found = new Set<string>();
    const other = proofFor(new Uint8Array(32));
    for (let i = 0; i < 40; i++) {
      const key = hash(utf8(`key ${i}`));
      const proof = proofFor(key);
      found.add(
        String(proof.entries.length) + String(proof.entries.findLast((entry) => entry !== null && entry[0] === 1)),
      );
      setKey(key);
      const wrong = Proof.equals(proof, other) ? "ok" : "roothash/storage/8";
      expect(answerOnly(other)).toBe(wrong);
      expect(answerOnly(proof)).toBe("ok");
    }
    // Keys lead to many places although all keys of the state begin alike.
    expect(found.size).toBeGreaterThan(20);
  });

  it("is refused when nothing of the kind was asked, or not any more", () => {
    blocks(1);
    expect(respond({ challenge: new Uint8Array(32) }).said).toBe("roothash/storage/7");
    expect(respond({ id: namespace("other") }).said).toBe("roothash/storage/7");
    const body = StorageResponse.encode({ id: ID, challenge: challengeId(opened()), proof: Proof.zero() });
    expect(respond().said).toBe("ok");
    expect(call("StorageResponse", body)).toMatchObject({ said: "roothash/storage/7", used: 9n });
    expect(call("StorageResponse", Uint8Array.of(0x01))).toMatchObject({ said: "roothash/1", used: 0n });
  });

  it("is refused with a proof that is early, empty, damaged, cut short, of another tree or of another place", () => {
    const early = StorageResponse.encode({
      id: ID,
      challenge: challengeId(opened()),
      proof: proofFor(new Uint8Array(32)),
    });
    expect(call("StorageResponse", early).said).toBe("roothash/storage/8");
    blocks(1);
    const good = proveChallenge(db, opened());
    if (good === undefined) throw new TypeError("the key was drawn");
    const bad = (changes: Partial<Proof>): string => respond({ proof: { ...good, ...changes } }).said;
    expect(bad({ entries: [] })).toBe("roothash/storage/8");
    expect(bad({ v: 7 })).toBe("roothash/storage/8");
    expect(bad({ entries: good.entries.slice(0, -1) })).toBe("roothash/storage/8");
    expect(bad({ untrustedRoot: EMPTY_HASH })).toBe("roothash/storage/8");
    // The root of the tree is all that whoever lost the rest has.
    const stub = Uint8Array.of(2, ...stateRoot);
    expect(bad({ entries: [stub] })).toBe("roothash/storage/8");
    const first = good.entries[0];
    if (first === null || first === undefined) throw new TypeError("a proof begins with a node");
    const damaged = first.slice();
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    expect(bad({ entries: [damaged, ...good.entries.slice(1)] })).toBe("roothash/storage/8");
    expect(bad({})).toBe("ok");
  });

  it("counts in the last block of its time, whatever has become of the runtime", () => {
    setRuntime(chain.state, runtime(), true);
    setRuntimeState(chain.state, { ...chain.runtimeState(), suspended: true });
    blocks(9);
    chain.nextBlock();
    expect(respond().said).toBe("ok");
    expect(kinds(chain.endBlock())).toEqual([]);
  });
});

function proofFor(key: Uint8Array): Proof {
  const proof = proveChallenge(db, { ...opened(), key });
  if (proof === undefined) throw new TypeError("nothing to prove");
  return proof;
}

let chosen = new Uint8Array(32);
function setKey(key: Uint8Array): void {
  chosen = key as Uint8Array<ArrayBuffer>;
}

/** What a proof would be answered if the key were another one; nothing changes. */
function answerOnly(proof: Proof): string {
  const open = { ...opened(), key: chosen };
  const aside = new Chain({ maxPastRootsStored: 10n });
  const before = chain;
  const id = challengeId(open);
  try {
    chain = aside;
    setGate(true);
    addChallenge(chain.state, open, chain.height);
    chain.fund(DEPOSITS, 40n);
    const body = StorageResponse.encode({ id: ID, challenge: id, proof: { ...proof, v: PROOF_V1 } });
    return call("StorageResponse", body).said;
  } finally {
    chain = before;
  }
}

describe("a challenge without an answer", () => {
  it("costs the node's entity stake, freezes the node and pays who asked and the runtime", () => {
    expect(ask().said).toBe("ok");
    blocks(9);
    expect(escrowOf(KEEPER)).toBe(1000n);
    const last = blocks(1);
    expect(last).toContain("storage_unavailable");
    expect(last).toContain("take_escrow");
    expect(escrowOf(KEEPER)).toBe(900n);
    expect(chain.balance(runtimeAddress(ID))).toBe(25n);
    expect([chain.balance(USER), escrowOf(USER)]).toEqual([100n, 75n]);
    expect(getNodeStatus(chain.state, s1.publicKey)?.freezeEndTime).toBe(chain.epoch + 4n);
    expect(getNodeStatus(chain.state, s2.publicKey)?.freezeEndTime).toBe(0n);
    expect(storageChallenges(chain.state, ID)).toEqual([]);
    const late = StorageResponse.encode({ id: ID, challenge: challengeId(challenge()), proof: Proof.zero() });
    expect(call("StorageResponse", late).said).toBe("roothash/storage/7");
  });

  it("finds the entity of a node that has left, and stake that is gone", () => {
    expect(ask().said).toBe("ok");
    const node = getNode(chain.state, s1.publicKey);
    if (node !== undefined) removeNode(chain.state, node);
    blocks(10);
    expect(escrowOf(KEEPER)).toBe(900n);
    expect(ask({ node: s2.publicKey, signature: receipt(s2).signature }).said).toBe("ok");
    expect(blocks(10)).toContain("storage_unavailable");
    expect(chain.balance(USER)).toBe(100n);
  });

  it("ends even if the account of who asked cannot take its part, which stays in the common pool then", () => {
    // All of its stake was slashed once, but not its shares; and its commission is everything.
    const account = getAccount(chain.state, USER);
    account.escrow.active.totalShares = 10n;
    account.escrow.commissionSchedule.rates = [{ start: 0n, rate: 100_000n }];
    setAccount(chain.state, USER, account);
    expect(ask().said).toBe("ok");
    expect(blocks(10)).toContain("storage_unavailable");
    expect([chain.balance(USER), escrowOf(USER), escrowOf(KEEPER)]).toEqual([100n, 0n, 900n]);
    expect(commonPool.get(chain.state)).toBe(100n);
  });

  it("of several at once hits each node", () => {
    expect(ask().said).toBe("ok");
    expect(ask({ node: s2.publicKey, signature: receipt(s2).signature }).said).toBe("ok");
    expect(blocks(10).filter((kind) => kind === "storage_unavailable")).toHaveLength(2);
  });

  it("is let go of, with the deposit, when the chain has no storage committees any more", () => {
    expect(ask().said).toBe("ok");
    setGate(false);
    expect(blocks(10)).toEqual(["transfer"]);
    expect([chain.balance(USER), escrowOf(KEEPER)]).toEqual([100n, 1000n]);
    expect(getNodeStatus(chain.state, s1.publicKey)?.freezeEndTime).toBe(0n);
    expect(storageChallenges(chain.state, ID)).toEqual([]);
  });
});

describe("open challenges in a genesis document", () => {
  it("begin anew with the chain", () => {
    expect(ask().said).toBe("ok");
    blocks(3);
    const exported = RootHashGenesis.fromJson(RootHashGenesis.toJson(toGenesis(chain.state)));
    expect(exported.storageChallenges).toHaveLength(1);
    expect(exported.storageChallenges?.[0]?.key).toBeUndefined();
    const next = new Chain();
    chain = next;
    setGate(true);
    next.height = 500n;
    genesis.initChain(
      next.context("initChain"),
      { ...exported, runtimeStates: SortedMap.bytes() },
      {
        height: 500n,
        validators: [],
        section: () => undefined,
      },
    );
    expect(opened()).toMatchObject({ deadline: 510n, key: undefined });
    expect(challengesDue(next.state, 501n)).toHaveLength(1);
    blocks(1);
    expect(opened().key?.length).toBe(32);
    expect(getChallenge(next.state, ID, challengeId(opened()))?.deadline).toBe(510n);
  });

  it("need a runtime, time, and their deposits", () => {
    const staking = StakingGenesis.zero();
    const refusals = (storageChallenges: OpenChallenge[], runtimes = true): string[] => {
      const found: string[] = [];
      const runtimeStates = SortedMap.bytes<{ stateRoot: Uint8Array; round: bigint; messageResults: [] } | null>();
      if (runtimes) runtimeStates.set(ID, { stateRoot, round: 2n, messageResults: [] });
      genesis.check?.(
        { params: rootHashParameters.load(chain.state), runtimeStates, storageChallenges },
        {
          baseEpoch: 0n,
          debug: chain.debug,
          publicKeyBlacklist: [],
          section: () => staking,
          refuse: (field) => found.push(field),
          attempt: (_field, body) => body(),
        },
      );
      return found;
    };
    expect(ask().said).toBe("ok");
    const open = opened();
    expect(refusals([])).toEqual([]);
    expect(refusals([open])).toEqual(["storage_challenges"]);
    staking.ledger.set(DEPOSITS, getAccount(chain.state, DEPOSITS));
    expect(refusals([open])).toEqual([]);
    expect(refusals([{ ...open, responseBlocks: 0n }], false)).toEqual([
      "storage_challenges[0]",
      "storage_challenges[0]",
    ]);
  });
});

describe("a descriptor with challenges", () => {
  it("may not ask for rounds of which the network keeps no roots", () => {
    const check = subscriptions.find(({ topic }) => (topic as unknown) === runtimeUpdated);
    const update = (maxAgeRounds: bigint): string =>
      answer(() => check?.handle(chain.context("deliverTx"), descriptor({ ...RULES, maxAgeRounds })));
    expect(update(10n)).toBe("ok");
    expect(update(11n)).toBe("roothash/1");
  });
});
