import { afterEach, describe, expect, test } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { ROLE_COMPUTE } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import { GOVERNANCE_CONSENSUS, GOVERNANCE_RUNTIME, type Runtime } from "#consensus/services/registry/types/runtime.js";
import { registryErrors } from "#consensus/services/registry/errors.js";
import type { SchedulingConstraints } from "#consensus/services/registry/types/runtime.js";
import { COMMITTEE_EXECUTOR, COMMITTEE_WORKER } from "#consensus/services/scheduler/types.js";
import { getAccount } from "#consensus/services/staking/state/accounts.js";
import { Account } from "#consensus/services/staking/types/account.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { stakingErrors } from "#consensus/services/staking/errors.js";
import { ReclaimEscrow, Transfer } from "#consensus/services/staking/types/transactions.js";
import { Life } from "./support/life.ts";
import { nodeNames } from "./support/local-network.ts";

let life: Life;
afterEach(() => life.stop());

async function start(made: Life = new Life()): Promise<void> {
  life = made;
  await life.start();
}

const COMPUTES = nodeNames("compute");

/** Two epochs on: registrations of the one before are over, and the committee is elected from new ones. */
async function settle(): Promise<void> {
  await life.reach(life.epoch + 3n);
}

describe("admission policies", () => {
  test("a whitelist keeps nodes of other entities out, and lets them in again", async () => {
    await start();
    await life.update((runtime) => {
      const entities = SortedMap.bytes<{ maxNodes: SortedMap<number, number> }>();
      for (const name of COMPUTES.slice(0, 4)) entities.set(life.entityOf(name), { maxNodes: SortedMap.int() });
      runtime.admissionPolicy = { anyNode: undefined, entityWhitelist: { entities }, perRole: null };
    });
    await settle();
    expect(life.committee.length).toBeGreaterThan(0);
    expect(life.committee).not.toContain("compute-4");
    expect(life.net.network.node("compute-4").registrationAttempts?.lastError).toContain("forbidden by policy");
    await life.insert("a", "1");
    await life.update((runtime) => {
      runtime.admissionPolicy = { anyNode: {}, entityWhitelist: undefined, perRole: null };
    });
    await settle();
    expect(life.net.network.node("compute-4").registrationAttempts?.lastError).toBeUndefined();
    expect(life.registered("compute-4")).toEqual(["0.0.0"]);
  });

  test("a whitelist of a role counts in this role", async () => {
    await start();
    await life.update((runtime) => {
      const entities = SortedMap.bytes<{ maxNodes: number }>();
      for (const name of COMPUTES.slice(1)) entities.set(life.entityOf(name), { maxNodes: 1 });
      const perRole = SortedMap.int<number, { entityWhitelist: { entities: typeof entities } }>();
      perRole.set(ROLE_COMPUTE, { entityWhitelist: { entities } });
      runtime.admissionPolicy = { anyNode: undefined, entityWhitelist: undefined, perRole };
    });
    await settle();
    expect(life.committee).not.toContain("compute-0");
    expect(life.committee.length).toBeGreaterThan(0);
  });

  test("a whitelist of nobody suspends the runtime; it goes on when somebody may", async () => {
    await start();
    const before = await life.insert("a", "1");
    await life.update((runtime) => {
      runtime.admissionPolicy = {
        anyNode: undefined,
        entityWhitelist: { entities: SortedMap.bytes() },
        perRole: null,
      };
    });
    await settle();
    expect(life.isSuspended).toBe(true);
    expect(life.events.slice(-2)).toEqual(["suspended event", "suspended block"]);
    await life.update((runtime) => {
      runtime.admissionPolicy = { anyNode: {}, entityWhitelist: undefined, perRole: null };
    });
    await settle();
    expect(life.events.filter((event) => event === "started")).not.toEqual([]);
    const after = await life.insert("b", "2");
    expect(after).toBeGreaterThan(before);
    expect(await life.textAt(after, "a")).toBe("1");
  });
});

/** Constraints of executor workers. */
function constrained(runtime: Runtime, constraints: SchedulingConstraints | undefined): void {
  const kinds: Runtime["constraints"] = SortedMap.int();
  if (constraints !== undefined) {
    const roles = SortedMap.int<number, SchedulingConstraints>();
    roles.set(COMMITTEE_WORKER, constraints);
    kinds.set(COMMITTEE_EXECUTOR, roles);
  }
  runtime.constraints = kinds;
}

const free: SchedulingConstraints = { validatorSet: undefined, maxNodes: undefined, minPoolSize: undefined };

describe("constraints", () => {
  test.each<[string, SchedulingConstraints]>([
    ["more candidates than there are", { ...free, minPoolSize: { limit: 6 } }],
    ["entities with validators, which none of them has", { ...free, validatorSet: {} }],
  ])("that ask for %s leave no committee: the runtime is suspended until they are gone", async (_, constraints) => {
    await start();
    await life.update((runtime) => constrained(runtime, constraints));
    await life.reach(life.epoch + 1n);
    // Nodes register for it again at once, which lifts the suspension but gives it no committee.
    expect(life.events.slice(1, 3)).toEqual(["suspended event", "suspended block"]);
    expect(life.committee).toEqual([]);
    await life.reach(life.epoch + 1n);
    expect(life.committee).toEqual([]);
    await life.update((runtime) => constrained(runtime, undefined));
    await settle();
    expect(life.isSuspended).toBe(false);
    await life.insert("a", "1");
  });

  test("that the network meets change nothing", async () => {
    await start();
    await life.update((runtime) =>
      constrained(runtime, { ...free, maxNodes: { limit: 1 }, minPoolSize: { limit: 5 } }),
    );
    await life.reach(life.epoch + 2n);
    expect(life.committee).toHaveLength(5);
    expect(life.events).toEqual(["started"]);
    await life.insert("a", "1");
  });
});

