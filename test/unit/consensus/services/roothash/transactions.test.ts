import { beforeEach, describe, expect, it } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { suspendRuntime } from "#consensus/services/registry/state.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { RootHashParameters, rootHashParameters } from "#consensus/services/roothash/params.js";
import * as queries from "#consensus/services/roothash/queries.js";
import { setRuntimeState } from "#consensus/services/roothash/state.js";
import {
  Evidence,
  ExecutorCommit,
  type ExecutorCommitment,
  type Proposal,
  PROPOSAL_CONTEXT,
  ProposalHeader,
  SubmitMessage,
} from "#consensus/services/roothash/types.js";
import { parameters as stakingParameters } from "#consensus/services/staking/params.js";
import { type Slash, SLASH_RUNTIME_EQUIVOCATION } from "#consensus/services/staking/types/thresholds.js";
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
  runtimeAccount,
  signer,
} from "./support.ts";

const ID = namespace("runtime");
const [worker, backup, user] = [signer("worker"), signer("backup"), signer("user")] as const;
const userAddress = addressFromPublicKey(user.publicKey);

let chain: Chain;

/** A runtime that takes messages, for a fee, and slashes who contradicts itself. */
function strictRuntime(): Runtime {
  const plain = runtime();
  const slashing = SortedMap.int<number, Slash>();
  slashing.set(SLASH_RUNTIME_EQUIVOCATION, { amount: 40n, freezeInterval: 3n });
  const staking = { ...plain.staking, slashing, minInMessageFee: 2n, rewardEquivocation: 50 };
  return { ...plain, staking, txnScheduler: { ...plain.txnScheduler, maxInMessages: 2 } };
}

beforeEach(() => {
  chain = new Chain();
  const gasCosts = RootHashParameters.zero().gasCosts;
  for (const [i, operation] of ["compute_commit", "evidence", "submit_msg"].entries()) {
    gasCosts.set(operation, BigInt(i + 5));
  }
  rootHashParameters.set(chain.state, { ...rootHashParameters.load(chain.state), gasCosts });
  chain.addNode(worker);
  chain.start(strictRuntime(), committee([worker], [backup]));
  chain.fund(userAddress, 100n);
});

/** Runs a method of a user with a limit of gas and says how it ended. */
function call(method: string, body: Uint8Array, gas = 1000n): { said: string; used: bigint; kinds: string[] } {
  const ctx = chain.context("deliverTx", user, new LimitedGas(gas));
  const said = answer(() => run(ctx, method, body));
  return { said, used: ctx.gas.used, kinds: kinds(ctx) };
}

/** The ways in which a runtime can be out of order, and the code of each. */
function eachDisorder(method: string, body: Uint8Array): string[] {
  const said: string[] = [];
  const value = chain.runtimeState();
  setRuntimeState(chain.state, { ...value, commitmentPool: undefined });
  said.push(call(method, body).said);
  setRuntimeState(chain.state, { ...value, committee: undefined });
  said.push(call(method, body).said);
  setRuntimeState(chain.state, { ...value, suspended: true });
  said.push(call(method, body).said);
  setRuntimeState(chain.state, value);
  return said;
}

const OUT_OF_ORDER = ["roothash/4", "roothash/6", "roothash/5"];

describe("roothash.SubmitMsg", () => {
  const message = (changes: Partial<SubmitMessage> = {}): Uint8Array =>
    SubmitMessage.encode({ ...SubmitMessage.zero(), id: ID, fee: 3n, tokens: 10n, ...changes });

  it("roothash.SubmitMsg moves fee and tokens to the runtime and puts the message into its queue", () => {
    const { said, used, kinds: events } = call("SubmitMsg", message());
    expect([said, used, events]).toEqual(["ok", 7n, ["transfer"]]);
    expect([chain.balance(runtimeAccount), chain.balance(userAddress)]).toEqual([13n, 87n]);
    expect(queries.incomingQueueMeta(chain.state, ID)).toMatchObject({ size: 1, nextSequenceNumber: 1n });
  });

  it("roothash.SubmitMsg refuses small fees, full queues and poor senders, and leaves nothing behind", () => {
    expect(call("SubmitMsg", message({ fee: 1n })).said).toBe("roothash/12");
    expect(call("SubmitMsg", message({ tokens: 1000n })).said).toBe("staking/3");
    for (let i = 0; i < 2; i++) expect(call("SubmitMsg", message()).said).toBe("ok");
    expect(call("SubmitMsg", message()).said).toBe("roothash/11");
    expect(chain.balance(userAddress)).toBe(74n);
  });

  it("roothash.SubmitMsg honours the minimum balance of accounts", () => {
    stakingParameters.set(chain.state, { ...stakingParameters.load(chain.state), minTransactBalance: 95n });
    expect(call("SubmitMsg", message()).said).toBe("staking/10");
  });

  it("roothash.SubmitMsg needs a runtime that is running", () => {
    expect(eachDisorder("SubmitMsg", message())).toEqual(OUT_OF_ORDER);
    expect(call("SubmitMsg", message({ id: namespace("nowhere") })).said).toBe("roothash/3");
    expect(call("SubmitMsg", Uint8Array.of(0x01)).said).toBe("roothash/1");
    expect(call("SubmitMsg", message(), 6n)).toMatchObject({ said: "unknown/1", used: 0n });
  });
});

