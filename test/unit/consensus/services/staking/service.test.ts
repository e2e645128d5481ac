import { beforeEach, describe, expect, test } from "vitest";
import { COMMON_POOL, FEE_ACCUMULATOR, GOVERNANCE_DEPOSITS } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { applyParameterChanges, validateParameterChanges } from "#consensus/app/parameter-changes.js";
import { genesis } from "#consensus/services/staking/genesis.js";
import { staking } from "#consensus/services/staking/index.js";
import { GAS_TRANSFER, parameters, StakingParameterChanges } from "#consensus/services/staking/params.js";
import * as queries from "#consensus/services/staking/queries.js";
import {
  addDebonding,
  addStakeClaim,
  checkStakeClaims,
  commonPool,
  governanceDeposits,
  lastBlockFees,
  removeStakeClaim,
  setDelegation,
  StakeClaims,
  transfer as transferInside,
} from "#consensus/services/staking/state/index.js";
import {
  AddEscrowResult,
  constantThreshold,
  globalThreshold,
  runtimeStakingMessage,
  type StakingGenesis,
  StakingGenesis as Section,
  Transfer,
  TransferResult,
} from "#consensus/services/staking/types/index.js";
import { address, Bench, easyParameters } from "./support.ts";

let bench: Bench;

beforeEach(() => {
  bench = new Bench([staking]);
  bench.fund("alice", 1000n);
});

describe("messages of runtimes", () => {
  const nothing = { v: 0 };

  test("move the runtime's tokens and return an encoded result", () => {
    const message = { ...nothing, transfer: { to: address("bob"), amount: 7n } };
    const { said, answer } = bench.publish(runtimeStakingMessage, message, "endBlock", "alice");
    expect(said).toBe("ok");
    expect(TransferResult.decode(answer as Uint8Array)).toEqual({
      from: address("alice"),
      to: address("bob"),
      amount: 7n,
    });
  });

  test("may escrow only where the parameters allow it", () => {
    const message = { ...nothing, addEscrow: { account: address("val"), amount: 7n } };
    expect(bench.publish(runtimeStakingMessage, message, "endBlock", "alice").said).toBe("staking/5");
    const reclaim = { ...nothing, reclaimEscrow: { account: address("val"), shares: 0n } };
    expect(bench.publish(runtimeStakingMessage, reclaim, "endBlock", "alice").said).toBe("staking/1");
    bench.parameters((params) => {
      params.allowEscrowMessages = true;
    });
    const { answer } = bench.publish(runtimeStakingMessage, message, "endBlock", "alice");
    expect(AddEscrowResult.decode(answer as Uint8Array).newShares).toBe(7n);
  });

  test("only count gas in simulation, and are refused without a request", () => {
    const message = { ...nothing, transfer: { to: address("bob"), amount: 7n } };
    const { said, answer } = bench.publish(runtimeStakingMessage, message, "simulate", "alice");
    expect([said, answer, bench.account("bob").general.balance]).toEqual(["ok", undefined, 0n]);
    expect(bench.publish(runtimeStakingMessage, nothing, "endBlock", "alice").said).toBe("staking/1");
  });
});

describe("changes of parameters", () => {
  const changes = (change: Partial<StakingParameterChanges>): { module: string; changes: Uint8Array } => ({
    module: "staking",
    changes: StakingParameterChanges.encode({ ...StakingParameterChanges.zero(), ...change }),
  });

  test("are validated without being made, then made", () => {
    const proposal = changes({ minTransfer: 9n });
    expect(bench.publish(validateParameterChanges, proposal).answer).toBe(true);
    expect(parameters.load(bench.state).minTransfer).toBe(0n);
    expect(bench.publish(applyParameterChanges, proposal).answer).toBe(true);
    expect(parameters.load(bench.state).minTransfer).toBe(9n);
  });

  test("of other modules are not answered, empty, unknown and impossible ones are plain errors", () => {
    expect(
      bench.publish(validateParameterChanges, { ...changes({ minTransfer: 9n }), module: "beacon" }).answer,
    ).toBeUndefined();
    expect(bench.publish(validateParameterChanges, changes({})).said).toBe("unknown/1");
    expect(bench.publish(validateParameterChanges, { module: "staking", changes: Uint8Array.of(0x01) }).said).toBe(
      "unknown/1",
    );
    const noWeights = { feeSplitWeightPropose: 0n, feeSplitWeightVote: 0n, feeSplitWeightNextPropose: 0n };
    expect(bench.publish(validateParameterChanges, changes(noWeights)).said).toBe("unknown/1");
    const tooLate = { rewardSchedule: [{ until: 0xffffffffffffffffn, scale: 1n }] };
    expect(bench.publish(validateParameterChanges, changes(tooLate)).said).toBe("unknown/1");
    const notRising = {
      rewardSchedule: [
        { until: 5n, scale: 1n },
        { until: 5n, scale: 1n },
      ],
    };
    expect(bench.publish(validateParameterChanges, changes(notRising)).said).toBe("unknown/1");
    expect(bench.publish(validateParameterChanges, changes({ minCommissionRate: 100_001n })).said).toBe("unknown/1");
  });

  test("a new minimum commission rate raises every schedule below it", () => {
    bench.parameters((params) => {
      Object.assign(params.commissionScheduleRules, { rateChangeInterval: 1n, maxRateSteps: 2, maxBoundSteps: 2 });
    });
    bench.change("val", ({ escrow }) => {
      escrow.commissionSchedule = {
        rates: [{ start: 0n, rate: 5n }],
        bounds: [{ start: 0n, rateMin: 1n, rateMax: 6n }],
      };
    });
    bench.change("other", ({ escrow }) => {
      escrow.commissionSchedule = {
        rates: [{ start: 0n, rate: 50n }],
        bounds: [{ start: 0n, rateMin: 20n, rateMax: 60n }],
      };
    });
    expect(bench.publish(applyParameterChanges, changes({ minCommissionRate: 10n })).said).toBe("ok");
    expect(bench.account("val").escrow.commissionSchedule).toEqual({
      rates: [{ start: 0n, rate: 10n }],
      bounds: [{ start: 0n, rateMin: 10n, rateMax: 10n }],
    });
    expect(bench.account("other").escrow.commissionSchedule.rates[0]?.rate).toBe(50n);
  });
});

