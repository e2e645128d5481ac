import { events, tokenLedger } from "../../../examples/token-ledger/runtime.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { headerHash } from "#consensus/block/header.js";
import { LightBlock as EngineLightBlock } from "#consensus/block/light-block.js";
import { getAccount } from "#consensus/services/staking/state/index.js";
import { Submitter } from "#consensus/submission.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { ConsensusTrees } from "#runtime/kit/consensus-state.js";
import type { HostAsk } from "#runtime/kit/host-port.js";
import { defineRuntime } from "#runtime/kit/index.js";
import { type Claim, ConsensusClient } from "#runtime/kit/consensus-client.js";
import { Verifier } from "#runtime/kit/verifier.js";
import type { AnswerOf, HostRequestKind } from "#runtime/rhp/messages/index.js";
import { systemClock } from "#platform/clock.js";
import { BackendReader } from "#worker/consensus-reader.js";
import type { Dispatch } from "#worker/dispatch.js";
import { RUNTIME_ID, type TestNetwork, testNetwork } from "./support/local-network.ts";
import { addressOf, ALICE, ProgramNetwork } from "./support/program-network.ts";
import { claimOf, firstBlockOf, hostOf, refusal, runRounds } from "./support/verified-rounds.ts";

let net: TestNetwork;
let rounds: Dispatch[];

/** Changes an answer of the host. */
type Tamper = <K extends HostRequestKind>(kind: K, answer: AnswerOf<K>) => AnswerOf<K>;

interface Bench {
  readonly verifier: Verifier;
  readonly trees: ConsensusTrees;
  /** What the host was asked for. */
  readonly asked: string[];
}

function bench(tamper: Tamper = (_, answer) => answer, disk = new MemoryDisk(), hash?: string): Bench {
  const handler = hostOf(net, disk);
  const asked: string[] = [];
  const ask: HostAsk = (kind, value) => {
    const height = "height" in value ? ` ${String(value.height)}` : "";
    asked.push(`${kind.replace(/^Host|Request$/g, "")}${height}`);
    return tamper(kind, handler.ask(kind, value));
  };
  const trees = new ConsensusTrees(ask);
  const first = firstBlockOf(net);
  const root = { ...first, hash: hash ?? first.hash };
  return { verifier: new Verifier(root, ask, trees), trees, asked };
}

beforeAll(async () => {
  net = testNetwork();
  await net.network.start();
  rounds = await runRounds(net, 4n);
});

afterAll(async () => {
  await net.network.stop();
});

