/** Every service through the published JavaScript client, unmodified: all its queries, and transactions of each. */
import { client as oasisClient, governance, misc, quantity, registry, roothash, staking } from "@oasisprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EMPTY_HASH } from "#common/hash.js";
import { installBrowserRequest } from "./support/browser-request.ts";
import { RUNTIME_ID, type RunningNetwork, startNetwork } from "./support/network.ts";
import { amount, first, lookup, Wallet } from "./support/wallet.ts";

let running: RunningNetwork;
let node: oasisClient.NodeInternal;
let alice: Wallet;
let bob: Wallet;
/** Entity of a validator. */
let validator: Wallet;

const latest = 0n;
const runtime = { runtime_id: RUNTIME_ID, height: latest };

beforeAll(async () => {
  installBrowserRequest();
  running = await startNetwork();
  node = new oasisClient.NodeInternal(running.url);
  const account = (i: number): Wallet => new Wallet(node, running.accounts[i]?.seed ?? new Uint8Array(32));
  alice = account(1);
  bob = account(2);
  validator = new Wallet(node, running.entitySeed("validator-0"));
});
afterAll(() => running?.stop());

describe("the beacon", () => {
  test("tells epochs, when they began, and the entropy of this one", async () => {
    const epoch = BigInt(await node.beaconGetEpoch(latest));
    expect(BigInt(await node.beaconGetBaseEpoch())).toBe(0n);
    expect(BigInt(await node.beaconGetEpochBlock(epoch))).toBeGreaterThan(0n);
    expect(await node.beaconGetBeacon(latest)).toHaveLength(32);
    await node.beaconWaitEpoch(epoch);
    const future = await node.beaconGetFutureEpoch(latest);
    expect(BigInt(future.epoch)).toBe(epoch + 1n);
    const params = await node.beaconConsensusParameters(latest);
    expect(params.backend).toBe("vrf");
    const genesis = await node.beaconStateToGenesis(latest);
    expect(genesis.params).toEqual(params);
  });
});

describe("staking", () => {
  test("answers every query about tokens", async () => {
    expect(await node.stakingTokenSymbol(latest)).toBe("TEST");
    expect(Number(await node.stakingTokenValueExponent(latest))).toBe(9);
    const supply = amount(await node.stakingTotalSupply(latest));
    expect(supply).toBeGreaterThan(amount(await node.stakingCommonPool(latest)));
    expect(amount(await node.stakingLastBlockFees(latest))).toBe(0n);
    expect(amount(await node.stakingGovernanceDeposits(latest))).toBe(0n);
    expect(amount(await node.stakingThreshold({ height: latest, kind: staking.KIND_ENTITY }))).toBe(100n);
    const refused = node.stakingThreshold({ height: latest, kind: 77 });
    await expect(refused).rejects.toMatchObject({ oasisModule: "staking", oasisCode: 6 });
    const params = await node.stakingConsensusParameters(latest);
    const genesis = await node.stakingStateToGenesis(latest);
    expect(amount(genesis.total_supply)).toBe(supply);
    expect(genesis.params).toEqual(params);
    expect((await node.stakingAddresses(latest)).length).toBe(genesis.ledger?.size);
  });

  test("delegates, takes back, allows, withdraws and burns", async () => {
    const [owner, other, escrow] = await Promise.all([alice.address(), bob.address(), validator.address()]);
    const seen = first(node.stakingWatchEvents(), (event) => event.escrow?.add?.owner !== undefined);
    await alice.send(staking.addEscrowWrapper(), { account: escrow, amount: quantity.fromBigInt(5000n) });
    expect((await seen).escrow?.add).toMatchObject({ owner, escrow });
    const delegations = await node.stakingDelegationsFor({ height: latest, owner });
    // Rewards have made the shares of the pool a little dearer.
    const shares = amount(lookup(delegations, escrow)?.shares);
    expect(shares <= 5000n && shares > 4000n, String(shares)).toBe(true);
    const infos = await node.stakingDelegationInfosFor({ height: latest, owner });
    expect(lookup(infos, escrow)?.pool).toBeDefined();
    expect(lookup(await node.stakingDelegationsTo({ height: latest, owner: escrow }), owner)).toBeDefined();

    await alice.send(staking.reclaimEscrowWrapper(), { account: escrow, shares: quantity.fromBigInt(2000n) });
    const debonding = await node.stakingDebondingDelegationsFor({ height: latest, owner });
    expect(amount(lookup(debonding, escrow)?.[0]?.shares)).toBe(2000n);
    const debondingInfos = await node.stakingDebondingDelegationInfosFor({ height: latest, owner });
    expect(lookup(debondingInfos, escrow)).toHaveLength(1);
    const incoming = await node.stakingDebondingDelegationsTo({ height: latest, owner: escrow });
    expect(lookup(incoming, owner)).toHaveLength(1);

    const change = { beneficiary: other, negative: false, amount_change: quantity.fromBigInt(300n) };
    await alice.send(staking.allowWrapper(), change);
    const allowance = { height: latest, owner, beneficiary: other };
    expect(amount(await node.stakingAllowance(allowance))).toBe(300n);
    await bob.send(staking.withdrawWrapper(), { from: owner, amount: quantity.fromBigInt(100n) });
    expect(amount(await node.stakingAllowance(allowance))).toBe(200n);

    const supply = amount(await node.stakingTotalSupply(latest));
    await bob.send(staking.burnWrapper(), { amount: quantity.fromBigInt(7n) });
    expect(amount(await node.stakingTotalSupply(latest))).toBe(supply - 7n);
  });

  test("amends a commission schedule", async () => {
    const epoch = BigInt(await node.beaconGetEpoch(latest));
    const start = epoch + 20n;
    const bounds = [{ start, rate_min: quantity.fromBigInt(0n), rate_max: quantity.fromBigInt(50_000n) }];
    const rates = [{ start, rate: quantity.fromBigInt(10_000n) }];
    await validator.send(staking.amendCommissionScheduleWrapper(), { amendment: { rates, bounds } });
    const addresses = await node.stakingCommissionScheduleAddresses(latest);
    expect(addresses).toContainEqual(await validator.address());
  });
});

