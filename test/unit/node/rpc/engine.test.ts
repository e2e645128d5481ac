import { setImmediate as immediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Channel, createClient } from "#common/rpc/index.js";
import { addressFromPublicKey } from "#common/address.js";
import { consensusAddress } from "#consensus/block/block-id.js";
import { type DuplicateVoteEvidence, Evidence } from "#consensus/block/evidence.js";
import { signVote } from "#consensus/block/signing.js";
import { findValidator, totalVotingPower } from "#consensus/block/validator.js";
import { type Block, checkBlock } from "#consensus/block/block.js";
import { SignedMessageType, type Vote } from "#consensus/block/vote.js";
import { consensusMethods } from "#consensus/rpc.js";
import { registryMethods } from "#consensus/services/registry/rpc.js";
import { stakingMethods } from "#consensus/services/staking/rpc.js";
import { debugControllerMethods, nodeControllerMethods } from "#node/rpc/control-methods.js";
import { buildNetwork, type BuiltNetwork } from "../../../interop/support/network.ts";
import { unaryChannel } from "./support.ts";

let built: BuiltNetwork;
let channel: Channel;

beforeAll(async () => {
  built = buildNetwork();
  channel = unaryChannel(built);
});
afterAll(() => built.network.stop());

const consensus = () => createClient(consensusMethods, channel);

async function produce(count: number): Promise<void> {
  const { backend } = built.network;
  const end = backend.latestHeight + BigInt(count);
  await backend.produceUntil(
    () => backend.latestHeight >= end,
    async () => {
      await immediate();
    },
  );
}

describe("before the first block", () => {
  test("questions about the chain have a code of their own", async () => {
    await expect(consensus().GetLatestHeight()).rejects.toMatchObject({ module: "consensus", code: 1 });
    await expect(consensus().GetNextBlockState()).rejects.toMatchObject({ module: "consensus", code: 1 });
  });
});

describe("a node of a running network", () => {
  beforeAll(() => built.network.start());

  test("tells who will vote on the next block; nobody has yet", async () => {
    const state = await consensus().GetNextBlockState();
    expect(state.height).toBeGreaterThan(built.network.backend.latestHeight - 2n);
    expect(state.numValidators).toBe(4n);
    expect(state.votingPower).toBeGreaterThan(0n);
    expect(state.prevotes).toMatchObject({ votingPower: 0n, votes: null });
  });

  test("waits for registrations, and sets no epoch where epochs are real", async () => {
    const debug = createClient(debugControllerMethods, channel);
    expect(await debug.WaitNodesRegistered(9n)).toBeNull();
    await expect(debug.SetEpoch(100n)).rejects.toMatchObject({ module: "control", code: 1 });
  });

  test("takes its operator's orders about upgrades, and tells them", async () => {
    const control = createClient(nodeControllerMethods, channel);
    const version = { major: 99, minor: 0, patch: 0 };
    const target = { consensusProtocol: version, runtimeHostProtocol: version, runtimeCommitteeProtocol: version };
    const descriptor = { v: 1, handler: "far away", target, epoch: 1_000_000n };
    await control.UpgradeBinary(descriptor);
    expect((await control.GetStatus()).pendingUpgrades).toMatchObject([{ descriptor, upgradeHeight: 0n }]);
    await expect(control.UpgradeBinary(descriptor)).rejects.toMatchObject({ module: "upgrade", code: 5 });
    await control.CancelUpgrade(descriptor);
    expect((await control.GetStatus()).pendingUpgrades).toEqual([]);
    await expect(control.AddBundle("a path")).rejects.toMatchObject({ module: "control", code: 1 });
  });

  test("tells how its own registrations have gone", async () => {
    const computing = built.network.node("compute-0");
    const attempts = computing.registrationAttempts;
    const times = { lastAttemptMs: expect.any(Number) as number, lastRegistrationMs: expect.any(Number) as number };
    expect(attempts).toEqual({ ...times, lastError: undefined });
    // The node behind this API only follows.
    const { registration } = await createClient(nodeControllerMethods, channel).GetStatus();
    expect(registration).toMatchObject({ lastAttemptSuccessful: false, lastAttemptErrorMessage: "" });
  });
});

