import { describe, expect, it } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { LimitedGas } from "#consensus/transaction/gas.js";
import { setRuntime } from "#consensus/services/registry/state.js";
import { GOVERNANCE_CONSENSUS, RUNTIME_KEY_MANAGER } from "#consensus/services/registry/types/runtime.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { rootHashParameters } from "#consensus/services/roothash/params.js";
import * as queries from "#consensus/services/roothash/queries.js";
import {
  ExecutorCommit,
  type ExecutorCommitment,
  HEADER_EPOCH_TRANSITION,
  HEADER_NORMAL,
  HEADER_ROUND_FAILED,
  HEADER_SUSPENDED,
  incomingMessagesHash,
  type Message,
  SubmitMessage,
} from "#consensus/services/roothash/types.js";
import { parameters as stakingParameters } from "#consensus/services/staking/params.js";
import { addStakeClaim, getAccount, setAccount } from "#consensus/services/staking/state/index.js";
import { constantThreshold, StakeAccumulator } from "#consensus/services/staking/types/index.js";
import {
  answer,
  Chain,
  commitment,
  committee,
  kinds,
  namespace,
  owner,
  run,
  runtime,
  runtimeAccount,
  signer,
} from "./support.ts";

const [a, b, backup, user] = [signer("a"), signer("b"), signer("backup"), signer("user")] as const;
const ID = namespace("runtime");

function started(changes: Parameters<typeof runtime>[0] = {}): Chain {
  const chain = new Chain();
  for (const key of [a, b, backup]) chain.addNode(key);
  chain.start(runtime(changes), committee([a, b], [backup]));
  return chain;
}

function commit(chain: Chain, ...commits: ExecutorCommitment[]): ReturnType<Chain["context"]> {
  const ctx = chain.context("deliverTx", a);
  run(ctx, "ExecutorCommit", ExecutorCommit.encode({ id: ID, commits }));
  return ctx;
}

function transferTo(key: { publicKey: Uint8Array }, amount: bigint): Message {
  return { staking: { v: 0, transfer: { to: addressFromPublicKey(key.publicKey), amount } } };
}

/** The scheduler of the next round and the other worker. */
function turns(chain: Chain): [typeof a, typeof a] {
  const round = (chain.runtimeState().lastBlock?.header.round ?? 0n) + 1n;
  return round % 2n === 0n ? [a, b] : [b, a];
}

describe("a round", () => {
  it("becomes a normal block when all workers agree", () => {
    const chain = started();
    const [scheduler, worker] = turns(chain);
    const value = chain.runtimeState();
    const ctx = commit(chain, commitment(value, scheduler, scheduler), commitment(value, worker, scheduler));
    expect(kinds(ctx)).toEqual(["executor_commit", "executor_commit"]);
    const end = chain.endBlock();
    expect(kinds(end)).toEqual(["finalized"]);
    const event = readRuntimeEvent(end.emitted[0] as never, chain.height, new Uint8Array(32));
    expect(event?.runtimeId).toEqual(ID);
    expect(event?.finalized).toEqual({ round: 2n });
    const block = queries.latestBlock(chain.state, ID);
    expect(block?.header.headerType).toBe(HEADER_NORMAL);
    expect(block?.header.stateRoot).toEqual(new Uint8Array(32).fill(7));
    expect(block?.header.timestamp).toBe(1000n + chain.height);
    const results = queries.lastRoundResults(chain.state, ID);
    expect(results.goodComputeEntities).toEqual([a.publicKey, b.publicKey]);
    expect(queries.runtimeState(chain.state, ID)).toMatchObject({ lastNormalRound: 2n, nextTimeout: 0n });
  });

  it("waits while a worker is missing, and asks the backup workers when the time is up", () => {
    const chain = started();
    const [scheduler] = turns(chain);
    const value = chain.runtimeState();
    commit(chain, commitment(value, scheduler, scheduler), commitment(value, backup, scheduler));
    expect(kinds(chain.endBlock())).toEqual([]);
    for (let i = 0; i < 4; i++) {
      chain.nextBlock();
      expect(kinds(chain.endBlock())).toEqual([]);
    }
    chain.nextBlock();
    // The backup worker has voted before: the resolution ends in the same block.
    expect(kinds(chain.endBlock())).toEqual(["execution_discrepancy", "finalized"]);
    expect(queries.latestBlock(chain.state, ID)?.header.headerType).toBe(HEADER_NORMAL);
  });

  it("fails when the time for resolution is up, one and a half times that of a round", () => {
    const chain = started();
    const [scheduler, worker] = turns(chain);
    const value = chain.runtimeState();
    const other = { stateRoot: new Uint8Array(32).fill(9) };
    commit(chain, commitment(value, scheduler, scheduler), commitment(value, worker, scheduler, other));
    expect(kinds(chain.endBlock())).toEqual(["execution_discrepancy"]);
    expect(chain.runtimeState().nextTimeout).toBe(chain.height + 7n);
    for (let i = 0; i < 7; i++) chain.nextBlock();
    expect(kinds(chain.endBlock())).toEqual(["finalized"]);
    expect(queries.latestBlock(chain.state, ID)?.header.headerType).toBe(HEADER_ROUND_FAILED);
    const statistics = chain.runtimeState().livenessStatistics;
    expect(statistics?.totalRounds).toBe(0n);
    expect(statistics?.missedProposals?.[scheduler === a ? 0 : 1]).toBe(1n);
  });

  it("carries messages out one by one and goes on after one that fails", () => {
    const chain = started();
    chain.fund(runtimeAccount, 100n);
    const [scheduler, worker] = turns(chain);
    const messages: Message[] = [
      transferTo(user, 60n),
      transferTo(user, 60n),
      { governance: { v: 0, castVote: { id: 1n, vote: 1 } } },
      transferTo(user, 1n),
    ];
    const value = chain.runtimeState();
    commit(
      chain,
      commitment(value, scheduler, scheduler, { messages }),
      commitment(value, worker, scheduler, { messages }),
    );
    chain.endBlock();
    expect(chain.balance(addressFromPublicKey(user.publicKey))).toBe(61n);
    const outcomes = queries.lastRoundResults(chain.state, ID).messages;
    expect(outcomes.map((m) => `${m?.module}/${m?.code}`)).toEqual(["/0", "unknown/1", "roothash/1", "/0"]);
    expect(outcomes.map((m) => m?.index)).toEqual([0, 1, 2, 3]);
  });

  it("is decided for each runtime in the order of identifiers", () => {
    const chain = new Chain();
    chain.addNode(a);
    const ids = ["1", "2", "3", "4"].map((name) => namespace(name));
    for (const id of ids) chain.start(runtime({ id }), committee([a], [], id));
    for (const id of [...ids].reverse()) {
      const commits = [commitment(chain.runtimeState(id), a, a)];
      run(chain.context("deliverTx", a), "ExecutorCommit", ExecutorCommit.encode({ id, commits }));
    }
    const order = chain.endBlock().emitted.map((e) => readRuntimeEvent(e, 0n, new Uint8Array(32))?.runtimeId);
    expect(order).toEqual(ids);
  });
});

