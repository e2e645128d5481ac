import { describe, expect, it } from "vitest";
import { Cancellation } from "#common/cancellation.js";
import { CodedError } from "#common/errors/index.js";
import { type Channel, RpcCode, RpcError, RpcHandler } from "#common/rpc/index.js";
import { Evidence } from "#consensus/block/evidence.js";
import { LightBlock } from "#consensus/block/light-block.js";
import { RpcProvider } from "#consensus/light/provider.js";
import { lightMethods } from "#consensus/light/rpc.js";
import { consensusErrors } from "#consensus/transaction/errors.js";
import { asLightBlock, makeChain } from "./support/chain.ts";

const blocks = makeChain({ heights: 5, validators: () => [1, 2, 3] });
const latest = BigInt(blocks.length);
const reported: Uint8Array[] = [];

/** A node that keeps heights 2 to 5, knows the validators of height 6, and misbehaves at some others. */
const handler = new RpcHandler().add(lightMethods, {
  GetLatestHeight: () => latest,
  GetLightBlock(height) {
    if (height === 100n) return { height, meta: Uint8Array.of(255) };
    if (height === 101n) return { height, meta: LightBlock.encode(asLightBlock(block(3n))) };
    if (height === 102n) throw new RpcError(RpcCode.unavailable, "gone");
    if (height === latest + 1n) {
      const { validatorSet } = block(latest);
      return { height, meta: LightBlock.encode({ signedHeader: undefined, validatorSet }) };
    }
    if (height === 1n || height > latest) throw consensusErrors.versionNotFound();
    return { height, meta: LightBlock.encode(asLightBlock(block(height === 0n ? latest : height))) };
  },
  SubmitEvidence({ meta }) {
    reported.push(meta);
    return null;
  },
});

function block(height: bigint) {
  const found = blocks.find(({ header }) => header.height === height);
  if (found === undefined) throw new TypeError(`no block ${height}`);
  return found;
}

/** Hands calls to a handler in the same process. */
const channel: Channel = {
  async unary(path, request) {
    const answer = handler.handle(path, request, { cancellation: new Cancellation().token });
    if (answer.kind !== "unary") throw new TypeError("not a unary method");
    return answer.result;
  },
  stream() {
    throw new CodedError("test", 1, "no streams");
  },
};
const provider = new RpcProvider("node", channel);
const problem = (word: string) => expect.objectContaining({ problem: word });

describe("light blocks of a node", () => {
  it("come by height, and the latest for height 0", async () => {
    expect(await provider.lightBlock(3n)).toEqual(asLightBlock(block(3n)));
    expect(await provider.lightBlock(0n)).toEqual(asLightBlock(block(5n)));
  });

  it("may be missing for several reasons", async () => {
    await expect(provider.lightBlock(1n)).rejects.toThrow(problem("not-found"));
    await expect(provider.lightBlock(6n)).rejects.toThrow(problem("too-high"));
    await expect(provider.lightBlock(60n)).rejects.toThrow(problem("too-high"));
    await expect(provider.lightBlock(100n)).rejects.toThrow(problem("bad-block"));
    await expect(provider.lightBlock(101n)).rejects.toThrow(/answered height 101 with 3/);
    await expect(provider.lightBlock(102n)).rejects.toThrow(problem("no-response"));
  });

  it("are complained about with evidence", async () => {
    const evidence: Evidence = {
      type: "lightClientAttack",
      value: {
        conflictingBlock: asLightBlock(block(4n)),
        commonHeight: 2n,
        byzantineValidators: [],
        totalVotingPower: 30n,
        timestamp: block(2n).header.time,
      },
    };
    await provider.reportEvidence(evidence);
    expect(reported).toEqual([Evidence.encode(evidence)]);
  });
});
