import { describe } from "vitest";
import { executorScenarios } from "./support/executor-scenarios.ts";

describe("with receipts of storage nodes", () => executorScenarios(true));
