import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { getAccount } from "#consensus/services/staking/state/index.js";
import { Submitter } from "#consensus/submission.js";
import { type Claim, ConsensusClient } from "#runtime/kit/consensus-client.js";
import { ConsensusTrees } from "#runtime/kit/consensus-state.js";
import type { HostAsk } from "#runtime/kit/host-port.js";
import { Verifier } from "#runtime/kit/verifier.js";
import type { HostProveFreshnessResponse } from "#runtime/rhp/messages/index.js";
import { systemClock } from "#platform/clock.js";
import { BackendReader } from "#worker/consensus-reader.js";
import { RUNTIME_ID, type TestNetwork, testNetwork } from "./support/local-network.ts";
import { addressOf, ALICE } from "./support/program-network.ts";
import { claimOf, firstBlockOf, hostOf, refusal, runRounds } from "./support/verified-rounds.ts";

const BLOB = new Uint8Array(32).fill(9);
let net: TestNetwork;
let claims: Claim[];
let freshness: HostProveFreshnessResponse;

interface Asking {
  readonly ask: HostAsk;
  readonly asked: string[];
}

/** The host of a node; what takes it a while was prepared. */
function asking(prove: (blob: Uint8Array) => HostProveFreshnessResponse = () => freshness): Asking {
  const handler = hostOf(net, new MemoryDisk());
  const asked: string[] = [];
  const ask: HostAsk = (kind, value) => {
    asked.push(kind);
    if ("blob" in value) return prove(value.blob) as never;
    return handler.ask(kind, value);
  };
  return { ask, asked };
}

/** @param blob what the host cannot foresee; without it nothing has to be proved */
function verifier({ ask }: Asking, blob?: Uint8Array): Verifier {
  return new Verifier(firstBlockOf(net), ask, new ConsensusTrees(ask), blob && { bytes: () => blob });
}

beforeAll(async () => {
  net = testNetwork();
  await net.network.start();
  claims = (await runRounds(net, 3n)).map(claimOf);
  const { node } = net.network.node("compute-0").identity;
  const { backend } = net.network;
  freshness = await new BackendReader(backend, new Submitter(backend, node, systemClock)).proveFreshness(BLOB);
});

afterAll(async () => {
  await net.network.stop();
});

describe("a host that has to prove that it shows the present", () => {
  test("is asked once, before anything is believed", () => {
    const host = asking();
    const client = verifier(host, BLOB);
    const [first, second] = claims as [Claim, Claim];
    expect(client.verify(first).height).toBe(first.block.height - 1n);
    client.verify(second);
    client.sync(net.network.backend.latestHeight);
    expect(host.asked.filter((kind) => kind === "HostProveFreshnessRequest")).toHaveLength(1);
    expect(client.latestHeight).toBeGreaterThanOrEqual(freshness.proof.height);
  });

  test("and cannot, or shows something else, is asked again each time and never believed", () => {
    const { signedTx, proof } = freshness;
    const { backend } = net.network;
    const reader = new BackendReader(backend, new Submitter(backend, ALICE, systemClock));
    const unable = new CodedError("registry", 1, "freshness proofs are not enabled");
    const cases: readonly (readonly [number, (blob: Uint8Array) => HostProveFreshnessResponse])[] = [
      [
        5,
        () => {
          throw unable;
        },
      ],
      // A transaction of the block, but another one.
      [5, () => reader.metadataTransaction(proof.height)],
      [6, () => ({ signedTx, proof: { ...proof, height: proof.height - 1n } })],
      [6, () => ({ signedTx, proof: { ...proof, rawProof: utf8("junk") } })],
      [6, () => ({ signedTx: { ...signedTx, untrustedRawValue: utf8("another") }, proof })],
      [6, () => ({ signedTx, proof: { ...proof, height: 1_000_000n } })],
    ];
    for (const [code, prove] of cases) {
      const host = asking(prove);
      const client = verifier(host, BLOB);
      for (let i = 0; i < 2; i++) {
        expect(refusal(() => client.verify(claims[0] as Claim))).toMatchObject({ module: "verifier", code });
      }
      expect(host.asked.filter((kind) => kind === "HostProveFreshnessRequest")).toHaveLength(2);
    }
    const other = verifier(asking(), new Uint8Array(32).fill(8));
    expect(refusal(() => other.verify(claims[0] as Claim))).toMatchObject({ module: "verifier", code: 5 });
  });
});

describe("the consensus layer outside of a batch", () => {
  for (const [what, make] of [
    ["believed", (host: Asking) => new ConsensusClient(host.ask)],
    ["verified", (host: Asking) => verifier(host)],
  ] as const) {
    test(`is read as of its newest block and of older ones, ${what}`, () => {
      const { backend } = net.network;
      const client = make(asking());
      client.sync(backend.latestHeight);
      expect(client.latestHeight).toBe(backend.latestHeight);
      expect(client.latestState.height).toBe(backend.latestHeight);
      const heights = [claims[0]?.block.height ?? 0n, backend.latestHeight];
      for (const height of heights) {
        const state = client.stateAfter(height);
        expect(state.height).toBe(height);
        expect(state.account(addressOf(ALICE))).toEqual(getAccount(backend.stateAt(height), addressOf(ALICE)));
        expect(state.runtimeStateRoot(RUNTIME_ID)).toBeDefined();
        expect(state.anyRuntime(RUNTIME_ID)?.id).toEqual(RUNTIME_ID);
        const { node } = net.network.node("compute-0").identity;
        expect(state.node(node.publicKey)?.id).toEqual(node.publicKey);
        expect(state.keyManagerStatus(RUNTIME_ID)).toBeUndefined();
      }
    });

    test(`tells what happened in a block, ${what}`, () => {
      const client = make(asking());
      const { height } = (claims[1] as Claim).block;
      const finalized = client.eventsAt(height, "roothash").flatMap(({ roothash }) => roothash?.finalized ?? []);
      expect(finalized).toHaveLength(1);
      expect(client.eventsAt(height, "governance")).toEqual([]);
      expect(refusal(() => client.eventsAt(1_000_000n, "roothash"))).toBeInstanceOf(CodedError);
    });
  }

  test("is verified for queries about any block, also older ones than were executed", () => {
    const client = verifier(asking());
    const [first, , third] = claims as [Claim, Claim, Claim];
    client.verify(third);
    expect(client.verifyForQuery(first).height).toBe(first.block.height - 1n);
    const forged = { ...first, header: { ...first.header, stateRoot: new Uint8Array(32) } };
    expect(refusal(() => client.verifyForQuery(forged))).toMatchObject({ module: "verifier", code: 2 });
    // Who believes the host asks for nothing.
    expect(new ConsensusClient(asking().ask).verifyForQuery(forged).height).toBe(first.block.height - 1n);
  });

  test("is not there where nobody shows it", () => {
    const client = new ConsensusClient(undefined);
    for (const read of [() => client.sync(1n), () => client.latestState, () => client.eventsAt(1n, "staking")]) {
      expect(refusal(read)).toMatchObject({ module: "verifier" });
    }
  });
});
