import { beforeEach, describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { applyParameterChanges, validateParameterChanges } from "#consensus/app/parameter-changes.js";
import { executeSubcall } from "#consensus/app/subcall.js";
import { GAS_TRANSFER } from "#consensus/services/staking/params.js";
import { staking } from "#consensus/services/staking/index.js";
import { getAccount, setAccount } from "#consensus/services/staking/state/index.js";
import { Transfer, Withdraw } from "#consensus/services/staking/types/index.js";
import { genesis } from "#consensus/services/vault/genesis.js";
import { vault } from "#consensus/services/vault/index.js";
import {
  defaultParameters,
  GAS_AUTHORIZE_ACTION,
  setParameters,
  VaultParameterChanges,
} from "#consensus/services/vault/params.js";
import * as queries from "#consensus/services/vault/queries.js";
import {
  type Action,
  type Authority,
  AuthorizeAction,
  CancelAction,
  Create,
  STATE_SUSPENDED,
  vaultAddress,
  VaultGenesis,
} from "#consensus/services/vault/types.js";
import { address, Bench, type CallOptions, type Said } from "../staking/support.ts";

let bench: Bench;
let target: Uint8Array;

function authority(threshold: number, ...names: string[]): Authority {
  return { addresses: names.map(address), threshold };
}

function create(who: string, adminAuthority: Authority, suspendAuthority: Authority): Said {
  return bench.call(who, "vault.Create", Create, { adminAuthority, suspendAuthority });
}

/** The nonce of the vault's next action. */
const nonce = (): bigint => queries.vault(bench.state, target).nonce;

function authorize(who: string, action: Action, options?: CallOptions): Said {
  return bench.call(who, "vault.AuthorizeAction", AuthorizeAction, { vault: target, nonce: nonce(), action }, options);
}

function withdraw(who: string, amount: bigint): Said {
  return bench.call(who, "staking.Withdraw", Withdraw, { from: target, amount });
}

function policy(name: string, limitAmount: bigint, limitInterval: bigint): Action {
  return { updateWithdrawPolicy: { address: address(name), policy: { limitAmount, limitInterval } } };
}

/** The result that the last executed action reports. */
function executed({ ctx }: Said): { module: string; code: number } | undefined {
  const events = ctx.emitted.map((carrier) => queries.event(carrier, 1n, EMPTY_HASH));
  return events.find((event) => event?.actionExecuted !== undefined)?.actionExecuted?.result;
}

beforeEach(() => {
  bench = new Bench([staking, vault]);
  setParameters(bench.state, { ...defaultParameters(), gasCosts: VaultGenesis.zero().params.gasCosts });
  bench.fund("alice", 1000n);
  create("alice", authority(1, "alice"), authority(1, "guard"));
  target = vaultAddress({ creator: address("alice"), id: 1n });
  const account = getAccount(bench.state, target);
  account.general.balance = 500n;
  setAccount(bench.state, target, account);
});

describe("Create", () => {
  test("makes an account with a hook, named by the creator's nonce", () => {
    expect(queries.vaults(bench.state).map(vaultAddress)).toEqual([target]);
    expect(getAccount(bench.state, target).general.hooks.get(1)).toEqual({ module: "vault" });
  });

  test("refuses authorities that nobody or not enough are in", () => {
    const good = authority(1, "alice");
    const bad = [
      authority(0, "a"),
      authority(2, "a"),
      authority(1),
      authority(1, "a", "a"),
      { addresses: null, threshold: 1 },
    ];
    for (const a of bad) {
      expect(create("alice", a, good).said).toBe("vault/1");
      expect(create("alice", good, a).said).toBe("vault/1");
    }
    setParameters(bench.state, { ...defaultParameters(), maxAuthorityAddresses: 1 });
    expect(create("alice", authority(1, "a", "b"), good).said).toBe("vault/1");
  });

  test("is unknown on a chain without vaults", () => {
    setParameters(bench.state, { ...defaultParameters(), enabled: false });
    expect(create("alice", authority(1, "a"), authority(1, "a")).said).toBe("unknown/1");
    expect(withdraw("alice", 1n).said).toBe("staking/5");
  });
});

describe("withdrawals", () => {
  test("are decided by policy, in intervals of blocks", () => {
    expect(withdraw("bob", 1n).said).toBe("staking/5");
    expect(authorize("alice", policy("bob", 10n, 100n)).kinds).toEqual([
      "action_submitted",
      "policy_updated",
      "action_executed",
    ]);
    expect(withdraw("bob", 6n).said).toBe("ok");
    expect(withdraw("bob", 5n).said).toBe("staking/5");
    expect(withdraw("bob", 4n).said).toBe("ok");
    bench.height = 100n;
    expect(withdraw("bob", 10n).said).toBe("ok");
    expect(queries.addressState(bench.state, target, address("bob"))).toMatchObject({ bucket: 1n, amount: 10n });
  });

  test("nothing may always be withdrawn, and a policy of zero forbids the rest", () => {
    authorize("alice", policy("bob", 0n, 100n));
    expect(withdraw("bob", 0n).said).toBe("ok");
    expect(withdraw("bob", 1n).said).toBe("staking/5");
  });

  test("a new interval starts the counting anew, the same one does not", () => {
    authorize("alice", policy("bob", 10n, 100n));
    withdraw("bob", 10n);
    authorize("alice", policy("bob", 11n, 100n));
    expect(withdraw("bob", 2n).said).toBe("staking/5");
    authorize("alice", policy("bob", 11n, 50n));
    expect(withdraw("bob", 2n).said).toBe("ok");
  });

  test("stop while the vault is suspended", () => {
    authorize("alice", policy("bob", 10n, 100n));
    expect(authorize("guard", { suspend: {} }).kinds).toContain("state_changed");
    expect(queries.vault(bench.state, target).state).toBe(STATE_SUSPENDED);
    expect(withdraw("bob", 0n).said).toBe("staking/5");
    expect(authorize("guard", { suspend: {} }).kinds).not.toContain("state_changed");
    authorize("alice", { resume: {} });
    expect(withdraw("bob", 1n).said).toBe("ok");
  });
});

describe("calls on behalf of a vault", () => {
  const send = (amount: bigint): Action => ({
    executeMessage: { method: "staking.Transfer", body: Transfer.encode({ to: address("bob"), amount }) },
  });

  test("run as the vault, and their errors are results", () => {
    expect(executed(authorize("alice", send(100n)))).toEqual({ module: "", code: 0 });
    expect(bench.account("bob").general.balance).toBe(100n);
    const failed = authorize("alice", send(1000n));
    expect([failed.said, executed(failed)]).toEqual(["ok", { module: "unknown", code: 1 }]);
    expect(nonce()).toBe(2n);
  });

  test("cost their gas in simulation too", () => {
    setParameters(bench.state, { ...defaultParameters() });
    bench.parameters((params) => {
      params.gasCosts.set(GAS_TRANSFER, 7n);
    });
    const { ctx } = authorize("alice", send(100n), { mode: "simulate" });
    expect(ctx.gas.used).toBe((defaultParameters().gasCosts.get(GAS_AUTHORIZE_ACTION) ?? 0n) + 7n);
  });

  test("a vault that authorizes its own action keeps the inner change of the record", () => {
    const self = { addresses: [address("alice"), target], threshold: 1 };
    authorize("alice", { updateAuthority: { adminAuthority: self } });
    const inner = AuthorizeAction.encode({ vault: target, nonce: nonce(), action: { suspend: {} } });
    const said = authorize("alice", { executeMessage: { method: "vault.AuthorizeAction", body: inner } });
    // The outer action is pending under the same nonce, so the inner one is another action for it.
    expect(executed(said)).toEqual({ module: "vault", code: 1 });
  });

  test("unknown methods and calls that nest too deeply are plain errors", () => {
    expect(
      executed(authorize("alice", { executeMessage: { method: "nothing.Here", body: new Uint8Array(0) } })),
    ).toEqual({
      module: "unknown",
      code: 1,
    });
    // A name is as long as a transaction lets it be.
    const long = { executeMessage: { method: "x".repeat(30_000), body: new Uint8Array(0) } };
    expect(executed(authorize("alice", long))).toEqual({ module: "unknown", code: 1 });
    let deep = bench.context("deliverTx", "alice");
    const subcall = {
      caller: target,
      method: "staking.Transfer",
      body: Transfer.encode({ to: address("bob"), amount: 1n }),
    };
    const nest = (depth: number): string => {
      if (depth === 0) return bench.attempt(deep, () => deep.publish(executeSubcall, subcall)).said;
      return deep.transaction((child) => {
        deep = child;
        return nest(depth - 1);
      });
    };
    expect(nest(8)).toBe("ok");
    deep = bench.context("deliverTx", "alice");
    expect(nest(9)).toBe("unknown/1");
  });
});

describe("authorization", () => {
  test("waits for enough of the authority, and counts each address once", () => {
    authorize("alice", { updateAuthority: { adminAuthority: authority(2, "alice", "carol", "dave") } });
    const action = policy("bob", 1n, 1n);
    expect(authorize("alice", action).kinds).toEqual(["action_submitted"]);
    expect(authorize("alice", action).kinds).toEqual(["action_submitted"]);
    expect(queries.pendingActions(bench.state, target)[0]?.authorizedBy).toEqual([address("alice")]);
    expect(authorize("dave", action).kinds).toContain("action_executed");
    expect(queries.pendingActions(bench.state, target)).toEqual([]);
  });

  test("refuses strangers, wrong nonces, unknown vaults and actions that are not one, in the pool already", () => {
    const check = { mode: "checkTx" } as const;
    expect(authorize("bob", { suspend: {} }, check).said).toBe("vault/5");
    expect(authorize("guard", policy("bob", 1n, 1n), check).said).toBe("vault/5");
    expect(authorize("alice", {}, check).said).toBe("vault/1");
    expect(authorize("alice", { suspend: {}, resume: {} }, check).said).toBe("vault/1");
    expect(authorize("alice", { executeMessage: { method: "", body: new Uint8Array(0) } }, check).said).toBe("vault/1");
    expect(authorize("alice", { updateAuthority: {} }, check).said).toBe("vault/1");
    const body = { vault: target, nonce: 9n, action: { suspend: {} } };
    expect(bench.call("alice", "vault.AuthorizeAction", AuthorizeAction, body, check).said).toBe("vault/4");
    const unknown = { ...body, vault: address("nobody") };
    expect(bench.call("alice", "vault.AuthorizeAction", AuthorizeAction, unknown, check).said).toBe("vault/2");
  });

  test("an action is canceled by who may authorize it", () => {
    const cancel = (who: string): Said =>
      bench.call(who, "vault.CancelAction", CancelAction, { vault: target, nonce: nonce() });
    expect(cancel("alice").said).toBe("vault/6");
    authorize("alice", { updateAuthority: { adminAuthority: authority(2, "alice", "carol") } });
    authorize("alice", policy("bob", 1n, 1n));
    expect(cancel("bob").said).toBe("vault/5");
    expect(cancel("guard").said).toBe("vault/5");
    const before = nonce();
    expect(cancel("carol").kinds).toEqual(["action_canceled"]);
    expect(nonce()).toBe(before + 1n);
  });
});

describe("parameters and genesis", () => {
  test("governance changes what it may", () => {
    const encoded = (changes: Partial<VaultParameterChanges>): { module: string; changes: Uint8Array } => ({
      module: "vault",
      changes: VaultParameterChanges.encode({ ...VaultParameterChanges.zero(), ...changes }),
    });
    expect(bench.publish(validateParameterChanges, encoded({})).said).toBe("unknown/1");
    expect(bench.publish(validateParameterChanges, encoded({ maxAuthorityAddresses: 0 })).said).toBe("unknown/1");
    expect(bench.publish(applyParameterChanges, encoded({ maxAuthorityAddresses: 9 })).said).toBe("ok");
    expect(queries.consensusParameters(bench.state).maxAuthorityAddresses).toBe(9);
  });

  test("what is exported starts the same vaults", () => {
    authorize("alice", policy("bob", 10n, 100n));
    authorize("alice", { updateAuthority: { adminAuthority: authority(2, "alice", "carol") } });
    authorize("alice", { resume: {} });
    authorize("alice", policy("carol", 10n, 100n));
    const exported = queries.toGenesis(bench.state);
    const other = new Bench([staking, vault]);
    const document = { height: 1n, validators: [], section: (): undefined => undefined };
    genesis.initChain(other.context("initChain"), undefined, document);
    expect(queries.consensusParameters(other.state).enabled).toBe(false);
    genesis.initChain(other.context("initChain"), exported, document);
    expect(toHex(VaultGenesis.encode(queries.toGenesis(other.state)))).toBe(toHex(VaultGenesis.encode(exported)));
    expect(exported.pendingActions.size).toBe(1);
  });
});