describe("gas of a commitment", () => {
  const limit = (chain: Chain, gas: LimitedGas, messages: Message[]): string => {
    const [scheduler] = turns(chain);
    const commits = [commitment(chain.runtimeState(), scheduler, scheduler, { messages })];
    const ctx = chain.context("deliverTx", a, gas);
    return answer(() => run(ctx, "ExecutorCommit", ExecutorCommit.encode({ id: ID, commits })));
  };
  const priced = (): Chain => {
    const chain = started();
    const params = rootHashParameters.load(chain.state);
    const costs = params.gasCosts.clone().set("compute_commit", 10n);
    rootHashParameters.set(chain.state, { ...params, gasCosts: costs });
    const prices = stakingParameters.load(chain.state);
    stakingParameters.set(chain.state, { ...prices, gasCosts: prices.gasCosts.clone().set("transfer", 5n) });
    return chain;
  };

  it("includes that of its messages, which are not carried out yet", () => {
    const chain = priced();
    const gas = new LimitedGas(1000n);
    const before = chain.state.rootHash();
    chain.fund(runtimeAccount, 10n);
    expect(limit(chain, gas, [transferTo(user, 1n), transferTo(user, 1n)])).toBe("ok");
    expect(gas.used).toBe(20n);
    expect(chain.balance(addressFromPublicKey(user.publicKey))).toBe(0n);
    expect(chain.state.rootHash()).not.toEqual(before);
  });

  it("may run out in the messages, which then are free and do no harm", () => {
    const gas = new LimitedGas(17n);
    expect(limit(priced(), gas, [transferTo(user, 1n), transferTo(user, 1n)])).toBe("ok");
    expect(gas.used).toBe(15n);
  });

  it("runs out before anything else is looked at", () => {
    expect(limit(priced(), new LimitedGas(9n), [])).toBe("unknown/1");
  });

  it("is estimated without any write", () => {
    const chain = priced();
    const [scheduler] = turns(chain);
    const before = chain.state.rootHash();
    const gas = new LimitedGas(1000n);
    const ctx = chain.context("simulate", a, gas);
    const commits = [commitment(chain.runtimeState(), scheduler, scheduler)];
    run(ctx, "ExecutorCommit", ExecutorCommit.encode({ id: ID, commits }));
    expect(gas.used).toBe(10n);
    expect(chain.state.rootHash()).toEqual(before);
  });
});

