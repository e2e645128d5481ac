import { beforeEach, describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { on } from "#consensus/app/dispatch.js";
import { applyParameterChanges, validateParameterChanges } from "#consensus/app/parameter-changes.js";
import { genesis } from "#consensus/services/governance/genesis.js";
import { governance } from "#consensus/services/governance/index.js";
import {
  GAS_SUBMIT_PROPOSAL,
  GovernanceParameterChanges,
  GovernanceParameters,
  parameters,
} from "#consensus/services/governance/params.js";
import * as queries from "#consensus/services/governance/queries.js";
import { loadProposal, nextProposalId, setNextProposalId } from "#consensus/services/governance/state.js";
import {
  GovernanceGenesis,
  Proposal,
  PROPOSAL_ACTIVE,
  PROPOSAL_FAILED,
  PROPOSAL_PASSED,
  PROPOSAL_REJECTED,
  ProposalContent,
  ProposalVote,
  runtimeGovernanceMessage,
  upgradeCanceled,
  upgradeDue,
  type UpgradeDescriptor,
  upgradeScheduled,
  VOTE_NO,
  VOTE_YES,
  VoteEntry,
} from "#consensus/services/governance/types.js";
import { currentValidatorsCell } from "#consensus/services/scheduler/state.js";
import { ValidatorMap } from "#consensus/services/scheduler/types.js";
import { staking } from "#consensus/services/staking/index.js";
import { commonPool, governanceDeposits, setDelegation } from "#consensus/services/staking/state/index.js";
import { address, Bench, key, type Said } from "../staking/support.ts";

const DEPOSIT = 100n;
const told: string[] = [];
let carriesOut = true;
let bench: Bench;

/** Stands for whoever carries upgrades out on a node. */
const upgrader = [
  on(upgradeScheduled, (_ctx, { handler }): true => {
    told.push(`scheduled ${handler}`);
    return true;
  }),
  on(upgradeCanceled, (_ctx, { handler }): true => {
    told.push(`canceled ${handler}`);
    return true;
  }),
  on(upgradeDue, () => (carriesOut ? true : undefined)),
];

function change(apply: (params: GovernanceParameters) => void): void {
  const params = GovernanceParameters.decode(GovernanceParameters.encode(parameters.load(bench.state)));
  apply(params);
  parameters.set(bench.state, params);
}

/** Two validators with stake: `big` has 70, of which `delegator` holds 10 shares, `small` has 30. */
function addValidators(): void {
  const validators = ValidatorMap.zero();
  for (const [name, stake] of [
    ["big", 70n],
    ["small", 30n],
  ] as const) {
    validators.set(key(`${name} consensus`), { id: key(`${name} node`), entityId: key(name), votingPower: 1n });
    bench.change(name, ({ escrow }) => {
      escrow.active = { balance: stake, totalShares: stake };
    });
    const own = name === "big" ? stake - 10n : stake;
    setDelegation(bench.state, address(name), address(name), { shares: own });
  }
  setDelegation(bench.state, address("delegator"), address("big"), { shares: 10n });
  currentValidatorsCell.set(bench.state, validators);
}

beforeEach(() => {
  told.length = 0;
  carriesOut = true;
  bench = new Bench([staking, governance], upgrader);
  parameters.set(bench.state, {
    ...GovernanceGenesis.zero().params,
    minProposalDeposit: DEPOSIT,
    votingPeriod: 2n,
    stakeThreshold: 68,
    upgradeMinEpochDiff: 5n,
    upgradeCancelMinEpochDiff: 5n,
    enableChangeParametersProposal: true,
    allowVoteWithoutEntity: true,
  });
  setNextProposalId(bench.state, 1n);
  bench.fund("alice", 1000n);
  addValidators();
});

const VERSION = { major: 7, minor: 0, patch: 0 };

function upgrade(epoch: bigint, handler = "upgrade"): ProposalContent {
  const target = { consensusProtocol: VERSION, runtimeHostProtocol: VERSION, runtimeCommitteeProtocol: VERSION };
  return { upgrade: { v: 1, handler, target, epoch } };
}

function submit(content: ProposalContent, mode?: "checkTx" | "simulate"): Said {
  return bench.call("alice", "governance.SubmitProposal", ProposalContent, content, mode === undefined ? {} : { mode });
}

function vote(who: string, id: bigint, value = VOTE_YES): Said {
  return bench.call(who, "governance.CastVote", ProposalVote, { id, vote: value });
}

/** Lets both validators accept a proposal and closes it. */
function accept(id: bigint): void {
  vote("big", id);
  vote("small", id);
  bench.enterEpoch(loadProposal(bench.state, id).closesAt);
  bench.phase("endBlock");
}

const stateOf = (id: bigint): number => loadProposal(bench.state, id).state;

describe("SubmitProposal", () => {
  test("takes the deposit and opens the proposal for the voting period", () => {
    const { said, kinds } = submit(upgrade(20n));
    expect([said, kinds]).toEqual(["ok", ["transfer", "proposal_submitted"]]);
    expect(bench.account("alice").general.balance).toBe(900n);
    expect(governanceDeposits.get(bench.state)).toBe(DEPOSIT);
    expect(loadProposal(bench.state, 1n)).toMatchObject({ state: PROPOSAL_ACTIVE, createdAt: 5n, closesAt: 7n });
    expect(nextProposalId(bench.state)).toBe(2n);
  });

  test("refuses content that says nothing, too much or too little, in the pool already", () => {
    const tooMuch = { ...upgrade(20n), cancelUpgrade: { proposalId: 1n } };
    const noVersion = upgrade(20n);
    if (noVersion.upgrade !== undefined)
      noVersion.upgrade.target.runtimeHostProtocol = { major: 0, minor: 0, patch: 0 };
    const bad = [
      {},
      tooMuch,
      noVersion,
      upgrade(20n, "ab"),
      upgrade(20n, "a".repeat(33)),
      upgrade(0n),
      upgrade(0xffffffffffffffffn),
      { changeParameters: { module: "", changes: Uint8Array.of(0xa0) } },
      { ...upgrade(20n), metadata: { title: "not allowed", description: "" } },
    ];
    for (const content of bad) expect(submit(content, "checkTx").said).toBe("governance/1");
    change((params) => {
      params.allowProposalMetadata = true;
    });
    expect(submit(upgrade(20n), "checkTx").said).toBe("governance/1");
    for (const title of ["ab", "a".repeat(101)]) {
      expect(submit({ ...upgrade(20n), metadata: { title, description: "" } }, "checkTx").said).toBe("governance/1");
    }
    expect(submit({ ...upgrade(20n), metadata: { title: "abc", description: "" } }).said).toBe("ok");
  });

  test("keeps a distance between upgrades", () => {
    expect(submit(upgrade(9n)).said).toBe("governance/2");
    submit(upgrade(20n));
    accept(1n);
    expect(submit(upgrade(24n)).said).toBe("governance/3");
    expect(submit(upgrade(16n)).said).toBe("governance/3");
    expect(submit(upgrade(25n)).said).toBe("ok");
  });

  test("needs the deposit, counts gas in simulation and stops there", () => {
    change((params) => {
      params.gasCosts.set(GAS_SUBMIT_PROPOSAL, 7n);
    });
    expect(submit(upgrade(20n), "simulate").ctx.gas.used).toBe(7n);
    bench.fund("alice", DEPOSIT - 1n);
    expect(submit(upgrade(20n)).said).toBe("staking/3");
    expect(nextProposalId(bench.state)).toBe(1n);
  });

  test("changes of parameters are asked of the module that they are for", () => {
    const change = (module: string, changes: Uint8Array): ProposalContent => ({
      changeParameters: { module, changes },
    });
    const good = GovernanceParameterChanges.encode({ ...GovernanceParameterChanges.zero(), votingPeriod: 3n });
    expect(submit(change("governance", good)).said).toBe("ok");
    expect(submit(change("nobody", good)).said).toBe("governance/1");
    expect(submit(change("governance", Uint8Array.of(0xa0))).said).toBe("unknown/1");
    parameters.set(bench.state, { ...parameters.load(bench.state), enableChangeParametersProposal: false });
    expect(submit(change("governance", good)).said).toBe("governance/1");
  });
});

describe("CastVote", () => {
  beforeEach(() => {
    submit(upgrade(20n));
  });

  test("is for validators and those who delegate to them", () => {
    expect(vote("big", 1n).kinds).toEqual(["vote"]);
    expect(vote("delegator", 1n).said).toBe("ok");
    expect(vote("alice", 1n).said).toBe("governance/6");
    change((params) => {
      params.allowVoteWithoutEntity = false;
    });
    expect(vote("big", 1n).said).toBe("governance/6");
  });

  test("is for open proposals only", () => {
    expect(vote("big", 2n).said).toBe("governance/5");
    accept(1n);
    expect(vote("big", 1n).said).toBe("governance/7");
  });

  test("runtimes vote by their delegations, where nobody needs an entity", () => {
    const message = { v: 0, castVote: { id: 1n, vote: VOTE_NO } };
    expect(bench.publish(runtimeGovernanceMessage, message, "endBlock", "delegator").said).toBe("ok");
    expect(queries.votes(bench.state, 1n)).toEqual([{ voter: address("delegator"), vote: VOTE_NO }]);
    expect(bench.publish(runtimeGovernanceMessage, { v: 0 }, "endBlock", "delegator").said).toBe("governance/1");
    bench.fund("runtime", DEPOSIT);
    const proposal = { v: 0, submitProposal: upgrade(30n) };
    const { answer } = bench.publish(runtimeGovernanceMessage, proposal, "endBlock", "runtime");
    expect(Proposal.decode(answer as Uint8Array).submitter).toEqual(address("runtime"));
    change((params) => {
      params.allowVoteWithoutEntity = false;
    });
    expect(bench.publish(runtimeGovernanceMessage, message, "endBlock", "delegator").said).toBe("governance/6");
  });
});

describe("closing", () => {
  beforeEach(() => {
    submit(upgrade(20n));
  });

  const close = (): Said => {
    bench.enterEpoch(7n);
    return bench.phase("endBlock");
  };

  test("passes with enough stake and gives the deposit back", () => {
    vote("big", 1n);
    expect(close().kinds).toEqual(["proposal_executed", "proposal_finalized", "transfer"]);
    expect(stateOf(1n)).toBe(PROPOSAL_PASSED);
    expect(bench.account("alice").general.balance).toBe(1000n);
    expect(told).toEqual(["scheduled upgrade"]);
  });

  test("a delegator takes its shares out of the validator's vote", () => {
    vote("big", 1n);
    vote("delegator", 1n, VOTE_NO);
    close();
    const { results } = loadProposal(bench.state, 1n);
    expect([results.get(VOTE_YES), results.get(VOTE_NO), stateOf(1n)]).toEqual([60n, 10n, PROPOSAL_REJECTED]);
    expect([governanceDeposits.get(bench.state), commonPool.get(bench.state)]).toEqual([0n, DEPOSIT]);
  });

  test("votes of delegators of silent validators count for themselves, without delegation they are invalid", () => {
    vote("delegator", 1n);
    setDelegation(bench.state, address("alice"), address("small"), { shares: 1n });
    vote("alice", 1n);
    setDelegation(bench.state, address("alice"), address("small"), { shares: 0n });
    close();
    const proposal = loadProposal(bench.state, 1n);
    expect([proposal.results.get(VOTE_YES), proposal.invalidVotes]).toEqual([10n, 1n]);
  });

  test("without votes it is rejected, without stake nothing can be closed", () => {
    close();
    expect(stateOf(1n)).toBe(PROPOSAL_REJECTED);
    submit(upgrade(30n));
    currentValidatorsCell.set(bench.state, ValidatorMap.zero());
    bench.enterEpoch(9n);
    expect(() => bench.phase("endBlock")).toThrow(/voting stake is zero/);
  });

  test("a proposal whose closing epoch is skipped stays open", () => {
    bench.enterEpoch(8n);
    bench.phase("endBlock");
    expect(queries.activeProposals(bench.state)).toHaveLength(1);
  });

  test("an execution that fails keeps the deposit of nobody", () => {
    submit(upgrade(21n));
    vote("big", 1n);
    vote("big", 2n);
    close();
    expect([stateOf(1n), stateOf(2n)]).toEqual([PROPOSAL_PASSED, PROPOSAL_FAILED]);
    expect(bench.account("alice").general.balance).toBe(1000n);
  });
});

describe("upgrades", () => {
  beforeEach(() => {
    submit(upgrade(20n));
    accept(1n);
  });

  test("are canceled by another proposal", () => {
    expect(submit({ cancelUpgrade: { proposalId: 9n } }).said).toBe("governance/5");
    expect(submit({ cancelUpgrade: { proposalId: 1n } }).said).toBe("ok");
    accept(2n);
    expect(queries.pendingUpgrades(bench.state)).toEqual([]);
    expect(told).toEqual(["scheduled upgrade", "canceled upgrade"]);
    expect(submit({ cancelUpgrade: { proposalId: 1n } }).said).toBe("governance/4");
  });

  test("can no longer be canceled when they are near", () => {
    bench.enterEpoch(16n);
    expect(submit({ cancelUpgrade: { proposalId: 1n } }).said).toBe("governance/2");
  });

  test("are over in the first block of their epoch, if the node goes through them", () => {
    bench.enterEpoch(20n);
    carriesOut = false;
    expect(() => bench.phase("beginBlock")).toThrow(/reached the epoch of upgrade upgrade/);
    carriesOut = true;
    bench.phase("beginBlock");
    expect(queries.pendingUpgrades(bench.state)).toEqual([]);
  });
});

describe("changes of its own parameters", () => {
  const encoded = (changes: Partial<GovernanceParameterChanges>): { module: string; changes: Uint8Array } => ({
    module: "governance",
    changes: GovernanceParameterChanges.encode({ ...GovernanceParameterChanges.zero(), ...changes }),
  });

  test("are made when they leave sound parameters", () => {
    expect(bench.publish(validateParameterChanges, encoded({ stakeThreshold: 66 })).said).toBe("unknown/1");
    expect(bench.publish(validateParameterChanges, encoded({ stakeThreshold: 101 })).said).toBe("unknown/1");
    expect(bench.publish(validateParameterChanges, encoded({ votingPeriod: 5n })).said).toBe("unknown/1");
    expect(bench.publish(applyParameterChanges, encoded({ stakeThreshold: 90 })).said).toBe("ok");
    expect(parameters.load(bench.state).stakeThreshold).toBe(90);
  });
});

describe("genesis and queries", () => {
  const content = (id: bigint, state: number, of: ProposalContent): Proposal => ({
    ...Proposal.zero(),
    id,
    state,
    submitter: address("alice"),
    content: of,
    closesAt: 9n,
  });

  test("pending upgrades follow from passed proposals that no other one cancels", () => {
    const section: GovernanceGenesis = {
      params: parameters.load(bench.state),
      proposals: [
        content(3n, PROPOSAL_PASSED, upgrade(30n, "kept")),
        content(4n, PROPOSAL_PASSED, upgrade(40n, "dropped")),
        content(5n, PROPOSAL_PASSED, { cancelUpgrade: { proposalId: 4n } }),
        content(6n, PROPOSAL_REJECTED, upgrade(60n)),
        content(7n, PROPOSAL_PASSED, upgrade(4n, "over")),
        content(8n, PROPOSAL_ACTIVE, upgrade(80n)),
      ],
      voteEntries: SortedMap.int<bigint, VoteEntry[] | null>(),
    };
    for (const { id } of section.proposals) section.voteEntries.set(id, null);
    section.voteEntries.set(8n, [{ voter: address("big"), vote: VOTE_YES }]);
    genesis.initChain(bench.context("initChain"), section, { height: 1n, validators: [], section: () => undefined });
    const pending: UpgradeDescriptor[] = queries.pendingUpgrades(bench.state);
    expect(pending.map(({ handler }) => handler)).toEqual(["kept"]);
    expect(nextProposalId(bench.state)).toBe(9n);
    expect(queries.activeProposals(bench.state).map(({ id }) => id)).toEqual([8n]);
    expect(toHex(GovernanceGenesis.encode(queries.toGenesis(bench.state)))).toBe(
      toHex(GovernanceGenesis.encode(section)),
    );
  });

  test("events are read back", () => {
    const { ctx } = submit(upgrade(20n));
    const events = ctx.emitted.map((carrier) => queries.event(carrier, 3n, EMPTY_HASH));
    expect(events).toMatchObject([undefined, { proposalSubmitted: { id: 1n } }]);
  });
});
