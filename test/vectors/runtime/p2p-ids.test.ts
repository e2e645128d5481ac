import { expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import type { Version } from "#common/version.js";
import { protocolId } from "#p2p/protocol.js";
import { messageId, topicId } from "#p2p/topic.js";
import { describeVectors } from "../support/vectors.ts";

interface P2pIds {
  protocol_ids: {
    kind: string;
    chain_context: string;
    runtime?: string;
    protocol?: string;
    topic?: string;
    version: string;
    id: string;
  }[];
  deployed: { ids: string[]; topics: string[] };
  message_id: { topic: string; data: string; id: string };
}

function parseVersion(text: string): Version {
  const [major = 0, minor = 0, patch = 0] = text.split(".").map(Number);
  return { major, minor, patch };
}

describeVectors<P2pIds>("runtime/p2p_ids.json", ({ protocol_ids, deployed, message_id }) => {
  test.each(protocol_ids)("$kind makes $id", ({ chain_context, runtime, protocol, topic, version, id }) => {
    const made =
      topic === undefined
        ? protocolId(
            chain_context,
            { name: protocol as string, version: parseVersion(version) },
            runtime === undefined ? undefined : fromHex(runtime),
          )
        : topicId(chain_context, topic, fromHex(runtime as string), parseVersion(version));
    expect(made).toBe(id);
  });

  test("the deployed protocols have these identifiers", () => {
    for (const id of deployed.ids.filter((text) => text.split("/").length === 6)) {
      const [, , chain, name, runtime, version] = id.split("/") as [string, string, string, string, string, string];
      expect(protocolId(chain, { name, version: parseVersion(version) }, fromHex(runtime))).toBe(id);
    }
  });

  test("the deployed topics are those of the committee protocol's version", () => {
    for (const id of deployed.topics) {
      const [, chain, kind, runtime] = id.split("/") as [string, string, string, string];
      expect(topicId(chain, kind, fromHex(runtime))).toBe(id);
    }
  });

  test("a message is known by the hash of topic and data", () => {
    expect(toHex(messageId(message_id.topic, fromHex(message_id.data)))).toBe(message_id.id);
  });
});
