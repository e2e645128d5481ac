import { describe, expect, test } from "vitest";
import { addressFromPublicKey, COMMON_POOL } from "#common/address.js";
import { utf8 } from "#common/bytes.js";
import { CodedError, defineErrors } from "#common/errors/index.js";
import { errorOf, statusOf } from "#common/rpc/index.js";
import { GasCostTable } from "#consensus/app/parameters.js";
import { beacon } from "#consensus/services/beacon/index.js";
import { beaconErrors } from "#consensus/services/beacon/errors.js";
import { beaconParametersCell } from "#consensus/services/beacon/params.js";
import * as beaconQueries from "#consensus/services/beacon/queries.js";
import { vrfStateCell } from "#consensus/services/beacon/state.js";
import { BACKEND_VRF, BeaconParameters, VrfParameters, VrfProve, VrfState } from "#consensus/services/beacon/types.js";
import { governanceErrors } from "#consensus/services/governance/errors.js";
import { UpgradeDescriptor } from "#consensus/services/governance/types.js";
import { churpErrors, keyManagerErrors } from "#consensus/services/keymanager/errors.js";
import { registryErrors } from "#consensus/services/registry/errors.js";
import { setNode } from "#consensus/services/registry/state.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { challengeErrors, commitmentErrors, rootHashErrors } from "#consensus/services/roothash/errors.js";
import { stakingErrors } from "#consensus/services/staking/errors.js";
import { staking } from "#consensus/services/staking/index.js";
import * as stakingQueries from "#consensus/services/staking/queries.js";
import { Allow, AmendCommissionSchedule, Burn, Withdraw } from "#consensus/services/staking/types/index.js";
import { upgradeErrors } from "#consensus/services/upgrades/errors.js";
import { PendingList } from "#consensus/services/upgrades/state.js";
import { vaultErrors } from "#consensus/services/vault/errors.js";
import * as vaultQueries from "#consensus/services/vault/queries.js";
import { executeAction } from "#consensus/services/vault/transactions/execute-action.js";
import { Action, Vault } from "#consensus/services/vault/types.js";
import { consensusErrors, transactionErrors } from "#consensus/transaction/errors.js";
import { address, Bench, type CallOptions, key } from "./staking/support.ts";

function code(action: () => unknown): string {
  try {
    action();
    return "ok";
  } catch (error) {
    if (error instanceof CodedError) return `${error.module}/${error.code}`;
    throw error;
  }
}

describe("the list of codes", () => {
  /** Module and how many codes it has; some numbers are left out (consensus: transactions). */
  const LIST: readonly (readonly [ReturnType<typeof defineErrors>, string, number, readonly number[]])[] = [
    [consensusErrors, "consensus", 6, []],
    [transactionErrors, "consensus/transaction", 5, []],
    [stakingErrors, "staking", 11, []],
    [registryErrors, "registry", 19, []],
    [rootHashErrors, "roothash", 13, []],
    [commitmentErrors, "roothash/commitment", 18, [12]],
    [challengeErrors, "roothash/storage", 8, []],
    [governanceErrors, "governance", 7, []],
    [vaultErrors, "vault", 7, []],
    [beaconErrors, "beacon", 2, []],
    [keyManagerErrors, "keymanager", 4, []],
    [churpErrors, "keymanager/churp", 1, []],
    [upgradeErrors, "upgrade", 8, [2, 3, 4]],
  ];

  test.each(LIST.map(([table, module, last, without]) => [module, table, last, without] as const))(
    "of %s is complete and has no number twice",
    (module, table, last, without) => {
      const all = Array.from({ length: last }, (_, i) => i + 1).filter((n) => !without.includes(n));
      expect(Object.values(table).map((make) => make.code)).toEqual(all);
      for (const make of Object.values(table)) {
        expect([make.module, make().message]).toEqual([module, expect.stringMatching(/^[a-z/]+: ./)]);
        expect(make.is(make("context")) && !make.is(new CodedError(module, 99, ""))).toBe(true);
      }
    },
  );

  test("has codes that nothing returns: they still travel to clients and back", () => {
    const unreturned: readonly (readonly [() => CodedError, string])[] = [
      [consensusErrors.unsupported, "consensus/4"],
      [transactionErrors.methodNotSupported, "consensus/transaction/5"],
      [stakingErrors.invalidSignature, "staking/2"],
      [registryErrors.badEntityForRuntime, "registry/4"],
      [registryErrors.badEnclaveIdentity, "registry/6"],
      [registryErrors.badTeeHardware, "registry/7"],
      [commitmentErrors.noCommittee, "roothash/commitment/2"],
      [commitmentErrors.invalidCommitteeKind, "roothash/commitment/3"],
      [commitmentErrors.timeoutNotCorrectRound, "roothash/commitment/15"],
      [commitmentErrors.invalidRound, "roothash/commitment/16"],
      [upgradeErrors.stopForUpgrade, "upgrade/1"],
      [upgradeErrors.notFound, "upgrade/7"],
      [upgradeErrors.badDescriptor, "upgrade/8"],
    ];
    for (const [make, expected] of unreturned) {
      expect(code(() => raise(errorOf(statusOf(make()))))).toBe(expected);
    }
  });
});

function raise(error: unknown): never {
  throw error;
}

describe("questions about what is not there", () => {
  const { state } = new Bench([staking]);

  test("have codes of their own", () => {
    expect(code(() => beaconQueries.getBeacon(state))).toBe("beacon/2");
    expect(code(() => stakingQueries.threshold(state, 99))).toBe("staking/6");
    expect(code(() => vaultQueries.vault(state, address("nobody")))).toBe("vault/2");
    expect(code(() => vaultQueries.addressState(state, address("nobody"), address("alice")))).toBe("vault/3");
  });
});

