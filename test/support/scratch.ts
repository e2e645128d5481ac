import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What tests make below it has names short enough for sockets (107 bytes) and values of examples (128 bytes). */
const LONGEST = 16;
const SHORT = "/tmp";

let made: string | undefined;

/**
 * Gives a run of tests a folder of its own for temporary files: what killed programs leave behind goes with it, and
 * what others leave in the machine's folder is not seen.
 */
export function setup(): void {
  // Each project of the test configuration calls this; the first one makes the folder for all.
  if (process.env["QANAT_TEST_SCRATCH"] !== undefined) return;
  const machine = realpathSync(tmpdir());
  made = mkdtempSync(join(machine.length > LONGEST ? SHORT : machine, "qanat-test-"));
  process.env["QANAT_TEST_SCRATCH"] = made;
  process.env["TMPDIR"] = made;
}

/** Removes the folder, if this call is that of the project that made it. */
export function teardown(): void {
  if (made !== undefined) rmSync(made, { recursive: true, force: true, maxRetries: 3 });
}