describe("stake claims", () => {
  beforeEach(() => {
    bench.parameters((params) => {
      params.thresholds.set(1, 60n);
    });
    bench.change("val", ({ escrow }) => {
      escrow.active = { balance: 100n, totalShares: 100n };
    });
  });

  test("are covered together, and replacing one does not count it twice", () => {
    const ctx = bench.context("endBlock");
    addStakeClaim(ctx, address("val"), "a", [globalThreshold(1)]);
    expect(() => addStakeClaim(ctx, address("val"), "b", [constantThreshold(41n)])).toThrow(/insufficient stake/);
    addStakeClaim(ctx, address("val"), "a", [globalThreshold(1), constantThreshold(40n), globalThreshold(99)]);
    checkStakeClaims(ctx, address("val"));
    bench.change("val", ({ escrow }) => {
      escrow.active.balance = 99n;
    });
    expect(() => checkStakeClaims(ctx, address("val"))).toThrow(/insufficient stake/);
    removeStakeClaim(ctx, address("val"), "a");
    expect(() => removeStakeClaim(ctx, address("val"), "a")).toThrow(/does not exist/);
  });

  test("are held back until they are committed, and forgotten when discarded", () => {
    const claims = new StakeClaims(bench.context("endBlock"));
    claims.add(address("val"), "a", []);
    expect(bench.account("val").escrow.stakeAccumulator.claims.size).toBe(0);
    claims.discard();
    expect(() => claims.remove(address("val"), "a")).toThrow(/does not exist/);
    claims.add(address("val"), "a", []);
    claims.commit();
    expect(bench.account("val").escrow.stakeAccumulator.claims.get("a")).toBeNull();
    expect(claims.escrowBalance(address("val"))).toBe(100n);
  });
});

describe("transfers of other services", () => {
  test("do nothing for nothing and never leave an account below the minimum", () => {
    const ctx = bench.context("deliverTx");
    transferInside(ctx, address("alice"), address("alice"), 5000n);
    transferInside(ctx, address("alice"), address("bob"), 0n);
    expect(ctx.emitted).toHaveLength(0);
    expect(() => transferInside(ctx, address("alice"), address("bob"), 1001n)).toThrow(/insufficient balance/);
    bench.parameters((params) => {
      params.minTransactBalance = 10n;
    });
    expect(() => transferInside(ctx, address("alice"), address("bob"), 9n)).toThrow(/balance too low/);
    expect(() => transferInside(ctx, address("alice"), address("bob"), 995n)).toThrow(/balance too low/);
    transferInside(ctx, address("alice"), address("bob"), 10n);
    expect(bench.account("bob").general.balance).toBe(10n);
  });
});

describe("blocks", () => {
  test("keep fees for the next block, and give those that nobody may have to the common pool", () => {
    bench.call(
      "alice",
      "staking.Transfer",
      Transfer,
      { to: address("bob"), amount: 1n },
      { fee: { amount: 8n, gas: 1n } },
    );
    bench.phase("endBlock");
    expect([lastBlockFees.get(bench.state), commonPool.get(bench.state)]).toEqual([4n, 4n]);
    bench.newBlock(new Uint8Array(20), [{ address: new Uint8Array(20).fill(1), signed: true }]);
    bench.phase("beginBlock");
    expect(commonPool.get(bench.state)).toBe(8n);
  });

  test("cannot divide fees among no validators", () => {
    lastBlockFees.set(bench.state, 5n);
    bench.newBlock();
    expect(() => bench.phase("beginBlock")).toThrow(/cannot be divided/);
  });
});