describe("the registry", () => {
  test("answers every query", async () => {
    const [entity] = await node.registryGetEntities(latest);
    expect(await node.registryGetEntity({ height: latest, id: entity?.id ?? EMPTY_HASH })).toEqual(entity);
    const [registered] = await node.registryGetNodes(latest);
    const id = registered?.id ?? EMPTY_HASH;
    expect(await node.registryGetNodeStatus({ height: latest, id })).toMatchObject({ freeze_end_time: 0 });
    const address = (await node.schedulerGetValidators(latest)).length;
    expect(address).toBe(4);
    const runtimes = await node.registryGetRuntimes({ height: latest, include_suspended: true });
    expect(runtimes.map((descriptor) => descriptor.id)).toEqual([RUNTIME_ID]);
    expect(await node.registryGetEvents(latest)).toBeDefined();
    const params = await node.registryConsensusParameters(latest);
    const genesis = await node.registryStateToGenesis(latest);
    expect(genesis.params).toEqual(params);
    expect(genesis.entities).toHaveLength(10);
    const missing = node.registryGetEntity({ height: latest, id: new Uint8Array(32) });
    await expect(missing).rejects.toMatchObject({ oasisModule: "registry", oasisCode: 9 });
  });

  test("finds a node by the address under which it signs blocks", async () => {
    const validators = await node.registryGetNodes(latest);
    const [found] = validators.filter(({ consensus }) => consensus.id !== undefined);
    const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from(found?.consensus.id ?? EMPTY_HASH));
    const address = new Uint8Array(digest).slice(0, 20);
    expect(await node.registryGetNodeByConsensusAddress({ height: latest, address })).toEqual(found);
  });

  test("registers and deregisters an entity, and tells its watchers", async () => {
    const seen = first(node.registryWatchEntities());
    const descriptor = { v: 2, id: alice.publicKey, nodes: [] };
    // Registrations are signed without the chain's context.
    const body = misc.toCBOR(descriptor);
    const signed = {
      untrusted_raw_value: body,
      signature: {
        public_key: alice.publicKey,
        signature: await alice.signer.sign(registry.REGISTER_ENTITY_SIGNATURE_CONTEXT, body),
      },
    };
    // An entity needs stake of its own.
    const stake = { account: await alice.address(), amount: quantity.fromBigInt(1000n) };
    await alice.send(staking.addEscrowWrapper(), stake);
    await alice.send(registry.registerEntityWrapper(), signed);
    expect((await seen).entity).toMatchObject({ id: alice.publicKey });
    expect(await node.registryGetEntity({ height: latest, id: alice.publicKey })).toMatchObject({ v: 2 });
    await alice.send(registry.deregisterEntityWrapper(), new Map());
    const gone = node.registryGetEntity({ height: latest, id: alice.publicKey });
    await expect(gone).rejects.toMatchObject({ oasisModule: "registry", oasisCode: 9 });
  });

  test("streams begin with what there is", async () => {
    expect((await first(node.registryWatchNodeList())).nodes).toHaveLength(9);
    expect((await first(node.registryWatchRuntimes())).id).toEqual(RUNTIME_ID);
    expect((await first(node.schedulerWatchCommittees())).runtime_id).toEqual(RUNTIME_ID);
  });
});

describe("the scheduler and the key manager", () => {
  test("answer their queries", async () => {
    const params = await node.schedulerConsensusParameters(latest);
    expect(params).toMatchObject({ min_validators: 1, max_validators: 100 });
    expect((await node.schedulerStateToGenesis(latest)).params).toEqual(params);
    expect(await node.keyManagerStateToGenesis(latest)).toBeDefined();
  });
});

