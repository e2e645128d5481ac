import { describe, expect, test } from "vitest";
import { Address, COMMON_POOL } from "#common/address.js";
import { fromBase64, fromHex, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { type Json, parseJson } from "#common/json.js";
import { Quantity } from "#common/quantity.js";
import type { Schema } from "#common/schema/index.js";
import { STRICT_POLICY } from "#common/crypto/signature.js";
import { Context, type Environment } from "#consensus/app/context.js";
import { StakingEvent } from "#consensus/services/staking/events.js";
import { amendSchedule, pruneAndValidate } from "#consensus/services/staking/logic/commission.js";
import { eligibleEntities } from "#consensus/services/staking/logic/epoch-signing.js";
import { feesToKeep, votersShares } from "#consensus/services/staking/logic/fees.js";
import { parameters, StakingParameterChanges, StakingParameters } from "#consensus/services/staking/params.js";
import {
  addAttenuatedReward,
  addRewards,
  commonPool,
  deposit,
  getAccount,
  getDelegation,
  redeem,
  setAccount,
  setDelegation,
  slashEscrow,
  transferFromCommonPool,
} from "#consensus/services/staking/state/index.js";
import {
  Account,
  Allow,
  AmendCommissionSchedule,
  Burn,
  CommissionSchedule,
  CommissionScheduleRules,
  currentRate,
  DebondingDelegation,
  Delegation,
  EpochSigning,
  Escrow,
  ReclaimEscrow,
  SharePool,
  Transfer,
  Withdraw,
} from "#consensus/services/staking/types/index.js";
import { FREE_GAS } from "#consensus/transaction/gas.js";
import { openTransaction } from "#consensus/transaction/transaction.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors, vectorText } from "../support/vectors.ts";

interface Cases<C> {
  readonly cases: readonly C[];
}

/** A context on an empty state in a given epoch. */
function contextIn(epoch: bigint): Context {
  const env: Environment = {
    stateHeight: 1n,
    initialHeight: 1n,
    baseEpoch: 0n,
    lastAppHash: new Uint8Array(0),
    chainContext: "",
    parameters: undefined as never,
    committed: new Tree(),
    debug: { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false },
    policy: STRICT_POLICY,
    localMinGasPrice: 0n,
    isOwnSigner: () => false,
    checked: () => undefined,
    epochs: { epoch: () => epoch, future: () => undefined },
    publish: () => undefined,
  };
  const state = new Tree({ writeLog: false });
  return new Context("endBlock", env, state, undefined, 1n, { seconds: 0n, nanos: 0 }, FREE_GAS);
}

/** The result of an action, or the plain error it threw. */
function attempt<T>(action: () => T): { value?: T; failed: boolean } {
  try {
    return { value: action(), failed: false };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { failed: true };
  }
}

interface PoolCase {
  readonly op: "deposit" | "withdraw";
  readonly error: string | null;
  readonly [field: string]: unknown;
}

function checkPoolCase(c: PoolCase): void {
  const n = (field: string): bigint => BigInt(c[field] as string);
  const pool = { balance: n("balance"), totalShares: n("total_shares") };
  if (c.op === "deposit") {
    const holder = { shares: n("share_dst") };
    const purse = { balance: n("stake_src") };
    const { value, failed } = attempt(() => deposit(pool, holder, purse, n("amount")));
    expect(failed).toBe(c.error !== null);
    if (failed) return;
    expect([value, holder.shares, purse.balance]).toEqual([
      n("new_shares"),
      n("share_dst_after"),
      n("stake_src_after"),
    ]);
  } else {
    const holder = { shares: n("share_src") };
    const { value, failed } = attempt(() => redeem(pool, holder, n("shares")));
    expect(failed).toBe(c.error !== null);
    if (value === undefined) return;
    expect([n("stake_dst") + value, holder.shares]).toEqual([n("stake_dst_after"), n("share_src_after")]);
  }
  expect([pool.balance, pool.totalShares]).toEqual([n("balance_after"), n("total_shares_after")]);
}

for (const file of ["services/staking_share_pool.json", "services/staking_share_pool_tests.json"]) {
  describeVectors<Cases<PoolCase>>(file, ({ cases }) => {
    test("share pools give and take what the reference does", () => cases.forEach(checkPoolCase));
  });
}

interface RewardCase {
  readonly op: "add_rewards" | "add_reward_single_attenuated" | "transfer_from_common";
  readonly error: string | null;
  readonly epoch: number;
  readonly factor: number;
  readonly scale: number;
  readonly schedule_until: number;
  readonly min_commission_rate: number;
  readonly commission_rate: number;
  readonly escrow: boolean;
  readonly transferred: boolean;
  readonly events: { attrs: { key: string; value: string }[] }[] | null;
  readonly [field: string]: unknown;
}

function prepareReward(c: RewardCase, ctx: Context, owner: Uint8Array): void {
  const n = (field: string): bigint => BigInt(c[field] as string | number);
  const params = StakingParameters.zero();
  params.rewardSchedule = [{ until: BigInt(c.schedule_until), scale: BigInt(c.scale) }];
  params.commissionScheduleRules.minCommissionRate = BigInt(c.min_commission_rate);
  parameters.set(ctx.state, params);
  commonPool.set(ctx.state, n("common_pool"));
  const account = Account.zero();
  account.general.balance = n("general_balance");
  account.escrow.active = { balance: n("active_balance"), totalShares: n("total_shares") };
  if (c.commission_rate >= 0) {
    account.escrow.commissionSchedule.rates = [{ start: 0n, rate: BigInt(c.commission_rate) }];
    account.escrow.commissionSchedule.bounds = [{ start: 0n, rateMin: 0n, rateMax: 100_000n }];
  }
  setAccount(ctx.state, owner, account);
  setDelegation(ctx.state, owner, owner, { shares: n("self_delegation_shares") });
}

describeVectors<Cases<RewardCase>>("services/staking_rewards.json", ({ cases }) => {
  test("rewards and payments out of the common pool agree, with their events", () => {
    // The account of the recording: the owner of its events.
    const owner = fromHex("00c2c20c48423214bd615a0efc658efdd2002a1c5c");
    for (const c of cases) {
      const ctx = contextIn(BigInt(c.epoch));
      prepareReward(c, ctx, owner);
      const n = (field: string): bigint => BigInt(c[field] as string | number);
      const run = (): void => {
        const [epoch, factor] = [BigInt(c.epoch), BigInt(c.factor)];
        if (c.op === "add_rewards") addRewards(ctx, epoch, factor, [owner]);
        else if (c.op === "transfer_from_common") {
          expect(transferFromCommonPool(ctx, owner, n("amount"), c.escrow)).toBe(c.transferred);
        } else {
          const by = [n("attenuation_numerator"), n("attenuation_denominator")] as const;
          addAttenuatedReward(ctx, epoch, factor, by, owner);
        }
      };
      if (c.error !== null) {
        expect(run).toThrow(/attenuated/);
        continue;
      }
      run();
      const { general, escrow } = getAccount(ctx.state, owner);
      expect({
        general: general.balance,
        active: escrow.active,
        shares: getDelegation(ctx.state, owner, owner).shares,
        pool: commonPool.get(ctx.state),
      }).toEqual({
        general: n("general_balance_after"),
        active: { balance: n("active_balance_after"), totalShares: n("total_shares_after") },
        shares: n("self_delegation_shares_after"),
        pool: n("common_pool_after"),
      });
      expect(ctx.emitted.map((e) => e.attributes)).toEqual((c.events ?? []).map((e) => e.attrs));
    }
  });
});

interface SlashCase {
  readonly amount: string;
  readonly active: Json;
  readonly active_after: Json;
  readonly debonding: Json;
  readonly debonding_after: Json;
  readonly common_pool: string;
  readonly common_pool_after: string;
  readonly total_slashed: string;
}

describeVectors<Cases<SlashCase>>("services/staking_slashing_tests.json", ({ cases }) => {
  test("slashing takes from both pools in proportion", () => {
    const owner = fromHex("00c2c20c48423214bd615a0efc658efdd2002a1c5c");
    for (const c of cases) {
      const ctx = contextIn(1n);
      const account = Account.zero();
      account.escrow.active = SharePool.fromJson(c.active);
      account.escrow.debonding = SharePool.fromJson(c.debonding);
      setAccount(ctx.state, owner, account);
      commonPool.set(ctx.state, BigInt(c.common_pool));
      expect(slashEscrow(ctx, owner, BigInt(c.amount))).toBe(BigInt(c.total_slashed));
      const { active, debonding } = getAccount(ctx.state, owner).escrow;
      expect([active, debonding]).toEqual([SharePool.fromJson(c.active_after), SharePool.fromJson(c.debonding_after)]);
      expect(commonPool.get(ctx.state)).toBe(BigInt(c.common_pool_after));
    }
  });
});

interface FeeCase {
  readonly fees: number;
  readonly weights: { readonly propose: number; readonly vote: number; readonly next_propose: number };
  readonly num_validators: number;
  readonly proposer: number;
  readonly next_proposer: number;
  readonly voted: readonly boolean[];
  readonly last_block_fees_cbor: string;
  readonly common_pool_cbor_after: string;
  readonly end_block_transfers: readonly { readonly to: string; readonly amount: string }[];
  readonly next_begin_block_transfers: readonly { readonly to: string; readonly amount: string }[];
}

describeVectors<Cases<FeeCase> & { readonly entities: readonly string[] }>("services/staking_fees.json", (data) => {
  test("fees are divided among proposer, voters, next proposer and common pool", () => {
    const pool = Address.toJson(COMMON_POOL);
    for (const c of data.cases) {
      const weights = {
        feeSplitWeightPropose: BigInt(c.weights.propose),
        feeSplitWeightVote: BigInt(c.weights.vote),
        feeSplitWeightNextPropose: BigInt(c.weights.next_propose),
      };
      const fees = BigInt(c.fees);
      const kept = feesToKeep(fees, weights);
      expect(toHex(Quantity.encode(kept))).toBe(c.last_block_fees_cbor);
      const to = (entity: number): Json => data.entities[entity - 1] ?? pool;
      const end = fees > kept ? [[to(c.proposer), (fees - kept).toString()]] : [];
      expect(c.end_block_transfers.map((t) => [t.to, t.amount])).toEqual(end);

      const next: [Json, bigint][] = [];
      if (kept > 0n) {
        const { vote, propose } = votersShares(kept, weights, BigInt(c.num_validators));
        const voters = c.voted.flatMap((voted, i) => (voted ? [i + 1] : []));
        if (c.next_proposer > 0) next.push([to(c.next_proposer), propose * BigInt(voters.length)]);
        for (const voter of voters) next.push([to(voter), vote]);
        next.push([pool, kept - next.reduce((sum, [, amount]) => sum + amount, 0n)]);
      }
      const paid = next.filter(([, amount]) => amount > 0n).map(([account, amount]) => [account, amount.toString()]);
      expect(c.next_begin_block_transfers.map((t) => [t.to, t.amount])).toEqual(paid);
      const toPool = [...end, ...paid].reduce(
        (sum, [account, n]) => sum + (account === pool ? BigInt(n as string) : 0n),
        0n,
      );
      expect(toHex(Quantity.encode(toPool))).toBe(c.common_pool_cbor_after);
    }
  });
});

interface SigningCase {
  readonly epoch_signing_cbor: string;
  readonly numerator: number;
  readonly denominator: number;
  readonly eligible: readonly string[] | null;
}

describeVectors<Cases<SigningCase>>("services/staking_epoch_signing.json", ({ cases }) => {
  test("entities that signed enough blocks are eligible, by public key", () => {
    for (const c of cases) {
      const signing = EpochSigning.decode(fromHex(c.epoch_signing_cbor));
      const eligible = eligibleEntities(signing, BigInt(c.numerator), BigInt(c.denominator));
      expect(eligible.map(toHex)).toEqual(c.eligible ?? []);
    }
  });
});

interface ScheduleCase {
  readonly op: "prune_and_validate" | "current_rate" | "amend_and_prune_and_validate";
  readonly now: number;
  readonly error?: string | null;
  readonly rate?: string | null;
  readonly rules: Json;
  readonly schedule: Json;
  readonly amendment: Json;
  readonly schedule_after: Json;
}

describeVectors<Cases<ScheduleCase>>("services/staking_commission_schedule.json", ({ cases }) => {
  test("commission schedules are pruned, amended and judged as by the reference", () => {
    for (const c of cases) {
      const schedule = CommissionSchedule.fromJson(c.schedule);
      const now = BigInt(c.now);
      if (c.op === "current_rate") {
        expect(currentRate(schedule, now)?.toString() ?? null).toBe(c.rate);
        continue;
      }
      const rules = CommissionScheduleRules.fromJson(c.rules);
      const amend = c.op === "amend_and_prune_and_validate";
      const { value, failed } = attempt(() =>
        amend
          ? amendSchedule(schedule, CommissionSchedule.fromJson(c.amendment), rules, now)
          : pruneAndValidate(schedule, rules, now),
      );
      expect(failed).toBe(c.error !== null);
      if (value !== undefined) expect(value).toEqual(CommissionSchedule.fromJson(c.schedule_after));
    }
  });
});

interface CodecCase {
  readonly type: string;
  readonly name: string;
  readonly cbor: string;
  readonly json: Json;
  readonly encode_only?: boolean;
}

const CODECS: Readonly<Record<string, Schema<unknown>>> = {
  "staking.Account": Account as Schema<unknown>,
  "staking.Delegation": Delegation as Schema<unknown>,
  "staking.DebondingDelegation": DebondingDelegation as Schema<unknown>,
  "staking.ConsensusParameters": StakingParameters as Schema<unknown>,
  "staking.ConsensusParameterChanges": StakingParameterChanges as Schema<unknown>,
  "staking.Event": StakingEvent as Schema<unknown>,
  "staking.Allow": Allow as Schema<unknown>,
  "staking.EpochSigning": EpochSigning as Schema<unknown>,
};

describeVectors<unknown>("services/codec.json", () => {
  const { cases } = parseJson(vectorText("services/codec.json")) as unknown as Cases<CodecCase>;
  for (const c of cases.filter((c) => c.type.startsWith("staking."))) {
    test(`${c.type} (${c.name}) has the reference's CBOR and JSON`, () => {
      const schema = CODECS[c.type] as Schema<unknown>;
      const value = schema.decode(fromHex(c.cbor));
      expect(toHex(schema.encode(value))).toBe(c.cbor);
      // JSON tells empty lists and maps from absent ones where the reference keeps them apart; CBOR is what counts.
      expect(toHex(schema.encode(schema.fromJson(c.json)))).toBe(c.cbor);
      if (c.name !== "empty non-nil maps") expect(schema.toJson(value)).toEqual(c.json);
    });
  }
});

const BODIES: Readonly<Record<string, Schema<unknown>>> = {
  "staking.Transfer": Transfer as Schema<unknown>,
  "staking.Burn": Burn as Schema<unknown>,
  "staking.AddEscrow": Escrow as Schema<unknown>,
  "staking.ReclaimEscrow": ReclaimEscrow as Schema<unknown>,
  "staking.AmendCommissionSchedule": AmendCommissionSchedule as Schema<unknown>,
  "staking.Allow": Allow as Schema<unknown>,
  "staking.Withdraw": Withdraw as Schema<unknown>,
};

interface TransactionVectors {
  readonly signature_context: string;
  readonly rows: readonly (readonly [kind: string, nonce: number, signed: string, valid: boolean])[];
}

describeVectors<TransactionVectors>("services/staking_tx_vectors.json", ({ rows, signature_context }) => {
  test("signed transactions open and their bodies survive a round trip", () => {
    const chainContext = signature_context.slice(signature_context.lastIndexOf(" ") + 1);
    const methods = new Set<string>();
    for (const [, , signed, valid] of rows) {
      const { tx } = openTransaction(fromBase64(signed), chainContext, STRICT_POLICY);
      const body = BODIES[tx.method] as Schema<unknown>;
      expect(toHex(body.encode(body.decode(tx.body)))).toBe(toHex(tx.body));
      expect(valid).toBe(true);
      methods.add(tx.method);
    }
    expect(methods.size).toBe(Object.keys(BODIES).length);
  });
});

describe("currentRate", () => {
  test("is unknown before the first step", () => {
    expect(currentRate({ rates: [{ start: 5n, rate: 1n }], bounds: [] }, 4n)).toBeUndefined();
  });
});