describe("roothash.Evidence", () => {
  const proposal = (batchHash: number, key = worker, round = 1n): Proposal => {
    const header = { round, previousHash: EMPTY_HASH, batchHash: new Uint8Array(32).fill(batchHash) };
    const options = { chainContext: CHAIN_CONTEXT, suffix: toHex(ID) };
    const signature = key.sign(PROPOSAL_CONTEXT, ProposalHeader.encode(header), options);
    return { nodeId: key.publicKey, header, signature, batch: [] };
  };
  const evidence = (proposalA: Proposal, proposalB: Proposal, id = ID): Uint8Array =>
    Evidence.encode({ id, equivocationProposal: { proposalA, proposalB } });

  beforeEach(() => chain.fund(addressFromPublicKey(worker.publicKey), 0n, 100n));

  it("roothash.Evidence slashes the owner of the node once and rewards who told", () => {
    const { said, used, kinds: events } = call("Evidence", evidence(proposal(1), proposal(2)));
    expect([said, used]).toEqual(["ok", 6n]);
    expect(events).toContain("take_escrow");
    expect(call("Evidence", evidence(proposal(3), proposal(4))).said).toBe("roothash/9");
    // Both kinds of evidence share one slot of the node in the round.
    const next = (chain.runtimeState().lastBlock?.header.round ?? 0n) + 1n;
    const both = [proposal(1, worker, next), proposal(2, worker, next)] as const;
    expect(call("Evidence", evidence(...both)).said).toBe("ok");
    const commit = (fill: number): ExecutorCommitment =>
      commitment(chain.runtimeState(), worker, worker, { stateRoot: new Uint8Array(32).fill(fill) });
    const equivocationExecutor = { commitA: commit(1), commitB: commit(2) };
    expect(call("Evidence", Evidence.encode({ id: ID, equivocationExecutor })).said).toBe("roothash/9");
  });

  it("roothash.Evidence refuses what proves nothing, what is too old and unknown nodes", () => {
    expect(call("Evidence", evidence(proposal(1), proposal(1))).said).toBe("roothash/10");
    expect(call("Evidence", evidence(proposal(1), { ...proposal(2), signature: new Uint8Array(64) })).said).toBe(
      "roothash/10",
    );
    const value = chain.runtimeState();
    const lastBlock = { header: { ...value.lastBlock?.header, round: 50n } } as NonNullable<typeof value.lastBlock>;
    setRuntimeState(chain.state, { ...value, lastBlock });
    expect(call("Evidence", evidence(proposal(1), proposal(2))).said).toBe("roothash/10");
    const stranger = [proposal(1, backup, 49n), proposal(2, backup, 49n)] as const;
    expect(call("Evidence", evidence(...stranger)).said).toBe("roothash/10");
    // A known leak of the reference: the evidence counts as seen although the transaction failed.
    expect(call("Evidence", evidence(...stranger)).said).toBe("roothash/9");
  });

  it("roothash.Evidence needs a runtime that slashes and runs", () => {
    expect(eachDisorder("Evidence", evidence(proposal(1), proposal(2)))).toEqual(OUT_OF_ORDER);
    const nowhere = namespace("nowhere");
    expect(call("Evidence", Evidence.encode({ id: nowhere })).said).toBe("roothash/10");
    expect(call("Evidence", Uint8Array.of(0xa1)).said).toBe("roothash/1");
    const value = chain.runtimeState();
    setRuntimeState(chain.state, { ...value, runtime: runtime() });
    expect(call("Evidence", evidence(proposal(1), proposal(2))).said).toBe("roothash/8");
  });

  it("roothash.Evidence about a runtime that nobody knows is refused as such", () => {
    const nowhere = namespace("nowhere");
    const options = { chainContext: CHAIN_CONTEXT, suffix: toHex(nowhere) };
    const resigned = (p: Proposal): Proposal => ({
      ...p,
      signature: worker.sign(PROPOSAL_CONTEXT, ProposalHeader.encode(p.header), options),
    });
    expect(call("Evidence", evidence(resigned(proposal(1)), resigned(proposal(2)), nowhere)).said).toBe("roothash/3");
  });
});

describe("roothash.ExecutorCommit", () => {
  const commits = (id = ID): Uint8Array =>
    ExecutorCommit.encode({ id, commits: [commitment(chain.runtimeState(), worker, worker)] });

  it("roothash.ExecutorCommit is taken of the committee's nodes", () => {
    expect(call("ExecutorCommit", commits())).toEqual({ said: "ok", used: 5n, kinds: ["executor_commit"] });
    expect(call("ExecutorCommit", commits()).said).toBe("roothash/commitment/6");
  });

  it("roothash.ExecutorCommit without commitments pays its gas and does nothing", () => {
    for (const list of [null, []]) {
      const body = ExecutorCommit.encode({ id: namespace("nowhere"), commits: list });
      expect(call("ExecutorCommit", body)).toEqual({ said: "ok", used: 5n, kinds: [] });
    }
  });

  it("roothash.ExecutorCommit needs a runtime that is running", () => {
    expect(eachDisorder("ExecutorCommit", commits())).toEqual(OUT_OF_ORDER);
    expect(call("ExecutorCommit", commits(namespace("nowhere"))).said).toBe("roothash/3");
    expect(call("ExecutorCommit", Uint8Array.of(0x60)).said).toBe("roothash/1");
    suspendRuntime(chain.context("beginBlock"), ID);
    expect(call("ExecutorCommit", commits()).said).toBe("ok");
  });
});