describe("a runtime that verifies the consensus layer", () => {
  test("believes one block after the other and reads the state before each, with proofs", () => {
    const { verifier } = bench();
    for (const dispatch of rounds) {
      const state = verifier.verify(claimOf(dispatch));
      expect(state.height).toBe(dispatch.height - 1n);
      const expected = getAccount(net.network.backend.stateAt(state.height), addressOf(ALICE));
      expect(state.account(addressOf(ALICE))).toEqual(expected);
      expect(state.totalSupply).toBeGreaterThan(0n);
      expect(state.runtime(RUNTIME_ID)?.id).toEqual(RUNTIME_ID);
      expect(state.beacon.length).toBeLessThanOrEqual(32);
    }
  });

  test("asks for the next header, and while there is none for the transaction that closes the block", () => {
    const { verifier, asked } = bench((kind, answer) => {
      if (kind !== "HostFetchConsensusBlockRequest") return answer;
      const { block } = answer as AnswerOf<"HostFetchConsensusBlockRequest">;
      const { validatorSet, signedHeader } = EngineLightBlock.decode(block.meta as Uint8Array);
      if (block.height === 1n) return answer;
      expect(signedHeader).toBeDefined();
      return { block: { ...block, meta: EngineLightBlock.encode({ signedHeader: undefined, validatorSet }) } } as never;
    });
    const [first] = rounds as [Dispatch];
    verifier.verify(claimOf(first));
    expect(asked.filter((what) => !what.startsWith("Storage"))).toEqual([
      "LocalStorageGet",
      "FetchConsensusBlock 1",
      "LocalStorageSet",
      `FetchConsensusBlock ${first.height + 1n}`,
      `FetchBlockMetadataTx ${first.height}`,
    ]);
    // The same again, as when a proposal is executed after it was scheduled, costs nothing.
    const before = asked.length;
    verifier.verify(claimOf(first));
    expect(asked).toHaveLength(before);
  });

  test("goes on from what it believed last, also after it was told of newer blocks", () => {
    const disk = new MemoryDisk();
    const [first, second] = rounds as [Dispatch, Dispatch];
    bench(undefined, disk).verifier.verify(claimOf(first));
    const { verifier, asked } = bench(undefined, disk);
    verifier.sync(net.network.backend.latestHeight);
    expect(asked.slice(0, 2)).toEqual(["LocalStorageGet", `FetchConsensusBlock ${first.height}`]);
    expect(verifier.verify(claimOf(second)).height).toBe(second.height - 1n);
    verifier.sync(1n);
  });

  test("does not believe runtime blocks that the consensus layer does not know", () => {
    const [first, second] = rounds as [Dispatch, Dispatch];
    const claim = claimOf(second);
    const wrong: readonly (readonly [string, Claim])[] = [
      ["state root mismatch", { ...claim, header: { ...claim.header, stateRoot: new Uint8Array(32) } }],
      ["epoch number mismatch", { ...claim, epoch: claim.epoch + 1n }],
      ["inconsistent with consensus time", { ...claim, header: { ...claim.header, timestamp: 1n } }],
      ["missing validator set", { ...claim, block: { height: claim.block.height, meta: new Uint8Array(0) } }],
      ["height of another block", { ...claim, block: { ...claim.block, height: claim.block.height + 1n } }],
      ["byte|field|wire", { ...claim, block: { ...claim.block, meta: utf8("junk") } }],
    ];
    for (const [reason, claimed] of wrong) {
      const error = refusal(() => bench().verifier.verify(claimed));
      expect(error, reason).toMatchObject({ module: "verifier", code: 2 });
      expect((error as Error).message).toMatch(new RegExp(reason));
    }
    const { verifier } = bench();
    verifier.verify(claim);
    const back = [
      ["height seems to have moved backwards", claimOf(first)],
      ["did not advance but", { ...claim, header: { ...claim.header, round: claim.header.round + 1n } }],
      ["round seems to have moved", { ...claim, header: { ...claim.header, round: 0n } }],
      ["epoch seems to have moved", { ...claim, epoch: claim.epoch - 1n }],
      // The same block once more, but with another state.
      ["state root mismatch", { ...claim, header: { ...claim.header, stateRoot: new Uint8Array(32) } }],
    ] as const;
    for (const [reason, claimed] of back) {
      expect(
        refusal(() => verifier.verify(claimed)),
        reason,
      ).toMatchObject({ module: "verifier", code: 2 });
    }
  });

  test("does not believe blocks that the validators have not signed", () => {
    const [first] = rounds as [Dispatch];
    const claim = claimOf(first);
    const { signedHeader, validatorSet } = EngineLightBlock.decode(claim.block.meta as Uint8Array);
    const { header, commit } = signedHeader as Required<NonNullable<typeof signedHeader>>;
    if (header === undefined || commit === undefined) return expect.unreachable("no signed header");
    const other = { ...header, appHash: new Uint8Array(32) };
    const blockId = { ...commit.blockId, hash: headerHash(other) };
    const forged = [
      { header: other, commit },
      { header: other, commit: { ...commit, blockId } },
      { header, commit: { ...commit, signatures: commit.signatures.slice(0, 1) } },
    ];
    for (const signed of forged) {
      const meta = EngineLightBlock.encode({ signedHeader: signed, validatorSet });
      const error = refusal(() => bench().verifier.verify({ ...claim, block: { ...claim.block, meta } }));
      expect(error).toMatchObject({ module: "verifier", code: 2 });
    }
  });

  test("does not begin with another block than the one that it trusts", () => {
    const [first] = rounds as [Dispatch];
    const { verifier } = bench(undefined, undefined, "00".repeat(32));
    expect(refusal(() => verifier.verify(claimOf(first)))).toMatchObject({ module: "verifier", code: 1 });
  });

  test("does not believe a closing transaction of another block, or one without a proof", () => {
    const { backend } = net.network;
    const reader = new BackendReader(backend, new Submitter(backend, ALICE, systemClock));
    const [first] = rounds as [Dispatch];
    const changes: ((answer: AnswerOf<"HostFetchBlockMetadataTxRequest">) => unknown)[] = [
      () => reader.metadataTransaction(first.height - 1n),
      ({ signedTx, proof }) => ({ signedTx, proof: { ...proof, rawProof: utf8("junk") } }),
      ({ signedTx, proof }) => ({
        signedTx: { ...signedTx, untrustedRawValue: utf8("not signed") },
        proof,
      }),
    ];
    for (const change of changes) {
      const { verifier } = bench((kind, answer) => {
        if (kind === "HostFetchBlockMetadataTxRequest") return change(answer as never) as never;
        const block =
          kind === "HostFetchConsensusBlockRequest" ? (answer as { block: { height: bigint } }).block : null;
        return block !== null && block.height > 1n
          ? ({ block: { height: block.height, meta: null } } as never)
          : answer;
      });
      expect(refusal(() => verifier.verify(claimOf(first)))).toMatchObject({ module: "verifier", code: 6 });
    }
  });

  test("does not believe a state without its proof", () => {
    const [first] = rounds as [Dispatch];
    const { trees } = bench((kind, answer) => {
      if (kind !== "HostStorageSyncRequest") return answer;
      return { proofResponse: { proof: { v: 0, untrustedRoot: new Uint8Array(32), entries: [null] } } } as never;
    });
    const state = new ConsensusClient(undefined, trees).claimed(first.consensusBlock);
    expect(refusal(() => state.balance(addressOf(ALICE)))).toMatchObject({ module: "verifier", code: 2 });
  });

  test("serves in a network in which every member verifies", async () => {
    const trustRoot = {
      height: 1n,
      get hash(): string {
        const header = verified.net.network.backend.block(1n)?.header;
        return toHex(headerHash(header ?? expect.unreachable("no first block")));
      },
      get chainContext(): string {
        return verified.net.network.backend.app.chainContext;
      },
    };
    const verified: ProgramNetwork = new ProgramNetwork(defineRuntime({ ...tokenLedger, trustRoot }));
    await verified.start();
    await verified.sendMessage(ALICE, { tokens: 10n });
    const { round } = await verified.eventsFrom(events.deposited, 1n);
    expect(verified.events(events.deposited, round)).toEqual([{ account: addressOf(ALICE), amount: 10n }]);
    const [compute] = verified.net.serving("worker") as [string];
    const kept = new DiskLocalStorage(verified.net.disks.get(compute) as Disk, RUNTIME_ID);
    expect(kept.get(utf8(`qanat.verifier.${trustRoot.hash}`))).toBeDefined();
    await verified.stop();
  });
});
