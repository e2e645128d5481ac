import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A longer folder would leave too little of the 107 bytes that a path of a unix socket may have. */
const LONGEST = 40;
const SHORT = "/tmp";

/**
 * Gives a run of tests a folder of its own for temporary files and removes it at the end: what killed programs leave
 * behind goes with it, and what others leave in the machine's folder is not seen.
 */
export default function setup(): (() => void) | undefined {
  // Each project of the test configuration calls this; the first one makes the folder for all.
  if (process.env["QANAT_TEST_SCRATCH"] !== undefined) return undefined;
  const machine = realpathSync(tmpdir());
  const scratch = mkdtempSync(join(machine.length > LONGEST ? SHORT : machine, "qanat-test-"));
  process.env["QANAT_TEST_SCRATCH"] = scratch;
  process.env["TMPDIR"] = scratch;
  return () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}
