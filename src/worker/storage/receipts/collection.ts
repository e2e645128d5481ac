import { compareBytes, equalBytes, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { type KeyedSignature, type Signer, STRICT_POLICY } from "#common/crypto/signature.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { isSignedReceipt } from "#consensus/services/roothash/logic/receipt-rules.js";
import { type ReceiptSubject, signReceipt } from "#consensus/services/roothash/logic/receipt.js";
import type { P2pHost } from "#p2p/host.js";
import { callPeer, protocolId } from "#p2p/protocol.js";
import type { RoundTrees } from "../round-trees.js";
import { memberOf, type StorageCommittee, type StorageMember } from "./committee.js";
import { receiptErrors, storageErrors } from "./errors.js";
import { type ApplyOperation, type ApplyRequest, STORAGE_APPLY } from "./protocol.js";

/** Pauses before a member is asked again, in milliseconds: they double up to the longest. */
const SHORTEST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1000;

export interface CollectionOptions {
  readonly p2p: P2pHost;
  readonly chainContext: string;
  readonly committee: StorageCommittee;
  /** What the receipts are for; the node itself has it on its disk already. */
  readonly trees: RoundTrees;
  /** The node's identity; it gives a receipt of its own if it is a member. */
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Log;
  /** Told once, in the end: enough receipts in the order of their keys, or that there cannot be enough. */
  readonly ended: (receipts: KeyedSignature[] | undefined) => void;
}

/** Gathers the receipts for one result of one round (storage committees: executor). */
export class ReceiptCollection {
  private readonly subject: ReceiptSubject;
  private readonly receipts = new Map<string, KeyedSignature>();
  private readonly refused = new Set<StorageMember>();
  private readonly timers = new Set<Timer>();
  private asking = false;
  private over = false;

  constructor(private readonly options: CollectionOptions) {
    const { io, state } = options.trees;
    const { namespace, version: round } = state.root;
    this.subject = { namespace, round, ioRoot: io.root.hash, stateRoot: state.root.hash };
  }

  /** Whether receipts for these roots are what is being gathered. */
  isFor(ioRoot: Uint8Array | undefined, stateRoot: Uint8Array | undefined): boolean {
    if (ioRoot === undefined || stateRoot === undefined) return false;
    return equalBytes(ioRoot, this.subject.ioRoot) && equalBytes(stateRoot, this.subject.stateRoot);
  }

  /** Takes receipts that somebody else has gathered; those that do not count are left out. */
  take(receipts: readonly KeyedSignature[]): void {
    // More than there are members cannot all count, and each costs the time of a verification.
    for (const receipt of receipts.slice(0, this.options.committee.members.length)) this.add(receipt);
  }

  /** Asks all members at the same time, each again and again until there are enough receipts. */
  ask(): void {
    if (this.asking || this.over) return;
    this.asking = true;
    const { committee, signer, chainContext, log } = this.options;
    if (memberOf(committee, signer.publicKey) !== undefined) this.add(signReceipt(signer, chainContext, this.subject));
    const request = requestFor(this.options.trees);
    for (const member of committee.members) {
      if (this.has(member)) continue;
      this.askMember(member, request).catch((error: unknown) => log.error("receipts failed", { error: String(error) }));
    }
    this.check();
  }

  /** Asks nobody any more; nobody is told. */
  stop(): void {
    this.over = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private has({ id }: StorageMember): boolean {
    return this.receipts.has(toHex(id));
  }

  private add(receipt: KeyedSignature): boolean {
    const { committee, chainContext } = this.options;
    const member = memberOf(committee, receipt.publicKey);
    if (this.over || member === undefined) return false;
    if (this.has(member)) return true;
    if (!isSignedReceipt(receipt, this.subject, { chainContext, policy: STRICT_POLICY })) return false;
    this.receipts.set(toHex(member.id), receipt);
    this.check();
    return true;
  }

  private check(): void {
    const { committee, ended } = this.options;
    if (this.over) return;
    const lost = committee.members.filter((member) => this.refused.has(member) && !this.has(member)).length;
    const enough = this.receipts.size >= committee.replication;
    if (!enough && committee.members.length - lost >= committee.replication) return;
    this.stop();
    ended(enough ? Array.from(this.receipts.values()).sort(byKey) : undefined);
  }

  private async askMember(member: StorageMember, request: ApplyRequest): Promise<void> {
    for (let pauseMs = SHORTEST_PAUSE_MS; !this.over; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      if (await this.attempt(member, request)) return;
      await this.pause(pauseMs);
    }
  }

  /** @returns whether the member need not be asked again */
  private async attempt({ id, peer }: StorageMember, request: ApplyRequest): Promise<boolean> {
    const { p2p, chainContext, log } = this.options;
    const protocol = protocolId(chainContext, STORAGE_APPLY, this.subject.namespace);
    try {
      const { receipt } = await callPeer(p2p, peer, protocol, STORAGE_APPLY, "Apply", request);
      const valid = equalBytes(receipt.publicKey, id) && (this.over || this.add(receipt));
      p2p.feedback(peer, protocol, valid ? "success" : "failure");
      if (!valid) log.warn("storage node sent no valid receipt", { node: toHex(id), round: request.round });
      return valid;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const final = isFinal(error);
      // What no other attempt will change is for the author of the runtime to know.
      const level = final ? "warn" : "debug";
      log[level]("storage node gave no receipt", { node: toHex(id), round: request.round, error: error.message });
      if (!final) return false;
      const member = memberOf(this.options.committee, id);
      if (member !== undefined) this.refused.add(member);
      this.check();
      return true;
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.options.clock.setTimer(ms, () => {
        this.timers.delete(timer);
        resolve();
      });
      this.timers.add(timer);
    });
  }
}

/** Whether asking again would bring the same answer. */
function isFinal(error: CodedError): boolean {
  const { expectedRootMismatch, limitReached } = storageErrors;
  return expectedRootMismatch.is(error) || limitReached.is(error) || receiptErrors.malformed.is(error);
}

function byKey(a: KeyedSignature, b: KeyedSignature): number {
  return compareBytes(a.publicKey, b.publicKey);
}

function requestFor({ io, state }: RoundTrees): ApplyRequest {
  const operations = [io, state].map(
    ({ base, writeLog, root }): ApplyOperation => ({
      rootType: root.type,
      sourceRound: base.version,
      sourceRoot: base.hash,
      targetRoot: root.hash,
      writeLog,
    }),
  );
  return { round: state.root.version, operations };
}