describe("beacon.VRFProve", () => {
  const bench = new Bench([staking, beacon]);
  const params = { ...BeaconParameters.zero(), backend: BACKEND_VRF, vrfParameters: VrfParameters.zero() };
  beaconParametersCell.set(bench.state, params);
  vrfStateCell.set(bench.state, { ...VrfState.zero(), epoch: 5n, alpha: utf8("alpha"), submitAfter: 3n });
  const node: Node = { ...Node.zero(), v: 3, id: key("node"), entityId: key("owner") };
  setNode(bench.state, undefined, node, { untrustedRawValue: Node.encode(node), signatures: null });
  const prove = (who: string, body: Uint8Array): string => bench.callRaw(who, "beacon.VRFProve", body).said;

  test("beacon.VRFProve looks at the body only when everything else is in order", () => {
    expect(prove("node", Uint8Array.of(0x01))).toBe("beacon/1");
    expect(prove("node", VrfProve.encode({ epoch: 4n, pi: new Uint8Array(80) }))).toBe("unknown/1");
    expect(prove("node", VrfProve.encode({ epoch: 5n, pi: new Uint8Array(80) }))).toBe("unknown/1");
    expect(prove("node", VrfProve.encode({ epoch: 5n, pi: new Uint8Array(79) }))).toBe("unknown/1");
    expect(prove("node", VrfProve.encode({ epoch: 5n, pi: new Uint8Array(30_000) }))).toBe("unknown/1");
    // No body is a proof of epoch 0.
    expect(prove("node", new Uint8Array(0))).toBe("unknown/1");
    expect(prove("stranger", Uint8Array.of(0x01))).toBe("unknown/1");
    vrfStateCell.set(bench.state, { ...VrfState.zero(), submitAfter: 100n });
    expect(prove("node", Uint8Array.of(0x01))).toBe("unknown/1");
  });
});

describe("staking.Withdraw", () => {
  const withdraw = (bench: Bench, amount: bigint, options?: CallOptions): string =>
    bench.call("bob", "staking.Withdraw", Withdraw, { from: address("alice"), amount }, options).said;

  test("staking.Withdraw goes as far as the allowance, the balance, the minimum balances and the gas", () => {
    const bench = new Bench([staking]);
    bench.fund("alice", 100n);
    const allow = { beneficiary: address("bob"), negative: false, amountChange: 500n };
    expect(bench.call("alice", "staking.Allow", Allow, allow).said).toBe("ok");
    expect(withdraw(bench, 501n)).toBe("staking/5");
    expect(withdraw(bench, 101n)).toBe("staking/3");
    bench.parameters((params) => {
      params.gasCosts = GasCostTable.zero();
      params.gasCosts.set("withdraw", 7n);
    });
    expect(withdraw(bench, 1n, { fee: { amount: 0n, gas: 6n } })).toBe("unknown/1");
    expect(bench.call("alice", "staking.Allow", Allow, allow, { fee: { amount: 0n, gas: 0n } }).said).toBe("ok");
    bench.fund("bob", 50n);
    bench.parameters((params) => {
      params.minTransactBalance = 50n;
    });
    expect(withdraw(bench, 51n)).toBe("staking/10");
    expect(withdraw(bench, 50n)).toBe("ok");
    expect(bench.account("alice").general.allowances.get(address("bob"))).toBe(950n);
  });
});

describe("reserved accounts", () => {
  const bench = new Bench([staking]);
  /** Runs a method on behalf of a reserved account, which only a call within the state machine could do. */
  const asReserved = (method: string, body: Uint8Array): string => {
    const ctx = bench.context("deliverTx", "alice");
    ctx.setSigner(key("alice"), COMMON_POOL);
    return bench.attempt(ctx, () => staking.transactions.find((t) => t.method === method)?.run(ctx, body)).said;
  };

  test("staking.Burn, staking.AmendCommissionSchedule and the others are not for them", () => {
    expect(asReserved("staking.Burn", Burn.encode({ amount: 1n }))).toBe("staking/5");
    const amendment = AmendCommissionSchedule.encode(AmendCommissionSchedule.zero());
    expect(asReserved("staking.AmendCommissionSchedule", amendment)).toBe("staking/5");
    for (const { method } of staking.transactions) {
      if (/Burn|Amend/.test(method)) continue;
      expect(asReserved(method, Uint8Array.of(0xa0)), method).toMatch(/^(staking\/(1|5)|unknown\/1)$/);
    }
    expect(addressFromPublicKey(key("alice"))).toEqual(address("alice"));
  });
});

describe("actions of vaults", () => {
  test("that this release does not know are refused with a code of their own, even if they were authorized", () => {
    const bench = new Bench([staking]);
    const ctx = bench.context("deliverTx", "alice");
    expect(code(() => executeAction(ctx, Vault.zero(), Action.zero()))).toBe("vault/7");
  });
});

describe("pending upgrades", () => {
  test("are told apart by their whole descriptor, and stay once they have begun", () => {
    const descriptor: UpgradeDescriptor = { ...UpgradeDescriptor.zero(), v: 2, handler: "some handler", epoch: 9n };
    const list = new PendingList(undefined);
    list.add(descriptor);
    expect(code(() => list.add({ ...descriptor }))).toBe("upgrade/5");
    expect(code(() => list.add({ ...descriptor, epoch: 10n }))).toBe("ok");
    const begun = list.find(descriptor);
    if (begun !== undefined) begun.upgradeHeight = 7n;
    expect(code(() => list.remove(descriptor))).toBe("upgrade/6");
    expect(code(() => list.remove({ ...descriptor, epoch: 10n }))).toBe("ok");
    expect(code(() => list.remove({ ...descriptor, epoch: 11n }))).toBe("ok");
  });
});