function section(): StakingGenesis {
  const ledger = SortedMap.bytes<ReturnType<Bench["account"]> | null>();
  ledger.set(address("alice"), bench.account("alice"));
  return {
    ...Section.zero(),
    parameters: easyParameters(),
    ledger,
    totalSupply: 1015n,
    commonPool: 10n,
    lastBlockFees: 5n,
  };
}

describe("genesis", () => {
  const start = (genesisSection: StakingGenesis): void => {
    const document = { height: 1n, validators: [], section: () => undefined };
    genesis.initChain(bench.context("initChain"), genesisSection, document);
  };

  test("adds the fees of the block before to the common pool, and exports what it read", () => {
    start(section());
    expect([commonPool.get(bench.state), lastBlockFees.get(bench.state)]).toEqual([15n, 0n]);
    const expected = { ...section(), commonPool: 15n, lastBlockFees: 0n };
    expect(toHex(Section.encode(queries.toGenesis(bench.state)))).toBe(toHex(Section.encode(expected)));
  });

  test("refuses sums that do not add up, reserved accounts, claims and unknown shares", () => {
    expect(() => start({ ...section(), totalSupply: 1n })).toThrow(/total_supply/);
    const reserved = section();
    reserved.ledger.set(COMMON_POOL, bench.account("nobody"));
    expect(() => start(reserved)).toThrow(/reserved/);
    const empty = section();
    empty.ledger.set(address("bob"), null);
    expect(() => start(empty)).toThrow(/null/);
    const shares = section();
    shares.delegations.set(
      address("alice"),
      SortedMap.bytes<{ shares: bigint } | null>().set(address("bob"), { shares: 1n }),
    );
    expect(() => start(shares)).toThrow(/shares/);
    const claims = section();
    claims.ledger.get(address("alice"))?.escrow.stakeAccumulator.claims.set("a", null);
    expect(() => start(claims)).toThrow(/claims/);
  });
});

describe("queries", () => {
  test("make up the accounts of the network itself", () => {
    commonPool.set(bench.state, 1n);
    lastBlockFees.set(bench.state, 2n);
    governanceDeposits.set(bench.state, 3n);
    const balances = [COMMON_POOL, FEE_ACCUMULATOR, GOVERNANCE_DEPOSITS].map(
      (reserved) => queries.account(bench.state, reserved).general.balance,
    );
    expect(balances).toEqual([1n, 2n, 3n]);
    expect(queries.account(bench.state, address("alice")).general.balance).toBe(1000n);
  });

  test("show delegations both ways, with the pools that they are of", () => {
    const [alice, val] = [address("alice"), address("val")];
    bench.change("val", ({ escrow }) => {
      escrow.active = { balance: 10n, totalShares: 5n };
      escrow.debonding = { balance: 4n, totalShares: 4n };
    });
    setDelegation(bench.state, alice, val, { shares: 5n });
    addDebonding(bench.state, alice, val, { shares: 1n, debondEnd: 7n });
    addDebonding(bench.state, alice, val, { shares: 2n, debondEnd: 7n });
    addDebonding(bench.state, alice, val, { shares: 1n, debondEnd: 8n });
    expect(queries.delegationsTo(bench.state, val).get(alice)).toEqual({ shares: 5n });
    expect(queries.delegationInfosFor(bench.state, alice).get(val)).toEqual({
      shares: 5n,
      pool: { balance: 10n, totalShares: 5n },
    });
    const debonding = [
      { shares: 3n, debondEnd: 7n },
      { shares: 1n, debondEnd: 8n },
    ];
    expect(queries.debondingDelegationsFor(bench.state, alice).get(val)).toEqual(debonding);
    expect(queries.debondingDelegationsTo(bench.state, val).get(alice)).toEqual(debonding);
    expect(queries.debondingDelegationsTo(bench.state, alice).size).toBe(0);
    const pool = { balance: 4n, totalShares: 4n };
    const infos = queries.debondingDelegationInfosFor(bench.state, alice).get(val);
    expect(infos).toEqual(debonding.map((d) => ({ ...d, pool })));
  });

  test("know thresholds and allowances, and read events back", () => {
    expect(queries.threshold(bench.state, 6)).toBe(0n);
    expect(() => queries.threshold(bench.state, 7)).toThrow(/invalid threshold/);
    expect(queries.allowance(bench.state, address("alice"), address("bob"))).toBe(0n);
    bench.parameters((params) => {
      params.gasCosts.set(GAS_TRANSFER, 1n);
    });
    const { ctx } = bench.call("alice", "staking.Transfer", Transfer, { to: address("bob"), amount: 3n });
    const [carrier] = ctx.emitted;
    const transfer = { from: address("alice"), to: address("bob"), amount: 3n };
    expect(carrier && queries.event(carrier, 4n, EMPTY_HASH)).toMatchObject({ height: 4n, transfer });
    expect(queries.event({ type: "oasis_event_000_beacon", attributes: [] }, 4n, EMPTY_HASH)).toBeUndefined();
  });
});
