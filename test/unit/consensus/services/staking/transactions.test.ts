import { beforeEach, describe, expect, test } from "vitest";
import { BURN_ADDRESS, COMMON_POOL } from "#common/address.js";
import { staking } from "#consensus/services/staking/index.js";
import { GAS_TRANSFER } from "#consensus/services/staking/params.js";
import { getDelegation, totalSupply } from "#consensus/services/staking/state/index.js";
import {
  Allow,
  AmendCommissionSchedule,
  Burn,
  Escrow,
  ReclaimEscrow,
  Transfer,
  Withdraw,
} from "#consensus/services/staking/types/index.js";
import { address, Bench, type CallOptions, type Said } from "./support.ts";

let bench: Bench;

beforeEach(() => {
  bench = new Bench([staking]);
  bench.fund("alice", 1000n);
});

function transfer(from: string, to: Uint8Array, amount: bigint, options?: CallOptions): Said {
  return bench.call(from, "staking.Transfer", Transfer, { to, amount }, options);
}

const balance = (name: string): bigint => bench.account(name).general.balance;

describe("authentication", () => {
  test("a failing transaction keeps its fee and its nonce, and says so", () => {
    const { said, kinds, ctx } = transfer("alice", address("bob"), 5000n, { fee: { amount: 10n, gas: 100n } });
    expect(said).toBe("unknown/1");
    expect(kinds).toEqual(["transfer"]);
    expect(ctx.provable).toHaveLength(1);
    expect(bench.account("alice").general).toMatchObject({ balance: 990n, nonce: 1n });
  });

  test("refuses a wrong nonce and a balance below fee and minimum together", () => {
    expect(transfer("alice", address("bob"), 1n, { nonce: 7n }).said).toBe("consensus/transaction/1");
    bench.parameters((params) => {
      params.minTransactBalance = 995n;
    });
    expect(transfer("alice", address("bob"), 1n, { fee: { amount: 6n, gas: 1n } }).said).toBe("staking/10");
    expect(bench.account("alice").general.nonce).toBe(0n);
  });

  test("the pool's check takes fee and nonce only after success, and honours the local gas price", () => {
    const fee = { amount: 10n, gas: 10n };
    const dear = transfer("alice", address("bob"), 1n, { mode: "checkTx", fee, minGasPrice: 2n });
    expect(dear.said).toBe("consensus/transaction/3");
    expect(bench.account("alice").general).toMatchObject({ balance: 1000n, nonce: 0n });
    const checked = transfer("alice", address("bob"), 1n, { mode: "checkTx", fee, minGasPrice: 1n });
    expect([checked.said, checked.ctx.gas.wanted]).toEqual(["ok", 10n]);
    expect(bench.account("alice").general).toMatchObject({ balance: 990n, nonce: 1n });
    expect(balance("bob")).toBe(0n);
  });

  test("simulation needs neither nonce nor balance and only counts gas", () => {
    bench.parameters((params) => {
      params.gasCosts.set(GAS_TRANSFER, 42n);
    });
    const { said, ctx } = transfer("nobody", address("bob"), 1n, { mode: "simulate", nonce: 99n });
    expect([said, ctx.gas.used]).toEqual(["ok", 42n]);
    expect(balance("bob")).toBe(0n);
  });

  test("runs out of gas before anything is moved", () => {
    bench.parameters((params) => {
      params.gasCosts.set(GAS_TRANSFER, 42n);
    });
    const { said, ctx } = transfer("alice", address("bob"), 1n, { fee: { amount: 0n, gas: 41n } });
    expect([said, ctx.gas.used]).toEqual(["unknown/1", 0n]);
    expect(balance("bob")).toBe(0n);
  });
});

