import { describe, expect, test } from "vitest";
import { MemorySigner, STRICT_POLICY } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { utf8 } from "#common/bytes.js";
import { evidenceProblem } from "#consensus/services/roothash/logic/evidence.js";
import { type ExecutorCommitment, FAILURE_NONE, headerHash } from "#consensus/services/roothash/types.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import {
  type Committee,
  COMMITTEE_BACKUP_WORKER,
  COMMITTEE_EXECUTOR,
  COMMITTEE_WORKER,
} from "#consensus/services/scheduler/types.js";
import { genesisBlock, RoundResults, type RuntimeState } from "#consensus/services/roothash/types.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { Dispatch } from "#worker/dispatch.js";
import { failureHeader } from "#worker/executor/commitments.js";
import { EquivocationWatch } from "#worker/executor/equivocation.js";
import { Prediction } from "#worker/executor/prediction.js";
import { RoundSigning } from "#worker/executor/signing.js";
import { ByzantineSwitches, MISCONDUCTS, parseSwitches } from "#network/byzantine/switches.js";
import { RUNTIME_ID } from "./support/local-network.ts";

const CHAIN = "ab".repeat(32);
const nodes = [0, 1, 2, 3, 4].map(
  (i) => new RoundSigning(MemorySigner.fromSeed(hash(utf8(`observed node ${i}`))), CHAIN, RUNTIME_ID),
);
const [first, second, third] = nodes as [RoundSigning, RoundSigning, RoundSigning];
const BLOCK = genesisBlock(RUNTIME_ID, 0n);
const PREVIOUS = headerHash(BLOCK.header);
/** Round 1: the worker whose index makes its rank 0 is the last of three. */
const SCHEDULER = third;

function results(state: string, round = 1n): ExecutorCommitment["header"] {
  const stateRoot = hash(utf8(state));
  const root = hash(utf8("io"));
  const none = hash(new Uint8Array(0));
  const header = {
    round,
    previousHash: PREVIOUS,
    ioRoot: root,
    stateRoot,
    messagesHash: none,
    inMessagesHash: none,
    inMessagesCount: 0,
  };
  return { schedulerId: SCHEDULER.nodeId, header, failure: FAILURE_NONE, rakSignature: undefined };
}

function watch(): EquivocationWatch {
  const rules = { chainContext: CHAIN, policy: STRICT_POLICY };
  return new EquivocationWatch(RUNTIME_ID, (evidence) => evidenceProblem(evidence, rules));
}

describe("members that contradict themselves", () => {
  const header = { round: 1n, previousHash: PREVIOUS, batchHash: hash(utf8("a")) };
  const other = { ...header, batchHash: hash(utf8("b")) };

  test("are found by two proposals for one round, but not by one that comes twice", () => {
    const seen = watch();
    expect(seen.seeProposal(first.proposal(header, []))).toBeUndefined();
    expect(seen.seeProposal(first.proposal(header, []))).toBeUndefined();
    expect(seen.seeProposal(second.proposal(other, []))).toBeUndefined();
    expect(seen.seeProposal(first.proposal({ ...other, round: 2n }, []))).toBeUndefined();
    const evidence = seen.seeProposal(first.proposal(other, [hash(utf8("tx"))]));
    expect(evidence?.equivocationProposal?.proposalA.nodeId).toEqual(first.nodeId);
    expect(evidence?.equivocationProposal?.proposalB.batch).toEqual([]);
  });

  test("are found by two commitments to one proposal, also by a success and a failure", () => {
    const seen = watch();
    expect(seen.seeCommitment(first.commitment(results("right"), []))).toBeUndefined();
    expect(seen.seeCommitment(first.commitment(results("right"), []))).toBeUndefined();
    expect(seen.seeCommitment(first.commitment(results("wrong"), []))?.equivocationExecutor).toBeDefined();
    const failure = failureHeader(1n, PREVIOUS, SCHEDULER.nodeId);
    expect(seen.seeCommitment(first.commitment(failure, []))?.equivocationExecutor).toBeDefined();
    expect(seen.seeCommitment(second.commitment(failure, []))).toBeUndefined();
  });

  test("are not those in whose name somebody else spoke, even if the impostor was first", () => {
    const seen = watch();
    const forged = { ...second.commitment(results("wrong"), []), nodeId: first.nodeId };
    expect(seen.seeCommitment(forged)).toBeUndefined();
    expect(seen.seeCommitment(first.commitment(results("right"), []))).toBeUndefined();
    expect(seen.seeCommitment(forged)).toBeUndefined();
    expect(seen.seeCommitment(first.commitment(results("right"), []))).toBeUndefined();
    expect(seen.seeCommitment(first.commitment(results("other"), []))?.equivocationExecutor).toBeDefined();
  });

  test("are forgotten some rounds later", () => {
    const seen = watch();
    seen.seeProposal(first.proposal(header, []));
    seen.prune(10n);
    expect(seen.seeProposal(first.proposal(other, []))).toBeUndefined();
  });
});

