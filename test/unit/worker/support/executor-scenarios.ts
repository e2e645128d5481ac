import { beforeAll, describe, expect, test } from "vitest";
import { type Outcome, play, type Scenario } from "./scenario.ts";

/** What is expected; the state root is always that of the honest run. */
type Expected = Pick<Outcome, "finalizedBy" | "failedRounds" | "discrepancies" | "resolved" | "slashed">;

const LATE_MS = 4000;
const PROPOSE_TIMEOUT_MS = 1000;

function agreed(...slashed: string[]): Expected {
  return { finalizedBy: "workers", failedRounds: 0, discrepancies: [], resolved: 0, slashed };
}

function resolved(discrepancy: "at once" | "timeout", ...slashed: string[]): Expected {
  return { finalizedBy: "backup", failedRounds: 0, discrepancies: [discrepancy], resolved: 1, slashed };
}

/** Scenarios by name, each with what has to come of it. */
type Table = [name: string, scenario: Scenario, expected: Expected];

type Misconducts = ["straggler" | "runaway" | "failure" | "bad-messages"];

/**
 * Plays each of the executor scenarios.
 *
 * @param receipts whether the runtime demands receipts of storage nodes; what comes of it must be the same
 */
export function executorScenarios(receipts: boolean): void {
  let honest: Outcome;

  beforeAll(async () => {
    honest = await play({ culprits: {}, receipts });
  });

  async function expectOutcome(scenario: Scenario, expected: Expected): Promise<Outcome> {
    const outcome = await play({ ...scenario, receipts });
    expect(outcome).toMatchObject(expected);
    expect(outcome.stateRoot).toBe(honest.stateRoot);
    return outcome;
  }

  describe("in a committee where all must agree, the round of a transaction", () => {
    test("ends by agreement when all are honest", () => {
      expect(honest).toMatchObject(agreed());
    });

    test.each<Table>([
      [
        "is decided by the backup workers after its time when a worker is silent, who pays for it at the end of the epoch",
        { culprits: { verifier: ["straggler"] } },
        resolved("timeout", "verifier: runtime-liveness"),
      ],
      [
        "is proposed by the next scheduler when the first is silent",
        { culprits: { scheduler: ["straggler"] } },
        resolved("timeout", "scheduler: runtime-liveness"),
      ],
      [
        "is proposed by the next scheduler when the first proposes and never commits",
        { culprits: { scheduler: ["runaway"] } },
        resolved("timeout", "scheduler: runtime-liveness"),
      ],
      [
        "is proposed by the next scheduler when the first says that it failed, which schedulers may not",
        { culprits: { scheduler: ["failure"] } },
        resolved("timeout", "scheduler: runtime-liveness"),
      ],
      [
        "is proposed by the next scheduler when all that the first sends is damaged",
        { culprits: { scheduler: ["bad-messages"] } },
        resolved("timeout", "scheduler: runtime-liveness"),
      ],
      [
        "is decided by the backup workers after its time when all that a worker sends is damaged",
        { culprits: { verifier: ["bad-messages"] } },
        resolved("timeout", "verifier: runtime-liveness"),
      ],
      [
        "is decided by the backup workers at once when a worker says that it failed",
        { culprits: { verifier: ["failure"] } },
        resolved("at once", "verifier: runtime-liveness"),
      ],
      [
        "is decided by the backup workers at once when a worker has other results, who pays for them",
        { culprits: { verifier: ["wrong-results"] } },
        resolved("at once", "verifier: runtime-incorrect-results", "verifier: runtime-liveness"),
      ],
      [
        "ends by agreement when a worker contradicts itself, who is told on and pays",
        { culprits: { verifier: ["equivocate"] } },
        agreed("verifier: runtime-equivocation"),
      ],
    ])("%s", async (_, scenario, expected) => {
      await expectOutcome(scenario, expected);
    });

    test("fails when the scheduler has wrong results; the next one disagrees with it and pays", async () => {
      await expectOutcome(
        { culprits: { scheduler: ["wrong-results"] } },
        {
          finalizedBy: "backup",
          failedRounds: 1,
          discrepancies: ["at once", "at once"],
          resolved: 1,
          slashed: ["scheduler: runtime-incorrect-results", "scheduler: runtime-liveness"],
        },
      );
    });

    test("fails when the scheduler proposes what nobody has: it missed its turn and pays for that", async () => {
      await expectOutcome(
        {
          culprits: { scheduler: ["wrong-scheduler"] },
          tune: ({ executor }) => void (executor.maxMissedProposalsPercent = 10),
        },
        {
          finalizedBy: "workers",
          failedRounds: 1,
          discrepancies: ["timeout"],
          resolved: 0,
          slashed: ["scheduler: runtime-liveness"],
        },
      );
    });

    test("fails when the scheduler makes two proposals, who pays for each round in which it contradicts itself", async () => {
      await expectOutcome(
        { culprits: { scheduler: ["equivocate"] } },
        {
          finalizedBy: "workers",
          failedRounds: 1,
          discrepancies: ["at once"],
          resolved: 0,
          slashed: ["scheduler: runtime-equivocation", "scheduler: runtime-equivocation"],
        },
      );
    });
  });

  describe("in a committee where one may be missing, the round of a transaction", () => {
    test.each<Table>([
      [
        "ends by agreement without a silent worker, who still pays at the end of the epoch",
        { culprits: { verifier: ["straggler"] }, stragglers: 1 },
        agreed("verifier: runtime-liveness"),
      ],
      [
        "ends by agreement when one says that it failed",
        { culprits: { verifier: ["failure"] }, stragglers: 1 },
        agreed("verifier: runtime-liveness"),
      ],
      [
        "is disputed at once when one has other results",
        { culprits: { verifier: ["wrong-results"] }, stragglers: 1 },
        resolved("at once", "verifier: runtime-incorrect-results", "verifier: runtime-liveness"),
      ],
    ])("%s", async (_, scenario, expected) => {
      const { ms } = await expectOutcome(scenario, expected);
      expect(ms).toBeLessThan(PROPOSE_TIMEOUT_MS);
    });

    test.each<Misconducts>([["straggler"], ["runaway"], ["failure"], ["bad-messages"]])(
      "ends by agreement on the next scheduler's proposal right after its turn has come, when the first is a %s",
      async (way) => {
        const scenario: Scenario = { culprits: { scheduler: [way] }, stragglers: 1 };
        const { ms } = await expectOutcome(scenario, agreed("scheduler: runtime-liveness"));
        expect(ms).toBeGreaterThanOrEqual(PROPOSE_TIMEOUT_MS);
        expect(ms).toBeLessThan(PROPOSE_TIMEOUT_MS + 100);
      },
    );
  });

  describe("of three backup workers, one that misbehaves", () => {
    test.each<Table>([
      [
        "as a silent worker too changes nothing of the decision",
        { culprits: { "verifier and backup": ["straggler"] } },
        resolved("timeout", "verifier and backup: runtime-liveness"),
      ],
      [
        "as a silent scheduler too changes nothing of the decision",
        { culprits: { "scheduler and backup": ["straggler"] } },
        resolved("timeout", "scheduler and backup: runtime-liveness"),
      ],
      [
        "as a failing worker too changes nothing of the decision",
        { culprits: { "verifier and backup": ["failure"] } },
        resolved("at once", "verifier and backup: runtime-liveness"),
      ],
      [
        "as a lying worker too pays once",
        { culprits: { "verifier and backup": ["wrong-results"] } },
        resolved("at once", "verifier and backup: runtime-incorrect-results", "verifier and backup: runtime-liveness"),
      ],
      [
        "by silence is outvoted",
        { culprits: { verifier: ["wrong-results"], backup: ["straggler"] }, thirdBackup: true },
        resolved("at once", "verifier: runtime-incorrect-results", "verifier: runtime-liveness"),
      ],
      [
        "by failing is outvoted",
        { culprits: { verifier: ["wrong-results"], backup: ["failure"] }, thirdBackup: true },
        resolved("at once", "verifier: runtime-incorrect-results", "verifier: runtime-liveness"),
      ],
      [
        "by damaged messages is outvoted",
        { culprits: { verifier: ["wrong-results"], backup: ["bad-messages"] }, thirdBackup: true },
        resolved("at once", "verifier: runtime-incorrect-results", "verifier: runtime-liveness"),
      ],
      [
        "by the same lie as a worker is outvoted and pays like it",
        { culprits: { verifier: ["wrong-results"], backup: ["wrong-results"] }, thirdBackup: true },
        resolved(
          "at once",
          "verifier: runtime-incorrect-results",
          "backup: runtime-incorrect-results",
          "verifier: runtime-liveness",
        ),
      ],
      [
        "by contradicting itself pays for that",
        { culprits: { verifier: ["wrong-results"], backup: ["equivocate"] }, thirdBackup: true },
        resolved(
          "at once",
          "verifier: runtime-incorrect-results",
          "backup: runtime-equivocation",
          "verifier: runtime-liveness",
        ),
      ],
    ])("%s", async (_, scenario, expected) => {
      const { blocksToResolve, ms } = await expectOutcome(scenario, expected);
      expect(blocksToResolve).toBeLessThanOrEqual(3);
      expect(ms).toBeLessThan(PROPOSE_TIMEOUT_MS + LATE_MS + 500);
    });

    test("as a lying scheduler too fails the round and disagrees with the next scheduler", async () => {
      await expectOutcome(
        { culprits: { "scheduler and backup": ["wrong-results"] } },
        {
          finalizedBy: "backup",
          failedRounds: 1,
          discrepancies: ["at once", "at once"],
          resolved: 1,
          slashed: ["scheduler and backup: runtime-incorrect-results", "scheduler and backup: runtime-liveness"],
        },
      );
    });
  });

  describe("of two backup workers, one that is silent", () => {
    test("leaves a dispute undecided: the round fails after its time", async () => {
      await expectOutcome(
        { culprits: { verifier: ["failure"], backup: ["straggler"] }, once: true },
        {
          finalizedBy: "workers",
          failedRounds: 1,
          discrepancies: ["at once"],
          resolved: 0,
          slashed: [],
        },
      );
    });
  });
}
