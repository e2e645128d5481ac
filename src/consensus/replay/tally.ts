import { toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import type { Json } from "#common/json.js";
import { timestampToText } from "#common/schema/index.js";
import { decodeEvent } from "../app/events.js";
import { BlockIdFlag } from "../block/commit.js";
import { epochEvent } from "../services/beacon/events.js";
import type { AbciEvent, TransactionResult } from "../transaction/results.js";
import { SignedTransaction, Transaction } from "../transaction/transaction.js";
import type { RecordedHeight } from "./recording.js";

const UNDECODABLE = "(undecodable)";

/** How often something was counted, by its name. */
type Counts = Map<string, number>;

function count(counts: Counts, name: string, times = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + times);
}

function resultOf({ code, codespace }: TransactionResult): string {
  return code === 0 ? "ok" : `${codespace}/${code}`;
}

/** Method and signer of a raw transaction; undefined where it cannot be read so far. */
function readTransaction(raw: Uint8Array): { method: string | undefined; signer: Uint8Array | undefined } {
  let signer: Uint8Array | undefined;
  try {
    const signed = SignedTransaction.decode(raw);
    signer = signed.signature.publicKey;
    return { method: Transaction.decode(signed.untrustedRawValue).method, signer };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { method: undefined, signer };
  }
}

/** Everything that the summary of a recording tells, counted again. */
export class RecordingTally {
  private heights = 0;
  private first: RecordedHeight | undefined;
  private last: RecordedHeight | undefined;
  private transactions = 0;
  private transactionBytes = 0;
  private evidence = 0;
  private absent = 0;
  private nil = 0;
  private highestRound = 0;
  private fewest = Number.MAX_SAFE_INTEGER;
  private most = 0;
  private readonly signers = new Set<string>();
  private readonly epochs: { epoch: bigint; height: bigint }[] = [];
  private readonly events: Counts = new Map();
  private readonly results: Counts = new Map();
  private readonly methods: Counts = new Map();
  private readonly methodResults = new Map<string, Counts>();

  /** Counts one height; they must come in order. */
  add(record: RecordedHeight): void {
    const { block, commit, height } = record;
    this.heights++;
    this.first ??= record;
    this.last = record;
    this.evidence += block.evidence.evidence.length;
    this.highestRound = Math.max(this.highestRound, commit.round);
    this.fewest = Math.min(this.fewest, commit.signatures.length);
    this.most = Math.max(this.most, commit.signatures.length);
    for (const { blockIdFlag } of commit.signatures) {
      if (blockIdFlag === BlockIdFlag.absent) this.absent++;
      else if (blockIdFlag === BlockIdFlag.nil) this.nil++;
    }
    block.data.txs.forEach((raw, i) => this.addTransaction(raw, record.results[i]));
    const events = [...record.beginEvents, ...record.results.flatMap((result) => result.events), ...record.endEvents];
    for (const event of events) this.addEvent(event, height);
  }

  private addTransaction(raw: Uint8Array, result: TransactionResult | undefined): void {
    const { method = UNDECODABLE, signer } = readTransaction(raw);
    const outcome = result === undefined ? "" : resultOf(result);
    this.transactions++;
    this.transactionBytes += raw.length;
    if (signer !== undefined) this.signers.add(toHex(signer));
    count(this.methods, method);
    count(this.results, outcome);
    const results = this.methodResults.get(method) ?? new Map<string, number>();
    this.methodResults.set(method, results);
    count(results, outcome);
  }

  private addEvent(event: AbciEvent, height: bigint): void {
    for (const { key } of event.attributes) count(this.events, `${event.type}/${key}`);
    const epoch = decodeEvent(epochEvent, event)?.epoch;
    if (epoch !== undefined) this.epochs.push({ epoch, height });
  }

  /** The first height of an epoch; undefined when it did not begin in the recording. */
  firstHeightOf(epoch: bigint): bigint | undefined {
    return this.epochs.find((begun) => begun.epoch === epoch)?.height;
  }

  /** What the summary has to tell, by its names, the most telling first. @param initialHeight of the genesis document */
  summary(initialHeight: bigint, appHash: Uint8Array): { readonly [field: string]: Json } {
    const { first, last, epochs } = this;
    const counts = (counted: Counts): Json => Object.fromEntries(counted);
    return {
      initial_height: initialHeight,
      first_height: first?.height ?? null,
      heights: this.heights,
      last_height: last?.height ?? null,
      txs: this.transactions,
      final_app_hash: toHex(appHash),
      commit_absent_votes: this.absent,
      commit_nil_votes: this.nil,
      distinct_signers: this.signers.size,
      epochs: {
        first: epochs[0]?.epoch ?? null,
        last: epochs.at(-1)?.epoch ?? null,
        transitions: epochs.length,
      },
      events_by_type: counts(this.events),
      evidence: this.evidence,
      first_block_time: first === undefined ? null : timestampToText(first.block.header.time),
      last_block_time: last === undefined ? null : timestampToText(last.block.header.time),
      max_commit_round: this.highestRound,
      tx_bytes: this.transactionBytes,
      txs_by_method: counts(this.methods),
      txs_by_method_result: Object.fromEntries(Array.from(this.methodResults, ([name, all]) => [name, counts(all)])),
      txs_by_result: counts(this.results),
      validators_max: this.most,
      validators_min: this.heights === 0 ? null : this.fewest,
    };
  }
}
