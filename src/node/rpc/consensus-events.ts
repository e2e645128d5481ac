import * as governance from "#consensus/services/governance/queries.js";
import * as registry from "#consensus/services/registry/queries.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import * as staking from "#consensus/services/staking/queries.js";
import type { Result, ServiceEvent } from "#consensus/rpc.js";
import type { TransactionResult } from "#consensus/transaction/results.js";
import { transactionHash } from "#consensus/transaction/transaction.js";
import type { EventReader, ExecutedBlock } from "./chain-view.js";
import { orNull } from "./or-null.js";

/** Services whose events are reported with transactions, in the order in which the reference lists them. */
const READERS: readonly EventReader<ServiceEvent>[] = [
  (...of) => found(staking.event(...of), (event) => ({ staking: event })),
  (...of) => found(registry.event(...of), (event) => ({ registry: event })),
  (...of) => found(readRuntimeEvent(...of), (event) => ({ roothash: event })),
  (...of) => found(governance.event(...of), (event) => ({ governance: event })),
];

function found<E>(event: E | undefined, wrap: (event: E) => ServiceEvent): ServiceEvent | undefined {
  return event === undefined ? undefined : wrap(event);
}

function result(raw: Uint8Array, { code, codespace, log, gasUsed, events }: TransactionResult, height: bigint): Result {
  const txHash = transactionHash(raw);
  const all = READERS.flatMap((read) => events.flatMap((event) => read(event, height, txHash) ?? []));
  return {
    error: { module: codespace, code, message: log },
    events: orNull(all),
    gasUsed,
  };
}

/**
 * What each transaction of a block led to, with its events.
 * @param height what events say: the reference repeats the height that was asked for, even when it was 0
 */
export function transactionResults({ block, outcome }: ExecutedBlock, height: bigint): Result[] {
  return outcome.results.flatMap((one, i) => {
    const raw = block.data.txs[i];
    return raw === undefined ? [] : [result(raw, one, height)];
  });
}
