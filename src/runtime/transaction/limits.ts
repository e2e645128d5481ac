import type { WriteLog } from "#mkvs/write-log.js";
import { ARTIFACT, parseIoKey } from "./artifacts.js";
import { IoTreeError } from "./errors.js";

/**
 * Checks a write log for the I/O tree against the limits of the runtime descriptor (runtime layer: limits).
 *
 * @param maxCount most inputs, and most outputs
 * @param maxBytes limit of the sum of all encoded inputs, in bytes
 * @throws IoTreeError when the log is over a limit or has a key of unknown form
 */
export function checkIoWriteLog(writeLog: WriteLog, maxCount: bigint, maxBytes: bigint): void {
  let inputs = 0n;
  let outputs = 0n;
  let size = 0n;
  for (const [key, value] of writeLog) {
    const parsed = parseIoKey(key);
    if (parsed === undefined) throw new IoTreeError("invalid key format");
    if (parsed.kind === "tag") continue;
    if (parsed.artifact === ARTIFACT.input) {
      inputs++;
      size += BigInt(value?.length ?? 0);
    } else {
      outputs++;
    }
    if (inputs > maxCount || outputs > maxCount) throw new IoTreeError("too many inputs or outputs");
    if (size > maxBytes) throw new IoTreeError("input set size exceeds configuration");
  }
}
