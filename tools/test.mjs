// npm test [-- FILTER …]: set-up when needed, then every test; the last line counts them. --nightly adds the long ones.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run } from "./support/run.mjs";
import { setup } from "./setup.mjs";

await setup();
const nightly = process.argv.includes("--nightly");
const filters = process.argv.slice(2).filter((argument) => argument !== "--nightly");
const report = join(ROOT, ".cache/test-report.json");
mkdirSync(join(ROOT, ".cache"), { recursive: true });
rmSync(report, { force: true });
const code = await run(
  process.execPath,
  [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...filters,
  ],
  {
    env: {
      ...process.env,
      QANAT_VECTORS_TABLE: filters.length === 0 ? "1" : "",
      ...(nightly ? { QANAT_NIGHTLY: "1" } : {}),
    },
  },
);
process.stdout.write(`${count(report)}\n`);
process.exit(code);

/** A file that does not even load has no tests to count: it counts as one failure. */
function count(file) {
  let results;
  try {
    results = JSON.parse(readFileSync(file, "utf8")).testResults;
  } catch {
    return "0 passed, 1 failed, 0 skipped";
  }
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const result of results) {
    if (result.status === "failed" && !result.assertionResults.some((test) => test.status === "failed")) {
      counts.failed += 1;
    }
    for (const test of result.assertionResults) {
      if (test.status === "passed") counts.passed += 1;
      else if (test.status === "failed") counts.failed += 1;
      else counts.skipped += 1;
    }
  }
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}
