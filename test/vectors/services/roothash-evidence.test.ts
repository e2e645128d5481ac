import { expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { STRICT_POLICY } from "#common/crypto/signature.js";
import { accusation, evidenceProblem } from "#consensus/services/roothash/logic/evidence.js";
import { Evidence } from "#consensus/services/roothash/types.js";
import { describeVectors } from "../support/vectors.ts";

interface EvidenceCase {
  readonly op: "evidence_hash" | "evidence_validate_basic";
  readonly evidence: string;
  readonly error: string | null;
  readonly chain_context?: string;
  readonly hash?: string;
}

describeVectors<{ cases: readonly EvidenceCase[] }>("services/roothash_evidence.json", ({ cases }) => {
  const decode = (c: EvidenceCase): Evidence => Evidence.decode(fromHex(c.evidence));
  const of = (op: EvidenceCase["op"]): [number, EvidenceCase][] =>
    cases.filter((c) => c.op === op).map((c, i) => [i, c]);

  it.each(of("evidence_validate_basic"))("judges evidence %i by itself", (_i, c) => {
    const rules = { chainContext: c.chain_context ?? "", policy: STRICT_POLICY };
    const problem = evidenceProblem(decode(c), rules);
    expect(problem === undefined, `${problem} instead of ${c.error}`).toBe(c.error === null);
  });

  it.each(of("evidence_hash").filter(([, c]) => c.error === null))("hashes evidence %i", (_i, c) => {
    expect(toHex(accusation(decode(c)).hash)).toBe(c.hash);
  });
});
