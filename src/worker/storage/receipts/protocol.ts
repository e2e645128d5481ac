/** Protocol by which executors hand a round's trees to storage nodes (storage committees: write path). */
import { KeyedSignature } from "#common/crypto/signature.js";
import { Hash } from "#common/hash.js";
import { list, named, struct, u64 } from "#common/schema/index.js";
import { RootType } from "#mkvs/node/root.js";
import { WriteLog } from "#mkvs/write-log.js";
import { defineProtocol } from "#p2p/protocol.js";

/** More write logs than any runtime may allow in one request. */
const MAX_OPERATIONS = 16;
/** How long a storage node may take, in milliseconds. */
const APPLY_DEADLINE_MS = 5000;

/** What leads from one tree to another. */
export class ApplyOperation extends struct("ApplyOperation", {
  rootType: RootType,
  sourceRound: named("src_round", u64),
  sourceRoot: named("src_root", Hash),
  targetRoot: named("dst_root", Hash),
  writeLog: named("writelog", WriteLog),
}) {}

/** Trees of one round: first its inputs and outputs, then the state. */
export class ApplyRequest extends struct("ApplyRequest", {
  round: u64,
  operations: named("ops", list(ApplyOperation, { max: MAX_OPERATIONS })),
}) {}

class ApplyResponse extends struct("ApplyResponse", { receipt: KeyedSignature }) {}

export const STORAGE_APPLY = defineProtocol(
  "storageapply",
  { major: 1, minor: 0, patch: 0 },
  { Apply: { request: ApplyRequest, response: ApplyResponse, deadlineMs: APPLY_DEADLINE_MS } },
);