describe("stake", () => {
  test("of the owner that is too little suspends the runtime at the next epoch; with enough, it goes on", async () => {
    await start();
    await life.insert("a", "1");
    const account = addressFromPublicKey(life.owner.publicKey);
    const { escrow } = getAccount(life.state, account);
    const { balance, totalShares } = escrow.active;
    await life.owner.submit("staking.ReclaimEscrow", ReclaimEscrow.encode({ account, shares: totalShares }));
    expect(life.isSuspended).toBe(false);
    await life.reach(life.epoch + 1n);
    expect(life.isSuspended).toBe(true);
    expect(life.events.slice(-2)).toEqual(["suspended event", "suspended block"]);
    // Nodes go on to register, but a runtime whose owner has no stake stays suspended.
    await settle();
    expect(life.isSuspended).toBe(true);
    await life.escrow(balance);
    await settle();
    expect(life.isSuspended).toBe(false);
    const after = await life.insert("b", "2");
    expect(await life.textAt(after, "a")).toBe("1");
  });

  test("that a new descriptor would need and the owner does not have is refused", async () => {
    await start();
    const account = addressFromPublicKey(life.owner.publicKey);
    const { totalShares } = getAccount(life.state, account).escrow.active;
    await life.owner.submit("staking.ReclaimEscrow", ReclaimEscrow.encode({ account, shares: totalShares - 1n }));
    const change = life.update((runtime) => {
      runtime.executor.maxMessages = 7;
    });
    await expect(change).rejects.toSatisfy((error: Error) => stakingErrors.insufficientStake.is(error));
  });
});

/** An account of a genesis document. */
function getOrMake(genesis: GenesisDocument, address: Uint8Array): Account {
  const account = genesis.staking.ledger.get(address) ?? Account.zero();
  genesis.staking.ledger.set(address, account);
  return account;
}

describe("maintenance fees", () => {
  test("that nodes cannot pay let them drop out and suspend the runtime; paid, it goes on", async () => {
    // Each unit of gas costs; compute nodes can pay for a few epochs.
    const few = 40_000n;
    await start(
      new Life(undefined, {
        edit(genesis, members) {
          genesis.consensus.params.minGasPrice = 1n;
          for (const { kind, identity } of members) {
            if (kind === "client") continue;
            const account = getOrMake(genesis, addressFromPublicKey(identity.node.publicKey));
            const balance = kind === "validator" ? 10n ** 15n : few;
            account.general.balance += balance;
            genesis.staking.totalSupply += balance;
          }
        },
      }),
    );
    await life.reach(life.epoch + 12n);
    expect(life.isSuspended).toBe(true);
    expect(life.events).toContain("suspended block");
    const { registrationAttempts } = life.net.network.node("compute-0");
    expect(registrationAttempts?.lastError).toMatch(/balance too low/);
    for (const name of COMPUTES) {
      const to = addressFromPublicKey(life.net.network.node(name).identity.node.publicKey);
      await life.owner.submit("staking.Transfer", Transfer.encode({ to, amount: 10n ** 12n }));
    }
    await life.reach(life.epoch + 4n);
    expect(life.isSuspended).toBe(false);
    await life.insert("a", "1");
  });
});

describe("governance", () => {
  test("by the entity: nobody else changes the descriptor", async () => {
    await start();
    const change = (runtime: Runtime): void => {
      runtime.executor.maxMessages = 7;
    };
    await expect(life.update(change, life.stranger)).rejects.toSatisfy((error: Error) =>
      registryErrors.incorrectTxSigner.is(error),
    );
    await life.update(change);
    expect(life.descriptor.executor.maxMessages).toBe(7);
  });

  test("is handed over to the runtime for good: then the entity may do nothing any more", async () => {
    await start();
    await life.fundRuntime();
    await life.update((runtime) => {
      runtime.governanceModel = GOVERNANCE_RUNTIME;
    });
    await expect(
      life.update((runtime) => {
        runtime.executor.maxMessages = 7;
      }),
    ).rejects.toSatisfy((error: Error) => registryErrors.forbidden.is(error));
    await life.reach(life.epoch + 1n);
    expect(life.isSuspended).toBe(false);
    await life.insert("a", "1");
  });

  test("by the consensus layer, which only a genesis document can say: it runs, and nobody changes it", async () => {
    await start(
      new Life(undefined, {
        tune(runtime) {
          runtime.governanceModel = GOVERNANCE_CONSENSUS;
        },
        edit(genesis) {
          genesis.registry.params.enableRuntimeGovernanceModels.set(GOVERNANCE_CONSENSUS, true);
        },
      }),
    );
    await life.insert("a", "1");
    await life.reach(life.epoch + 2n);
    expect(life.isSuspended).toBe(false);
    await life.insert("b", "2");
    await expect(
      life.update((runtime) => {
        runtime.executor.maxMessages = 7;
      }),
    ).rejects.toSatisfy((error: Error) => registryErrors.forbidden.is(error));
  });

  test("by the consensus layer cannot be claimed by a transaction", async () => {
    await start();
    await expect(
      life.update((runtime) => {
        runtime.governanceModel = GOVERNANCE_CONSENSUS;
      }),
    ).rejects.toThrow(/governance model/);
  });
});
