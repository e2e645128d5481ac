import { describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { QuotePolicy } from "#common/tee/quote-policy.js";
import { KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
import { hasVectors, listVectors } from "../support/vectors.ts";
import { sessions } from "./support/transcript.ts";

const transcripts = listVectors("rhp").filter((file) => file.endsWith(".jsonl.gz") && !file.includes("probes"));

describe.skipIf(!hasVectors)("what recorded hosts told of key managers", () => {
  const bodies = transcripts.flatMap((file) =>
    [...sessions(file).values()].flat().flatMap(({ message }) => (message === undefined ? [] : [message.body])),
  );

  test("are statuses that we write with the same bytes", () => {
    const statuses = bodies.flatMap((body) =>
      body.type === "RuntimeKeyManagerStatusUpdateRequest" ? [body.value.status] : [],
    );
    expect(statuses.length).toBeGreaterThan(0);
    for (const raw of statuses) expect(toHex(KeyManagerStatus.encode(KeyManagerStatus.decode(raw)))).toBe(toHex(raw));
  });

  test("are quote policies that we write with the same bytes", () => {
    const policies = bodies.flatMap((body) =>
      body.type === "RuntimeKeyManagerQuotePolicyUpdateRequest" ? [body.value.policy] : [],
    );
    expect(policies.length).toBeGreaterThan(0);
    for (const raw of policies) expect(toHex(QuotePolicy.encode(QuotePolicy.decode(raw)))).toBe(toHex(raw));
  });
});