describe("Transfer and Burn", () => {
  test("move and destroy tokens", () => {
    expect(transfer("alice", address("bob"), 100n).kinds).toEqual(["transfer"]);
    expect(bench.call("alice", "staking.Burn", Burn, { amount: 50n }).kinds).toEqual(["burn"]);
    expect([balance("alice"), balance("bob"), totalSupply.get(bench.state)]).toEqual([850n, 100n, 999_950n]);
  });

  test("a transfer to the burn address burns and still reports a transfer", () => {
    expect(transfer("alice", BURN_ADDRESS, 100n).kinds).toEqual(["burn", "transfer"]);
    expect(totalSupply.get(bench.state)).toBe(999_900n);
  });

  test("a transfer to any other reserved address is a plain error", () => {
    expect(transfer("alice", COMMON_POOL, 1n).said).toBe("unknown/1");
  });

  test("disabled transfers spare those who are exempt, and burning", () => {
    bench.parameters((params) => {
      params.disableTransfers = true;
      params.undisableTransfersFrom.set(address("bob"), true);
      params.undisableTransfersFrom.set(address("alice"), false);
    });
    bench.fund("bob", 5n);
    expect(transfer("alice", address("bob"), 1n).said).toBe("staking/5");
    expect(transfer("bob", address("alice"), 1n).said).toBe("ok");
    expect(bench.call("alice", "staking.Burn", Burn, { amount: 1n }).said).toBe("ok");
  });

  test("respect the minimum transfer and the minimum balance on both sides", () => {
    bench.parameters((params) => {
      params.minTransfer = 10n;
      params.minTransactBalance = 100n;
    });
    expect(transfer("alice", address("bob"), 9n).said).toBe("staking/9");
    expect(transfer("alice", address("bob"), 901n).said).toBe("staking/10");
    expect(transfer("alice", address("bob"), 99n).said).toBe("staking/10");
    expect(bench.call("alice", "staking.Burn", Burn, { amount: 9n }).said).toBe("staking/9");
    expect(bench.call("alice", "staking.Burn", Burn, { amount: 901n }).said).toBe("staking/10");
    expect(transfer("alice", address("bob"), 100n).said).toBe("ok");
  });

  test("a body that does not decode is an invalid argument, an absent one is empty", () => {
    expect(bench.callRaw("alice", "staking.Transfer", Uint8Array.of(0x01)).said).toBe("staking/1");
    expect(bench.callRaw("alice", "staking.Transfer", new Uint8Array(0)).said).toBe("ok");
  });
});

describe("AddEscrow and ReclaimEscrow", () => {
  const escrow = (who: string, amount: bigint): Said =>
    bench.call(who, "staking.AddEscrow", Escrow, { account: address("val"), amount });
  const reclaim = (who: string, shares: bigint, options?: CallOptions): Said =>
    bench.call(who, "staking.ReclaimEscrow", ReclaimEscrow, { account: address("val"), shares }, options);

  test("buy shares and give them back over the debonding interval", () => {
    bench.parameters((params) => {
      params.debondingInterval = 2n;
    });
    expect(escrow("alice", 300n).kinds).toEqual(["add_escrow"]);
    expect(getDelegation(bench.state, address("alice"), address("val")).shares).toBe(300n);
    expect(reclaim("alice", 100n).kinds).toEqual(["debonding_start"]);
    expect(bench.account("val").escrow).toMatchObject({
      active: { balance: 200n, totalShares: 200n },
      debonding: { balance: 100n, totalShares: 100n },
    });
    bench.enterEpoch(7n);
    expect(bench.phase("endBlock").kinds).toContain("reclaim_escrow");
    expect(balance("alice")).toBe(800n);
  });

  test("a new shareholder pays the current price", () => {
    bench.fund("bob", 1000n);
    escrow("alice", 100n);
    bench.change("val", (account) => {
      account.escrow.active.balance = 150n;
    });
    escrow("bob", 100n);
    expect(getDelegation(bench.state, address("bob"), address("val")).shares).toBe(66n);
  });

  test("no shares are refused even in the pool, more than one has plainly", () => {
    expect(reclaim("alice", 0n, { mode: "checkTx" }).said).toBe("staking/1");
    escrow("alice", 10n);
    expect(reclaim("alice", 11n).said).toBe("unknown/1");
  });

  test("disabled delegation spares the own account, small amounts are refused", () => {
    bench.parameters((params) => {
      params.disableDelegation = true;
      params.minDelegation = 5n;
    });
    expect(escrow("alice", 4n).said).toBe("staking/8");
    expect(escrow("alice", 5n).said).toBe("staking/5");
    expect(reclaim("alice", 5n).said).toBe("staking/5");
    bench.fund("val", 10n);
    expect(escrow("val", 10n).said).toBe("ok");
    expect(reclaim("val", 10n).said).toBe("ok");
  });

  test("a pool that was slashed to nothing takes no deposits", () => {
    escrow("alice", 10n);
    bench.change("val", (account) => {
      account.escrow.active.balance = 0n;
    });
    expect(escrow("alice", 10n).said).toBe("staking/1");
  });
});

