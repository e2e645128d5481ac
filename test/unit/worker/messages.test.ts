import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressFromPublicKey, COMMON_POOL } from "#common/address.js";
import type { Schema } from "#common/schema/index.js";
import { SortedMap } from "#common/sorted-map.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { GovernanceParameterChanges } from "#consensus/services/governance/params.js";
import { loadProposal } from "#consensus/services/governance/state.js";
import { Proposal, VOTE_YES } from "#consensus/services/governance/types.js";
import { getRuntime } from "#consensus/services/registry/state.js";
import { GOVERNANCE_RUNTIME, Runtime } from "#consensus/services/registry/types/runtime.js";
import { type Message, messagesHash } from "#consensus/services/roothash/types.js";
import type { Delegation } from "#consensus/services/staking/types/account.js";
import {
  AddEscrowResult,
  Allow,
  ReclaimEscrowResult,
  type StakingMessage,
  TransferResult,
  WithdrawResult,
} from "#consensus/services/staking/types/transactions.js";
import { TOKEN } from "#network/fixture.js";
import type { Member } from "#network/topology.js";
import type { ComputedBatch, RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { RUNTIME_ID } from "./support/local-network.ts";
import { messenger, Outcome, outcomeOf, Send } from "./support/messenger.ts";
import { addressOf, ALICE, BOB, ProgramNetwork, RUNTIME_ACCOUNT } from "./support/program-network.ts";
import type { Interference } from "./support/wrapped-host.ts";

const STAKE = 1000n * TOKEN;
const FUNDS = 500n * TOKEN;
let validator: Uint8Array = new Uint8Array(21);

/** The runtime governs itself and has tokens and stake; a vote needs no entity but a delegation to a validator. */
function edit({ staking, governance }: GenesisDocument, members: readonly Member[]): void {
  const account = staking.ledger.get(addressOf(ALICE))!;
  staking.ledger.set(RUNTIME_ACCOUNT, {
    general: { ...account.general, balance: FUNDS },
    escrow: { ...account.escrow, active: { balance: STAKE, totalShares: STAKE } },
  });
  const shares = SortedMap.bytes<Delegation | null>();
  shares.set(RUNTIME_ACCOUNT, { shares: STAKE });
  staking.delegations.set(RUNTIME_ACCOUNT, shares);
  staking.totalSupply += FUNDS + STAKE;
  governance.params.allowVoteWithoutEntity = true;
  const first = members.find(({ kind }) => kind === "validator") as Member;
  validator = addressFromPublicKey(first.entityId);
}

describe("messages of a runtime to the consensus layer", () => {
  const network = new ProgramNetwork(messenger, {
    edit,
    tune(runtime) {
      runtime.governanceModel = GOVERNANCE_RUNTIME;
      runtime.executor.maxMessages = 4;
    },
  });
  const [alice, bob] = [addressOf(ALICE), addressOf(BOB)];
  let calls = 0;

  beforeAll(() => network.start());
  afterAll(() => network.stop());

  /** Sends messages in one round and waits for what became of them, which must be known in the next normal one. */
  async function send(...messages: Message[]): Promise<Outcome[]> {
    const label = `call ${calls++}`;
    const { round, error } = await network.call(ALICE, "send", Send, { label, messages });
    expect(error).toBeUndefined();
    const next = await network.nextNormalRound(round);
    return messages.flatMap((_, i) => network.events(outcomeOf(label, i), next));
  }

  const staking = (request: Omit<StakingMessage, "v">): Message => ({ staking: { v: 0, ...request } });
  const done = <T>(outcome: Outcome | undefined, schema: Schema<T>): T => {
    expect(outcome).toMatchObject({ module: "", code: 0 });
    return schema.decode((outcome as Outcome).result);
  };

  test("transfer: tokens of the runtime's account", async () => {
    const before = network.balance(bob);
    const [outcome] = await send(staking({ transfer: { to: bob, amount: 10n } }));
    expect(done(outcome, TransferResult)).toEqual({ from: RUNTIME_ACCOUNT, to: bob, amount: 10n });
    expect(network.balance(bob)).toBe(before + 10n);
    const failed = await send(
      staking({ transfer: { to: bob, amount: FUNDS * 2n } }),
      staking({ transfer: { to: COMMON_POOL, amount: 1n } }),
    );
    expect(failed.map(({ module, code }) => [module, code])).toEqual([
      ["unknown", 1],
      ["unknown", 1],
    ]);
  });

  test("withdraw: tokens that an account has allowed", async () => {
    const allow = { beneficiary: RUNTIME_ACCOUNT, negative: false, amountChange: 100n };
    await network.consensus(ALICE, "staking.Allow", Allow, allow);
    const held = network.balance(RUNTIME_ACCOUNT);
    const [outcome, tooMuch] = await send(
      staking({ withdraw: { from: alice, amount: 60n } }),
      staking({ withdraw: { from: alice, amount: 60n } }),
    );
    expect(done(outcome, WithdrawResult)).toEqual({
      owner: alice,
      beneficiary: RUNTIME_ACCOUNT,
      allowance: 40n,
      amountChange: 60n,
    });
    expect(tooMuch).toMatchObject({ module: "staking", code: 5 });
    expect(network.balance(RUNTIME_ACCOUNT)).toBe(held + 60n);
  });

  test("add_escrow and reclaim_escrow: the runtime delegates and takes back", async () => {
    const held = network.balance(RUNTIME_ACCOUNT);
    const [added] = await send(staking({ addEscrow: { account: validator, amount: 50n } }));
    const { newShares, ...rest } = done(added, AddEscrowResult);
    expect(rest).toEqual({ owner: RUNTIME_ACCOUNT, escrow: validator, amount: 50n });
    expect(network.balance(RUNTIME_ACCOUNT)).toBe(held - 50n);
    const [reclaimed, nothing, tooMuch] = await send(
      staking({ reclaimEscrow: { account: validator, shares: newShares - 1n } }),
      staking({ reclaimEscrow: { account: validator, shares: 0n } }),
      staking({ reclaimEscrow: { account: validator, shares: 10n * newShares } }),
    );
    const result = done(reclaimed, ReclaimEscrowResult);
    expect(result).toMatchObject({ owner: RUNTIME_ACCOUNT, escrow: validator, remainingShares: 1n });
    expect(result.debondEndTime).toBeGreaterThan(0n);
    expect(nothing).toMatchObject({ module: "staking", code: 1 });
    expect(tooMuch?.code).not.toBe(0);
  });

  test("update_runtime: a runtime that governs itself changes its own descriptor, and no other one", async () => {
    const { backend } = network.net.network;
    const current = getRuntime(backend.stateAt(0n), RUNTIME_ID) as Runtime;
    const updated = { ...current, txnScheduler: { ...current.txnScheduler, maxBatchSize: 77n } };
    const foreign = { ...current, id: Uint8Array.from(RUNTIME_ID, (byte, i) => (i === 31 ? 9 : byte)) };
    const [outcome, refused] = await send(
      { registry: { v: 0, updateRuntime: updated } },
      { registry: { v: 0, updateRuntime: foreign } },
    );
    expect(done(outcome, Runtime).txnScheduler.maxBatchSize).toBe(77n);
    expect(refused?.module).toBe("registry");
    expect(getRuntime(backend.stateAt(0n), RUNTIME_ID)?.txnScheduler.maxBatchSize).toBe(77n);
  });

  test("submit_proposal and cast_vote: the deposit is the runtime's, and so is the vote", async () => {
    const changes = GovernanceParameterChanges.encode({ ...GovernanceParameterChanges.zero(), votingPeriod: 9n });
    const held = network.balance(RUNTIME_ACCOUNT);
    const [submitted] = await send({
      governance: { v: 0, submitProposal: { changeParameters: { module: "governance", changes } } },
    });
    const { id, submitter, deposit } = done(submitted, Proposal);
    expect(submitter).toEqual(RUNTIME_ACCOUNT);
    expect(network.balance(RUNTIME_ACCOUNT)).toBe(held - deposit);
    // One share of a validator is left from before, which is enough to be heard.
    const [voted, unknown] = await send(
      { governance: { v: 0, castVote: { id, vote: VOTE_YES } } },
      { governance: { v: 0, castVote: { id: id + 100n, vote: VOTE_YES } } },
    );
    expect(voted).toEqual({ module: "", code: 0, result: Uint8Array.of(0xf6) });
    expect(unknown).toMatchObject({ module: "governance", result: Uint8Array.of(0xf6) });
    expect(loadProposal(network.net.network.backend.stateAt(0n), id).id).toBe(id);
  });

  test("messages of one round are carried out in order, and one that fails undoes nothing", async () => {
    const before = network.balance(bob);
    const outcomes = await send(
      staking({ transfer: { to: bob, amount: 1n } }),
      staking({ transfer: { to: COMMON_POOL, amount: 1n } }),
      staking({ transfer: { to: bob, amount: 2n } }),
      staking({ withdraw: { from: bob, amount: 1n } }),
    );
    expect(outcomes.map(({ code }) => code === 0)).toEqual([true, false, true, false]);
    expect(network.balance(bob)).toBe(before + 3n);
  });

  test("a call with more messages than a round may have sends none, nor does one with a malformed message", async () => {
    const before = network.balance(bob);
    const one = staking({ transfer: { to: bob, amount: 1n } });
    const many = { label: "many", messages: [one, one, one, one, one] };
    expect((await network.call(ALICE, "send", Send, many)).error).toBe("message limit too low");
    for (const malformed of [{}, staking({}), { governance: { v: 0 } }, { registry: { v: 0 } }]) {
      const { error, round } = await network.call(ALICE, "send", Send, { label: "bad", messages: [one, malformed] });
      expect(error).toMatch(/^malformed message: /);
      await network.after(round);
    }
    expect(network.balance(bob)).toBe(before);
  });

  test("the scheduler's commitment pays the gas of the messages, the others' do not", async () => {
    const { backend } = network.net.network;
    const from = backend.latestHeight;
    await send(staking({ transfer: { to: bob, amount: 1n } }), staking({ transfer: { to: bob, amount: 1n } }));
    const gas: bigint[] = [];
    for (let height = from; height <= backend.latestHeight; height++) {
      const results = backend.results(height)?.results ?? [];
      for (const { gasUsed, code } of results) if (code === 0 && gasUsed > 0n) gas.push(BigInt(gasUsed));
    }
    gas.sort((a, b) => (a < b ? 1 : -1));
    // Two transfers of 1000 each, besides the bytes of the messages themselves.
    expect((gas[0] as bigint) - (gas[1] as bigint)).toBeGreaterThan(2000n);
    expect((gas[0] as bigint) - (gas[1] as bigint)).toBeLessThan(3000n);
  });
});

describe("a scheduler whose messages are not those of its results", () => {
  const damage: { readonly [name: string]: (batch: ComputedBatch) => ComputedBatch } = {
    "leaves them out": (batch) => ({ ...batch, messages: [] }),
    "sends others": (batch) => ({ ...batch, messages: batch.messages.slice(0, 1).concat(batch.messages.slice(0, 1)) }),
    "sends more than a round may have": (batch) => {
      const messages = Array.from({ length: 5 }, () => batch.messages[0] as Message);
      return { ...batch, messages, header: { ...batch.header, messagesHash: messagesHash(messages) } };
    },
    "sends a malformed one": (batch) => {
      const messages = [{}];
      return { ...batch, messages, header: { ...batch.header, messagesHash: messagesHash(messages) } };
    },
  };

  for (const [name, change] of Object.entries(damage)) {
    test(`${name}: its commitment is refused, the next scheduler's is not, and they are carried out once`, async () => {
      let culprit = "";
      let changed = 0;
      const interfere =
        (node: string): Interference =>
        async (kind, value, go) => {
          const answer = await go(value);
          if (kind !== "RuntimeExecuteTxBatchRequest" || node !== culprit) return answer;
          const response = answer as RuntimeExecuteTxBatchResponse;
          if (response.batch.messages.length === 0) return answer;
          changed++;
          return { ...response, batch: change(response.batch) } as typeof answer;
        };
      const network = new ProgramNetwork(messenger, {
        edit,
        interfere,
        tune: (runtime) => void (runtime.executor.maxMessages = 4),
      });
      await network.start();
      const bob = addressOf(BOB);
      const before = network.balance(bob);
      // Whoever is first in this round is so again three rounds later, and until then it only verifies.
      culprit = network.net.serving("worker")[0] as string;
      const rounds = network.net.worker("client-0").watchRounds();
      await rounds.next();
      while (network.net.serving("worker")[0] !== culprit) await rounds.next();
      rounds.close();
      const to = { staking: { v: 0, transfer: { to: bob, amount: 3n } } };
      const { round, error } = await network.call(ALICE, "send", Send, { label: "x", messages: [to, to] });
      expect(error).toBeUndefined();
      const next = await network.nextNormalRound(round);
      expect(network.events(outcomeOf("x", 0), next)).toHaveLength(1);
      expect(network.events(outcomeOf("x", 1), next)).toHaveLength(1);
      expect(network.balance(bob)).toBe(before + 6n);
      expect(changed).toBeGreaterThan(0);
      await network.stop();
    });
  }
});
