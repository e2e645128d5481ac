import { executorScenarios } from "./support/executor-scenarios.ts";

executorScenarios(false);
