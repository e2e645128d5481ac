import { equalBytes, toHex } from "#common/bytes.js";
import type { BlockOutcome } from "../app/block-run.js";
import { APP_VERSION } from "../backends/embedded/build-block.js";
import { ConsensusParams } from "../block/params.js";
import { lastResultsHash } from "../block/results.js";
import type { AbciEvent, TransactionResult, ValidatorUpdate } from "../transaction/results.js";
import { SignedTransaction, Transaction } from "../transaction/transaction.js";
import { type Place, ReplayDifference, serviceOfEvent } from "./difference.js";
import type { RecordedHeight } from "./recording.js";

const NOTHING = "nothing";
const ENGINE_UPDATES = ConsensusParams.encode({
  block: undefined,
  evidence: undefined,
  validator: undefined,
  version: { app: APP_VERSION },
});

function attributesOf(event: AbciEvent): string {
  return event.attributes.map(({ key, value }) => `${key}=${value}`).join(" ");
}

function kindOf(event: AbciEvent): string {
  return `${event.type}/${event.attributes.map(({ key }) => key).join("+")}`;
}

function describe(event: AbciEvent | undefined): string {
  return event === undefined ? NOTHING : `${event.type} ${attributesOf(event)}`;
}

/** Method of a raw transaction, as far as it can be read. */
function methodOf(raw: Uint8Array | undefined): string | undefined {
  if (raw === undefined) return undefined;
  try {
    return Transaction.decode(SignedTransaction.decode(raw).untrustedRawValue).method;
  } catch {
    return undefined;
  }
}

function codeOf({ codespace, code }: TransactionResult): string {
  return code === 0 ? "success" : `${codespace}/${code}`;
}

function sameEvent(a: AbciEvent, b: AbciEvent | undefined): boolean {
  if (a.type !== b?.type || a.attributes.length !== b.attributes.length) return false;
  return a.attributes.every(({ key, value }, i) => {
    const other = b.attributes[i];
    return key === other?.key && value === other.value;
  });
}

function sameEvents(a: readonly AbciEvent[], b: readonly AbciEvent[]): boolean {
  return a.length === b.length && a.every((event, i) => sameEvent(event, b[i]));
}

/** Whether everything agrees; only where it does not is it worth finding out what differs. */
function sameResult(a: TransactionResult, b: TransactionResult): boolean {
  if (a.code !== b.code || (a.code !== 0 && a.codespace !== b.codespace)) return false;
  if (a.gasWanted !== b.gasWanted || a.gasUsed !== b.gasUsed) return false;
  return equalBytes(a.data, b.data) && sameEvents(a.events, b.events);
}

class Comparison {
  constructor(private readonly record: RecordedHeight) {}

  same(what: string, expected: string, found: string, place?: Place): void {
    if (expected !== found) throw new ReplayDifference(this.record.height, what, expected, found, place);
  }

  events(where: string, theirs: readonly AbciEvent[], ours: readonly AbciEvent[], place: Place = {}): void {
    if (sameEvents(theirs, ours)) return;
    for (let i = 0; i < theirs.length || i < ours.length; i++) {
      const [expected, found] = [describe(theirs[i]), describe(ours[i])];
      if (expected === found) continue;
      const event = (theirs[i] ?? ours[i]) as AbciEvent;
      const at = { ...place, event: kindOf(event), service: serviceOfEvent(event.type) };
      this.same(`event ${i} of ${where}`, expected, found, at);
    }
  }

  result(index: number, theirs: TransactionResult, ours: TransactionResult): void {
    if (sameResult(theirs, ours)) return;
    const method = methodOf(this.record.block.data.txs[index]);
    const place = { transaction: index, method, service: method?.split(".")[0] };
    const where = method === undefined ? `transaction ${index}` : `transaction ${index} (${method})`;
    if (codeOf(theirs) !== codeOf(ours)) {
      // The text of an error is no part of the protocol: it is only told with a code that differs.
      this.same(`code of ${where}`, `${codeOf(theirs)} ${theirs.log}`, `${codeOf(ours)} ${ours.log}`, place);
    }
    this.same(`gas wanted by ${where}`, theirs.gasWanted.toString(), ours.gasWanted.toString(), place);
    this.same(`gas used by ${where}`, theirs.gasUsed.toString(), ours.gasUsed.toString(), place);
    this.same(`data of ${where}`, toHex(theirs.data), toHex(ours.data), place);
    this.events(where, theirs.events, ours.events, place);
  }
}

/** The order of updates is not determined by the reference, so they are compared as sets. */
function updatesText(updates: readonly ValidatorUpdate[]): string {
  const lines = updates.map(({ publicKey, power }) => `${toHex(publicKey)}=${power}`);
  return lines.length === 0 ? NOTHING : lines.sort((a, b) => (a < b ? -1 : 1)).join(" ");
}

/**
 * Compares everything that was recorded of a height but the root of the state.
 * @throws ReplayDifference at the first difference, in the order of execution
 */
export function compareOutcome(record: RecordedHeight, outcome: BlockOutcome): void {
  const comparison = new Comparison(record);
  const { results } = record;
  comparison.events("BeginBlock", record.beginEvents, outcome.beginEvents);
  comparison.same("number of transaction results", `${results.length}`, `${outcome.results.length}`);
  outcome.results.forEach((ours, i) => comparison.result(i, results[i] as TransactionResult, ours));
  comparison.events("EndBlock", record.endEvents, outcome.endEvents);
  const scheduler = { service: "scheduler" };
  const [theirs, ours] = [updatesText(record.validatorUpdates), updatesText(outcome.validatorUpdates)];
  comparison.same("validator updates", theirs, ours, scheduler);
  const engine = toHex(ConsensusParams.encode(record.engineUpdates));
  comparison.same("parameter updates of the engine", engine, toHex(ENGINE_UPDATES));
  comparison.same("results hash", toHex(record.lastResultsHash), toHex(lastResultsHash(outcome.results)));
}