describe("access to a runtime", () => {
  const body = (id: Uint8Array): Uint8Array => SubmitMessage.encode({ ...SubmitMessage.zero(), id });

  it("is refused for one that is unknown, waits for its first committee or takes no messages", () => {
    const chain = started();
    const submit = (id: Uint8Array): string =>
      answer(() => run(chain.context("deliverTx", user), "SubmitMsg", body(id)));
    expect(submit(namespace("nobody"))).toBe("roothash/3");
    chain.register(runtime({ id: namespace("new") }));
    expect(submit(namespace("new"))).toBe("roothash/5");
    expect(submit(ID)).toBe("roothash/11");
    expect(answer(() => run(chain.context("deliverTx", user), "SubmitMsg", Uint8Array.of(0x01)))).toBe("roothash/1");
  });
});

describe("messages to a runtime", () => {
  const withQueue = (): Chain => {
    const base = runtime();
    const chain = started({ txnScheduler: { ...base.txnScheduler, maxInMessages: 2 } });
    chain.fund(addressFromPublicKey(user.publicKey), 100n);
    return chain;
  };
  const submit = (chain: Chain, tokens: bigint): string => {
    const body = SubmitMessage.encode({ id: ID, tag: 3n, fee: 1n, tokens, data: Uint8Array.of(1, 2) });
    return answer(() => run(chain.context("deliverTx", user), "SubmitMsg", body));
  };

  it("wait in a queue of limited length; what does not fit leaves no trace", () => {
    const chain = withQueue();
    expect([submit(chain, 5n), submit(chain, 500n), submit(chain, 6n), submit(chain, 7n)]).toEqual([
      "ok",
      "staking/3",
      "ok",
      "roothash/11",
    ]);
    expect(queries.incomingQueueMeta(chain.state, ID)).toEqual({ size: 2, nextSequenceNumber: 2n });
    expect(queries.incomingQueue(chain.state, ID, 0n, 0)?.map((m) => m.tokens)).toEqual([5n, 6n]);
    expect(queries.incomingQueue(chain.state, ID, 1n, 1)?.map((m) => m.id)).toEqual([1n]);
    expect(queries.incomingQueue(chain.state, ID, 2n, 0)).toBeNull();
    expect(chain.balance(runtimeAccount)).toBe(13n);
  });

  it("leave the queue with the round that processed them", () => {
    const chain = withQueue();
    submit(chain, 5n);
    submit(chain, 6n);
    const first = queries.incomingQueue(chain.state, ID, 0n, 1) ?? [];
    const saying = { inMessagesCount: 1, inMessagesHash: incomingMessagesHash(first) };
    const [scheduler, worker] = turns(chain);
    const value = chain.runtimeState();
    commit(chain, commitment(value, scheduler, scheduler, saying), commitment(value, worker, scheduler, saying));
    expect(kinds(chain.endBlock())).toEqual(["in_msg_processed", "finalized"]);
    expect(queries.incomingQueueMeta(chain.state, ID)).toEqual({ size: 1, nextSequenceNumber: 2n });
  });
});

describe("a change of epoch", () => {
  it("gives a runtime its committee with an empty block", () => {
    const chain = started();
    expect(chain.runtimeState()).toMatchObject({ suspended: false, lastNormalRound: 0n });
    expect(queries.latestBlock(chain.state, ID)?.header.headerType).toBe(HEADER_EPOCH_TRANSITION);
    expect(queries.firstBlock(chain.state, ID)?.header.headerType).toBe(HEADER_NORMAL);
  });

  it("suspends a runtime whose owner lost the stake for it", () => {
    const chain = started();
    const address = addressFromPublicKey(owner.publicKey);
    chain.fund(address, 0n, 10n);
    addStakeClaim(chain.context("deliverTx"), address, "claim", [constantThreshold(10n)]);
    expect(kinds(chain.nextBlock(7n))).toEqual(["finalized"]);
    const account = getAccount(chain.state, address);
    account.escrow.active.balance = 9n;
    setAccount(chain.state, address, account);
    expect(kinds(chain.nextBlock(8n))).toEqual(["runtime_suspended", "finalized"]);
    const value = chain.runtimeState();
    expect(value.lastBlock?.header.headerType).toBe(HEADER_SUSPENDED);
    expect([value.suspended, value.committee, value.commitmentPool]).toEqual([true, undefined, undefined]);
    expect(StakeAccumulator.isEmpty(getAccount(chain.state, address).escrow.stakeAccumulator)).toBe(false);
    expect(kinds(chain.nextBlock(9n))).toEqual([]);
  });

  it("demands no stake for a runtime that the consensus layer governs", () => {
    const chain = started();
    setRuntime(chain.state, runtime({ governanceModel: GOVERNANCE_CONSENSUS }), false);
    expect(kinds(chain.nextBlock(7n))).toEqual(["finalized"]);
    expect(chain.runtimeState().suspended).toBe(false);
  });

  it("leaves key managers alone, which have no rounds", () => {
    const chain = new Chain();
    chain.register(runtime({ kind: RUNTIME_KEY_MANAGER }));
    expect(answer(() => queries.runtimeState(chain.state, ID))).toBe("roothash/3");
    expect(kinds(chain.nextBlock(7n))).toEqual([]);
  });
});