describe("evidence", () => {
  /** Evidence that a validator voted twice at a height. */
  function twoVotes(height: bigint, changes: Partial<DuplicateVoteEvidence> = {}, fill = 1): Uint8Array {
    const { backend } = built.network;
    const validator = built.members.find((member) => member.name === "validator-1");
    const set = backend.validators(height);
    const header = backend.block(height)?.header;
    if (validator === undefined || set === undefined || header === undefined) throw new TypeError("no such height");
    const signer = validator.identity.consensus;
    const validatorAddress = consensusAddress(signer.publicKey);
    const validatorIndex = findValidator(set, validatorAddress);
    const vote = (byte: number): Vote =>
      signVote(backend.app.chainContext.slice(0, 50), signer, {
        type: SignedMessageType.precommit,
        height,
        round: 0,
        blockId: {
          hash: new Uint8Array(32).fill(byte),
          partSetHeader: { total: 1, hash: new Uint8Array(32).fill(byte) },
        },
        timestamp: header.time,
        validatorAddress,
        validatorIndex,
      });
    const value = {
      voteA: vote(fill),
      voteB: vote(fill + 1),
      totalVotingPower: totalVotingPower(set),
      validatorPower: set.validators[validatorIndex]?.votingPower ?? 0n,
      timestamp: header.time,
      ...changes,
    };
    return Evidence.encode({ type: "duplicateVote", value });
  }

  const submit = (meta: Uint8Array): Promise<null> => consensus().SubmitEvidence({ meta });

  test("of a double vote gets into a block, costs the validator stake and freezes its node, once", async () => {
    const { backend } = built.network;
    const height = backend.latestHeight - 1n;
    const entity = built.members.find((member) => member.name === "validator-1");
    if (entity === undefined) throw new TypeError("no such member");
    const owner = addressFromPublicKey(entity.entityId);
    const staking = createClient(stakingMethods, channel);
    const before = (await staking.Account({ height: 0n, owner })).escrow.active.balance;
    const meta = twoVotes(height);
    const accused: Block[] = [];
    const stop = backend.onBlock(({ block }) => {
      if (block.evidence.evidence.length > 0) accused.push(block);
    });
    await submit(meta);
    await produce(1);
    expect(accused).toHaveLength(1);
    for (const block of accused) expect(() => checkBlock(block)).not.toThrow();
    const after = (await staking.Account({ height: 0n, owner })).escrow.active.balance;
    expect(before - after).toBeGreaterThan(90_000_000_000n);
    const id = entity.identity.node.publicKey;
    const status = await createClient(registryMethods, channel).GetNodeStatus({ height: 0n, id });
    expect(status.freezeEndTime).toBeGreaterThan(0n);
    await submit(meta);
    await produce(2);
    stop();
    expect(accused).toHaveLength(1);
    expect((await staking.Account({ height: 0n, owner })).escrow.active.balance).toBe(after);
  });

  test("that proves nothing is refused", async () => {
    const height = built.network.backend.latestHeight - 4n;
    const time = built.network.backend.block(height)?.header.time ?? { seconds: 0n, nanos: 0 };
    const refused = [
      Uint8Array.of(0xff),
      new Uint8Array(0),
      twoVotes(height, { validatorPower: 1n }, 5),
      twoVotes(height, { totalVotingPower: 1n }, 5),
      twoVotes(height, { voteB: undefined }, 5),
      twoVotes(height, { timestamp: { ...time, seconds: time.seconds + 1n } }, 5),
    ];
    for (const [i, meta] of refused.entries()) await expect(submit(meta), `${i}`).rejects.toThrow(/cometbft|malformed/);
    const attack = Evidence.encode({
      type: "lightClientAttack",
      value: {
        conflictingBlock: undefined,
        commonHeight: height,
        byzantineValidators: [],
        totalVotingPower: 1n,
        timestamp: time,
      },
    });
    await expect(submit(attack)).rejects.toThrow(/no conflicting block/);
    expect(built.complaints).toEqual([]);
  });
});
