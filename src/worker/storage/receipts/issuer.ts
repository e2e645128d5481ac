import { equalBytes, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { KeyedSignature, Signer } from "#common/crypto/signature.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { Disk } from "#common/ports/disk.js";
import type { Log } from "#common/ports/log.js";
import { receiptRules } from "#consensus/services/roothash/logic/receipt-rules.js";
import { signReceipt } from "#consensus/services/roothash/logic/receipt.js";
import { getRuntimeState, lastBlockOf, runtimeOf } from "#consensus/services/roothash/state.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { Runtime, StorageCommitteeParameters } from "#consensus/services/registry/types/runtime.js";
import { Committee } from "#consensus/services/scheduler/types.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { type Root, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import type { LogEntry } from "#mkvs/write-log.js";
import type { P2pHost } from "#p2p/host.js";
import { protocolId, servePeers } from "#p2p/protocol.js";
import { IoTreeError } from "#runtime/transaction/errors.js";
import { checkIoWriteLog } from "#runtime/transaction/limits.js";
import { CommitteeView } from "../../executor/committee-view.js";
import { keepRoundTrees, type RoundTrees } from "../round-trees.js";
import { emptyRootLike, stateRootOf } from "../round-roots.js";
import { type StorageLimits, storageLimits } from "./committee.js";
import { receiptErrors, storageErrors } from "./errors.js";
import { type ApplyOperation, type ApplyRequest, STORAGE_APPLY } from "./protocol.js";

export interface ReceiptIssuerOptions {
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  readonly chainContext: string;
  /** The latest consensus state. */
  readonly state: () => KeyValueReader;
  readonly p2p: P2pHost;
  readonly disk: Disk;
  readonly db: NodeDb;
  /** The node's identity. */
  readonly signer: Signer;
  readonly log: Log;
}

/** What the chain says about the round under way. */
interface Situation {
  readonly descriptor: Runtime;
  readonly committee: Committee;
  readonly limits: StorageCommitteeParameters;
  readonly taken: StorageLimits;
  /** Header of the last block. */
  readonly last: Header;
}

/** Keeps what executors of a runtime computed and signs that it did (storage committees: write path). */
export class ReceiptIssuer {
  /** Members of the executor committee that asked last. */
  private executors: CommitteeView | undefined;

  constructor(private readonly options: ReceiptIssuerOptions) {}

  /** Begins to answer. @returns ends it */
  serve(): () => void {
    const { p2p, chainContext, runtimeId } = this.options;
    const id = protocolId(chainContext, STORAGE_APPLY, runtimeId);
    return servePeers(p2p, id, STORAGE_APPLY, {
      Apply: (request, from) => ({ receipt: this.apply(request, from) }),
    });
  }

  private apply(request: ApplyRequest, from: Uint8Array): KeyedSignature {
    const { log } = this.options;
    try {
      return this.accept(request, this.situationFor(from));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      log.info("no receipt is given", { from: toHex(from), round: request.round, error: error.message });
      throw error;
    }
  }

  /** @throws receiptErrors.notAuthorized for whoever is no executor of the runtime now */
  private situationFor(peer: Uint8Array): Situation {
    const { runtimeId, signer } = this.options;
    const view = this.options.state();
    const state = getRuntimeState(view, runtimeId);
    const committee = state?.committee;
    if (state === undefined || state.suspended || committee === undefined) throw receiptErrors.notAuthorized();
    const known = this.executors;
    if (known === undefined || !Committee.equals(known.committee, committee) || !known.hasPeer(peer)) {
      // A member may have changed its key since the committee was seen first.
      this.executors = new CommitteeView(committee, view, signer.publicKey);
      if (!this.executors.hasPeer(peer)) throw receiptErrors.notAuthorized();
    }
    const descriptor = runtimeOf(state);
    const rules = receiptRules(view, descriptor, committee.validFor);
    if (rules === undefined) throw receiptErrors.notAuthorized("the runtime demands no receipts");
    const { limits } = rules;
    const taken = storageLimits(view, limits);
    return { descriptor, committee, limits, taken, last: lastBlockOf(state).header };
  }

  private accept(request: ApplyRequest, situation: Situation): KeyedSignature {
    const { disk, db, signer, chainContext, runtimeId } = this.options;
    const { last, limits, taken } = situation;
    if (request.round !== last.round + 1n) {
      throw receiptErrors.wrongRound(`round ${request.round} while ${last.round + 1n} is under way`);
    }
    if (db.latestVersion() !== last.round) throw receiptErrors.notSynced(`round ${last.round}`);
    checkSize(request, limits, taken);
    const trees = treesOf(request, last);
    this.checkContent(trees, situation);
    keepRoundTrees(disk, db, trees);
    const [ioRoot, stateRoot] = [trees.io.root.hash, trees.state.root.hash];
    const subject = { namespace: runtimeId, round: request.round, ioRoot, stateRoot };
    return signReceipt(signer, chainContext, subject);
  }

  private checkContent({ io, state }: RoundTrees, { descriptor, committee }: Situation): void {
    const { maxBatchSize, maxBatchSizeBytes } = descriptor.txnScheduler;
    try {
      checkIoWriteLog(io.writeLog, maxBatchSize, maxBatchSizeBytes);
    } catch (error) {
      if (!(error instanceof IoTreeError)) throw error;
      throw receiptErrors.malformed(error.message);
    }
    // Each executor has one result to keep; whoever has more lies.
    const most = new Set((committee.members ?? []).map(({ publicKey }) => toHex(publicKey))).size;
    for (const { root } of [io, state]) this.checkCandidates(root, most);
  }

  private checkCandidates(root: Root, most: number): void {
    const { db } = this.options;
    if (db.hasRoot(root)) return;
    const candidates = db.rootsForVersion(root.version).filter(({ type }) => type === root.type);
    if (candidates.length >= most) throw storageErrors.limitReached(`${most} roots of the round are here already`);
  }
}

function checkSize(
  { operations }: ApplyRequest,
  { maxApplyOps }: StorageCommitteeParameters,
  { entries, entryBytes }: StorageLimits,
): void {
  if (BigInt(operations.length) > maxApplyOps) throw storageErrors.limitReached(`more than ${maxApplyOps} operations`);
  if (operations.some(({ writeLog }) => BigInt(writeLog.length) > entries)) {
    throw storageErrors.limitReached(`more than ${entries} entries in a write log`);
  }
  if (entryBytes === undefined) return;
  const isLarge = ([key, value]: LogEntry): boolean => key.length + (value?.length ?? 0) > entryBytes;
  if (operations.some(({ writeLog }) => writeLog.some(isLarge))) {
    throw storageErrors.limitReached(`an entry of more than ${entryBytes} bytes`);
  }
}

/** Reads a request: inputs and outputs from nothing, then the state from that of the last block. */
function treesOf({ round, operations }: ApplyRequest, last: Header): RoundTrees {
  const [io, state, ...rest] = operations;
  if (io === undefined || state === undefined || rest.length > 0) {
    throw receiptErrors.malformed("expected one operation for inputs and outputs and one for the state");
  }
  const root = (type: number, hash: Uint8Array): Root => ({ namespace: last.namespace, version: round, type, hash });
  const ioRoot = root(ROOT_IO, io.targetRoot);
  check(io, ROOT_IO, root(ROOT_IO, EMPTY_HASH));
  check(state, ROOT_STATE, stateRootOf(last));
  return {
    io: { base: emptyRootLike(ioRoot), writeLog: io.writeLog, root: ioRoot },
    state: { base: stateRootOf(last), writeLog: state.writeLog, root: root(ROOT_STATE, state.targetRoot) },
  };
}

function check({ rootType, sourceRound, sourceRoot }: ApplyOperation, type: number, base: Root): void {
  if (rootType !== type || sourceRound !== base.version || !equalBytes(sourceRoot, base.hash)) {
    throw receiptErrors.malformed(`operation of type ${rootType} does not follow the last block`);
  }
}
