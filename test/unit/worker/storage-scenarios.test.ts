import { beforeAll, describe, expect, test } from "vitest";
import { type Outcome, play, type Scenario } from "./support/scenario.ts";

type Expected = Pick<Outcome, "finalizedBy" | "failedRounds" | "discrepancies" | "resolved" | "slashed">;

const BACKUPS = ["compute-3", "compute-4"];
const RECEIPT_TIMEOUT_MS = 3000;

let honest: Outcome;

beforeAll(async () => {
  // Without receipts: what storage nodes do must not change any state.
  honest = await play({ culprits: {} });
});

async function expectOutcome(scenario: Scenario, expected: Expected): Promise<Outcome> {
  const outcome = await play({ ...scenario, receipts: true });
  expect(outcome).toMatchObject(expected);
  expect(outcome.stateRoot).toBe(honest.stateRoot);
  return outcome;
}

const agreed: Expected = { finalizedBy: "workers", failedRounds: 0, discrepancies: [], resolved: 0, slashed: [] };

function resolved(discrepancy: "at once" | "timeout", ...slashed: string[]): Expected {
  return { finalizedBy: "backup", failedRounds: 0, discrepancies: [discrepancy], resolved: 1, slashed };
}

describe("where two of three storage nodes have to give receipts, the round of a transaction", () => {
  test.each<[string, Scenario["culprits"]]>([
    ["keeps nothing", { storage: ["no-store"] }],
    ["sends damaged messages", { storage: ["bad-messages"] }],
  ])("ends by agreement when one storage node %s", async (_, culprits) => {
    const { ms } = await expectOutcome({ culprits }, agreed);
    expect(ms).toBeLessThan(500);
  });

  test("waits when two storage nodes keep nothing, and ends by agreement as soon as one of them is back", async () => {
    const forMs = 20_000;
    const scenario: Scenario = { culprits: { storage: ["no-store"], "second storage": ["no-store"] }, forMs };
    const { ms } = await expectOutcome(scenario, agreed);
    expect(ms).toBeGreaterThanOrEqual(forMs);
    expect(ms).toBeLessThan(forMs + 1500);
  });

  test("ends by agreement when a worker cannot reach the storage nodes: it uses the scheduler's receipts", async () => {
    const { ms } = await expectOutcome({ culprits: { verifier: [] }, cutOff: ["compute-0"] }, agreed);
    expect(ms).toBeLessThan(500);
  });

  test("is proposed by the next scheduler when the first cannot reach the storage nodes", async () => {
    await expectOutcome(
      { culprits: { scheduler: [] }, cutOff: ["compute-0"] },
      resolved("timeout", "scheduler: runtime-liveness"),
    );
  });

  test("is proposed by the next scheduler when the first commits without receipts", async () => {
    await expectOutcome({ culprits: { scheduler: ["no-store"] } }, resolved("timeout", "scheduler: runtime-liveness"));
  });

  test("is decided by the backup workers after its time when a worker commits without receipts", async () => {
    await expectOutcome({ culprits: { verifier: ["no-store"] } }, resolved("timeout", "verifier: runtime-liveness"));
  });

  test("is decided by the backup workers when a worker finds nobody who keeps its results: it says that it failed", async () => {
    const { ms } = await expectOutcome(
      { culprits: { verifier: ["wrong-results"] }, cutOff: ["compute-0"] },
      resolved("at once", "verifier: runtime-liveness"),
    );
    expect(ms).toBeGreaterThanOrEqual(RECEIPT_TIMEOUT_MS);
  });

  test("is decided by backup workers that cannot reach the storage nodes: they use the scheduler's receipts", async () => {
    await expectOutcome(
      { culprits: { verifier: ["wrong-results"] }, cutOff: BACKUPS },
      resolved("at once", "verifier: runtime-incorrect-results", "verifier: runtime-liveness"),
    );
  });

  test("fails when backup workers find nobody who keeps what they found instead of the scheduler's lie", async () => {
    const outcome = await play({
      culprits: { scheduler: ["wrong-results"] },
      cutOff: BACKUPS,
      once: true,
      receipts: true,
    });
    expect(outcome).toMatchObject({
      finalizedBy: "workers",
      failedRounds: 1,
      discrepancies: ["at once"],
      resolved: 0,
      slashed: [],
    });
    expect(outcome.stateRoot).toBe(honest.stateRoot);
  });
});
