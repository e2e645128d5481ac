import { describe, expect, test } from "vitest";
import { fromUtf8, toHex } from "#common/bytes.js";
import { bodyOf, Message, MESSAGE_TYPE, RuntimeQueryRequest } from "#runtime/rhp/messages/index.js";
import { ComponentConfig, CONFIG_QUERY } from "#runtime/component/config.js";
import { hasVectors } from "../support/vectors.ts";
import { exchangesOf, sessions } from "./support/transcript.ts";

describe.skipIf(!hasVectors)("a recorded component", () => {
  const exchanges = [...sessions("rhp/rofl.jsonl.gz").values()].flatMap(exchangesOf);
  const queries = exchanges.filter(({ request }) => request?.body.type === "RuntimeQueryRequest");

  test("was asked what it wants to be told as ours are", () => {
    expect(queries.length).toBeGreaterThan(0);
    for (const { hex, request } of queries) {
      const body = bodyOf("RuntimeQueryRequest", { ...RuntimeQueryRequest.zero(), method: CONFIG_QUERY });
      expect(toHex(Message.encode({ id: request?.id as bigint, messageType: MESSAGE_TYPE.request, body }))).toBe(hex);
    }
  });

  test("answers with blocks and the tags of events", () => {
    for (const { answer } of queries) {
      const body = answer?.message.body;
      if (body?.type !== "RuntimeQueryResponse") return expect.unreachable("no answer");
      const { notifications } = ComponentConfig.decode(body.value.data, "rpc");
      expect(notifications.blocks).toBe(true);
      expect(notifications.events.map(fromUtf8)).toEqual(["kv_insertion.rofl_http"]);
      expect(toHex(ComponentConfig.encode({ notifications }))).toBe(toHex(body.value.data));
    }
  });
});
