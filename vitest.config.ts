import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { vectorsFolder } from "./test/vectors/support/folder.ts";

// What the programs under test print is compared as plain text, wherever the tests run.
delete process.env["FORCE_COLOR"];

// Without the "source" condition the tests would silently run whatever an earlier build left in dist.
// Golden bytes are this repository's own and need no folder of vectors.
const withoutVectors = vectorsFolder() === undefined ? ["test/vectors/!(golden)/**"] : [];
const exclude = ["**/node_modules/**", "dist/**", ...withoutVectors];

export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source", "node"] } },
  test: {
    globalSetup: ["test/support/scratch.ts", "test/vectors/support/global.ts"],
    setupFiles: ["test/support/environment.ts"],
    // For tests that hang: what takes a second here may take minutes where ten others want the same two cores.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    passWithNoTests: true,
    projects: [
      {
        extends: true,
        test: {
          name: "core",
          pool: "threads",
          isolate: false,
          include: ["test/{unit,vectors,sim}/**/*.test.ts"],
          exclude,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real processes, sockets and kills: one file at a time, after the others, so that two cores are enough.
        extends: true,
        test: {
          name: "outside",
          pool: "forks",
          fileParallelism: false,
          include: ["test/{e2e,interop}/**/*.test.ts"],
          exclude,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 1 },
        },
      },
    ].filter(
      (project) =>
        project.test.name === "core" || existsSync(resolve("test/e2e")) || existsSync(resolve("test/interop")),
    ),
  },
});