function prediction(stragglers: number): Prediction {
  const descriptor = Runtime.zero();
  descriptor.id = RUNTIME_ID;
  descriptor.executor.allowedStragglers = stragglers;
  const members = nodes.map(({ nodeId }, i) => ({
    role: i < 3 ? COMMITTEE_WORKER : COMMITTEE_BACKUP_WORKER,
    publicKey: nodeId,
  }));
  const committee: Committee = { kind: COMMITTEE_EXECUTOR, members, runtimeId: RUNTIME_ID, validFor: 1n };
  const state = { runtime: descriptor, committee } as RuntimeState;
  const dispatch: Dispatch = {
    height: 1n,
    header: BLOCK.header,
    epoch: 1n,
    consensusBlock: { height: 1n, meta: null },
    descriptor,
    state,
    roundResults: RoundResults.zero(),
    incoming: [],
  };
  return new Prediction({ dispatch, state: new Tree(), chainContext: CHAIN, policy: STRICT_POLICY });
}

describe("a dispute that is not on chain yet", () => {
  test("is seen coming when a worker differs from the scheduler, in whichever order they speak", () => {
    const right = SCHEDULER.commitment(results("right"), []);
    const wrong = first.commitment(results("wrong"), []);
    const one = prediction(0);
    expect(one.see(right)).toBeUndefined();
    expect(one.see(right)).toBeUndefined();
    expect(one.see(second.commitment(results("right"), []))).toBeUndefined();
    expect(one.see(wrong)).toBe(0n);
    const other = prediction(0);
    expect(other.see(right)).toBeUndefined();
    expect(other.see(wrong)).toBe(0n);
  });

  test("is seen in failures beyond those that are allowed", () => {
    const failure = failureHeader(1n, PREVIOUS, SCHEDULER.nodeId);
    const strict = prediction(0);
    strict.see(SCHEDULER.commitment(results("right"), []));
    expect(strict.see(first.commitment(failure, []))).toBe(0n);
    const lenient = prediction(1);
    lenient.see(SCHEDULER.commitment(results("right"), []));
    expect(lenient.see(first.commitment(failure, []))).toBeUndefined();
    expect(lenient.see(second.commitment(failure, []))).toBe(0n);
  });

  test("is not made by forged commitments or strangers", () => {
    const seen = prediction(0);
    seen.see(SCHEDULER.commitment(results("right"), []));
    const forged = { ...first.commitment(results("wrong"), []), signature: new Uint8Array(64) };
    expect(seen.see(forged)).toBeUndefined();
    const stranger = new RoundSigning(MemorySigner.fromSeed(hash(utf8("stranger"))), CHAIN, RUNTIME_ID);
    expect(seen.see(stranger.commitment(results("wrong"), []))).toBeUndefined();
    expect(seen.see(first.commitment(results("wrong"), []))).toBe(0n);
  });
});

describe("byzantine switches", () => {
  test("are read from words, several for one node too", () => {
    const words = ["compute-1=wrong-results", "compute-1=equivocate", "compute-2=straggler"];
    const switches = parseSwitches(words, ["compute-1", "compute-2"]);
    expect(switches.nodes).toEqual(["compute-1", "compute-2"]);
    expect(MISCONDUCTS.filter((way) => switches.has("compute-1", way))).toEqual(["wrong-results", "equivocate"]);
    switches.set("compute-1");
    expect(switches.has("compute-1", "equivocate")).toBe(false);
    expect(new ByzantineSwitches().nodes).toEqual([]);
  });

  test("name what is wrong with a word", () => {
    expect(() => parseSwitches(["compute-9=failure"], ["compute-1"])).toThrow("expected NODE=WAY");
    expect(() => parseSwitches(["compute-1=failure=x"], ["compute-1"])).toThrow("expected NODE=WAY");
    expect(() => parseSwitches(["compute-1=laziness"], ["compute-1"])).toThrow('unknown way "laziness"');
    expect(() => parseSwitches(["storage-1=failure"], ["storage-1"])).toThrow('unknown way "failure" of storage-1');
  });
});
