/** What tests of runtimes that verify the consensus layer have in common. */
import { expect } from "vitest";
import { toHex } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { headerHash } from "#consensus/block/header.js";
import { Submitter } from "#consensus/submission.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { systemClock } from "#platform/clock.js";
import { HostHandler } from "#runtime/host/host-handler.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import type { Claim } from "#runtime/kit/consensus-client.js";
import type { TrustRoot } from "#runtime/kit/verifier.js";
import { BackendReader } from "#worker/consensus-reader.js";
import { type Dispatch, dispatchAt } from "#worker/dispatch.js";
import { insertCall, RUNTIME_ID, type TestNetwork } from "./local-network.ts";

/** Runs rounds with a transaction each, one after the other. @returns what each of them left to the next one */
export async function runRounds(net: TestNetwork, count: bigint): Promise<Dispatch[]> {
  const { client, history } = net.worker("client-0");
  const found: Dispatch[] = [];
  for (let nonce = 0n; nonce < count; nonce++) {
    const { round } = await client.submitTxMeta(insertCall("alice", nonce, "k", `v${nonce}`));
    const height = history.block(round)?.height ?? expect.unreachable("no such round");
    found.push(dispatchAt(net.network.backend, RUNTIME_ID, height) ?? expect.unreachable("no such block"));
  }
  return found;
}

/** What a batch on top of a block says about the chain. */
export function claimOf({ consensusBlock: block, header, epoch }: Dispatch): Claim {
  return { block, header, epoch };
}

/** The host of a compute node. @param disk where it keeps things for the runtime */
export function hostOf({ network }: TestNetwork, disk: Disk): HostHandler {
  const { backend } = network;
  const { node } = network.node("compute-0").identity;
  return new HostHandler({
    nodeId: node.publicKey,
    localStorage: new DiskLocalStorage(disk, RUNTIME_ID),
    consensus: new BackendReader(backend, new Submitter(backend, node, systemClock)),
    consensusTrees: new NodeDbSyncer(backend.app.stateDb),
  });
}

/** The first block of a network, to trust from. */
export function firstBlockOf({ network: { backend } }: TestNetwork): TrustRoot {
  const first = backend.block(1n)?.header ?? expect.unreachable("no first block");
  return { height: 1n, hash: toHex(headerHash(first)), chainContext: backend.app.chainContext };
}

/** What an action throws, or what it returns if it does not. */
export function refusal(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