describe("governance", () => {
  test("takes a proposal and a vote and answers every query about them", async () => {
    const target = {
      consensus_protocol: { major: 99 },
      runtime_host_protocol: { major: 99 },
      runtime_committee_protocol: { major: 99 },
    };
    const epoch = BigInt(await node.beaconGetEpoch(latest)) + 100n;
    const seen = first(node.governanceWatchEvents(), (event) => event.proposal_submitted !== undefined);
    await alice.send(governance.submitProposalWrapper(), {
      upgrade: { v: 1, handler: "some handler", target, epoch },
    });
    const { id } = (await seen).proposal_submitted as { id: bigint | number };
    const [proposal] = await node.governanceActiveProposals(latest);
    expect(proposal).toMatchObject({ id, state: governance.STATE_ACTIVE });
    expect(await node.governanceProposal({ height: latest, id })).toEqual(proposal);
    expect(await node.governanceProposals(latest)).toHaveLength(1);
    await validator.send(governance.castVoteWrapper(), { id, vote: governance.VOTE_YES });
    expect(await node.governanceVotes({ height: latest, id })).toMatchObject([{ vote: governance.VOTE_YES }]);
    expect(amount(await node.stakingGovernanceDeposits(latest))).toBe(10_000_000_000n);
    expect(await node.governancePendingUpgrades(latest)).toBeNull();
    const params = await node.governanceConsensusParameters(latest);
    const genesis = await node.governanceStateToGenesis(latest);
    expect(genesis.params).toEqual(params);
    expect(genesis.proposals).toHaveLength(1);
    const votes = await node.governanceGetEvents(await node.consensusGetLatestHeight());
    expect(votes === null || Array.isArray(votes)).toBe(true);
    const stranger = bob.send(governance.castVoteWrapper(), { id, vote: governance.VOTE_NO });
    await expect(stranger).rejects.toMatchObject({ oasisModule: "governance", oasisCode: 6 });
  });
});

describe("root hash", () => {
  test("takes a message for a runtime, and answers every query", async () => {
    const seen = first(node.rootHashWatchEvents(RUNTIME_ID), (event) => event.in_msg_processed !== undefined);
    await alice.send(roothash.submitMsgWrapper(), {
      id: RUNTIME_ID,
      tag: 42,
      fee: quantity.fromBigInt(1n),
      tokens: quantity.fromBigInt(5n),
      data: new Uint8Array([1, 2, 3]),
    });
    expect((await seen).in_msg_processed).toMatchObject({ caller: await alice.address(), tag: 42 });
    const meta = await node.rootHashGetIncomingMessageQueueMeta(runtime);
    expect(BigInt(meta.next_sequence_number ?? 0)).toBe(1n);
    const queue = await node.rootHashGetIncomingMessageQueue({ ...runtime, offset: 0, limit: 10 });
    expect(queue).toBeNull();
    const state = await node.rootHashGetRuntimeState(runtime);
    const block = await node.rootHashGetLatestBlock(runtime);
    expect(BigInt(block.header.round)).toBeGreaterThanOrEqual(BigInt(state.last_normal_round));
    expect((await node.rootHashGetGenesisBlock(runtime)).header.round).toBe(0);
    const round = BigInt(state.last_normal_round);
    const roots = await node.rootHashGetRoundRoots({ ...runtime, round });
    expect(roots).toHaveLength(2);
    const past = await node.rootHashGetPastRoundRoots(runtime);
    expect(Array.from(past.keys(), BigInt)).toContain(round);
    expect(await node.rootHashGetLastRoundResults(runtime)).toBeDefined();
    expect(await node.rootHashGetEvents(latest)).toBeDefined();
    const params = await node.rootHashConsensusParameters(latest);
    expect((await node.rootHashStateToGenesis(latest)).params).toEqual(params);
  });

  test("streams commitments", async () => {
    const seen = first(node.rootHashWatchExecutorCommitments(RUNTIME_ID));
    const value = { key: "k", value: "v", generation: 0, churp_id: 0 };
    const data = misc.toCBOR({ sender: new Uint8Array(32).fill(9), nonce: 0, method: "insert", args: value });
    await node.runtimeClientSubmitTx({ runtime_id: RUNTIME_ID, data });
    expect((await seen).header.header.round).toBeGreaterThan(0);
  });
});

describe("the consensus layer", () => {
  test("answers the queries that no other test asks", async () => {
    const height = BigInt(await node.consensusGetLatestHeight());
    expect(BigInt(await node.consensusGetLastRetainedHeight())).toBeGreaterThan(0n);
    expect(BigInt((await node.consensusGetLightBlock(height)).height)).toBe(height);
    expect(BigInt((await node.consensusGetParameters(height)).height)).toBe(height);
    expect(Array.isArray(await node.consensusGetTransactions(height))).toBe(true);
    expect(amount(await node.consensusMinGasPrice())).toBe(0n);
    expect(await node.consensusStateToGenesis(height)).toMatchObject({ chain_id: "qanat local network" });
    const waiting = await node.consensusGetUnconfirmedTransactions();
    expect(waiting === null || Array.isArray(waiting)).toBe(true);
  });

  test("leaves no error in the log", () => {
    expect(running.complaints).toEqual([]);
  });
});