describe("Allow and Withdraw", () => {
  const allow = (beneficiary: string, amountChange: bigint, negative = false): Said =>
    bench.call("alice", "staking.Allow", Allow, { beneficiary: address(beneficiary), negative, amountChange });
  const withdraw = (who: string, amount: bigint, from = address("alice")): Said =>
    bench.call(who, "staking.Withdraw", Withdraw, { from, amount });

  test("an allowance is used up by withdrawals", () => {
    allow("bob", 100n);
    expect(withdraw("bob", 60n).kinds).toEqual(["transfer", "allowance_change"]);
    expect(withdraw("bob", 60n).said).toBe("staking/5");
    expect(withdraw("bob", 40n).said).toBe("ok");
    expect(bench.account("alice").general.allowances.size).toBe(0);
    expect([balance("alice"), balance("bob")]).toEqual([900n, 100n]);
  });

  test("an allowance falls to zero at most, and the event tells what really changed", () => {
    allow("bob", 10n);
    const { ctx } = allow("bob", 25n, true);
    expect(ctx.emitted).toHaveLength(1);
    expect(bench.account("alice").general.allowances.size).toBe(0);
  });

  test("limits on allowances", () => {
    expect(allow("alice", 1n).said).toBe("staking/1");
    expect(allow("bob", 1_000_001n).said).toBe("staking/11");
    for (const name of ["a", "b", "c", "d"]) expect(allow(name, 1n).said).toBe("ok");
    expect(allow("e", 1n).said).toBe("staking/7");
    bench.parameters((params) => {
      params.maxAllowances = 0;
    });
    expect(allow("a", 1n).said).toBe("staking/5");
    expect(withdraw("a", 1n).said).toBe("staking/5");
  });

  test("withdrawals are refused from oneself, below the minimum, above the balance and from reserved accounts", () => {
    allow("bob", 5000n);
    expect(withdraw("alice", 1n).said).toBe("staking/1");
    expect(withdraw("bob", 1n, COMMON_POOL).said).toBe("staking/5");
    expect(withdraw("bob", 1001n).said).toBe("staking/3");
    bench.parameters((params) => {
      params.minTransfer = 2n;
    });
    expect(withdraw("bob", 1n).said).toBe("staking/9");
    expect(bench.account("alice").general.allowances.get(address("bob"))).toBe(5000n);
  });

  test("an account with a hook that nobody answers lets nothing out, whatever its allowances", () => {
    allow("bob", 100n);
    bench.change("alice", (account) => {
      account.general.hooks.set(1, { module: "vault" });
    });
    expect(withdraw("bob", 1n).said).toBe("staking/5");
  });
});

describe("AmendCommissionSchedule", () => {
  const amend = (start: bigint): Said =>
    bench.call("val", "staking.AmendCommissionSchedule", AmendCommissionSchedule, {
      amendment: { rates: [{ start, rate: 10n }], bounds: [{ start, rateMin: 0n, rateMax: 100n }] },
    });

  test("needs the stake of a validator and a start in the future", () => {
    bench.parameters((params) => {
      params.thresholds.set(0, 60n).set(1, 40n);
      Object.assign(params.commissionScheduleRules, { rateChangeInterval: 1n, maxRateSteps: 2, maxBoundSteps: 2 });
    });
    bench.change("val", (account) => {
      account.escrow.active = { balance: 99n, totalShares: 99n };
    });
    expect(amend(9n).said).toBe("staking/4");
    bench.change("val", (account) => {
      account.escrow.active.balance = 100n;
    });
    expect(amend(5n).said).toBe("unknown/1");
    expect(amend(6n).said).toBe("ok");
    expect(bench.account("val").escrow.commissionSchedule.rates).toEqual([{ start: 6n, rate: 10n }]);
  });
});
