import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import type { Misconduct } from "#network/byzantine/switches.js";
import { IncidentReader } from "#network/incidents.js";
import { RUNTIME_ID, type Sender } from "./calls.ts";
import type { Bench } from "./network.ts";

/** What one round with a node that misbehaves was like. */
interface Trouble {
  /** From the submission of a transaction until it was final. */
  readonly ms: number;
  readonly blocks: number;
  /** Blocks from the node's first commitment until a dispute was resolved and it was slashed; undefined without one. */
  readonly punishedAfter: number | undefined;
}

/** Submits a transaction while one of the next round's workers misbehaves. @param rank the worker's, as a scheduler */
async function trouble(bench: Bench, sender: Sender, rank: number, way: Misconduct): Promise<Trouble> {
  const { network, switches, client } = bench;
  const { backend } = network;
  // A round of its own: the one that is under way may have another scheduler.
  await client.client.submitTx(sender.next());
  const name = bench.workers()[rank];
  if (name === undefined) throw new RangeError("the committee has too few workers");
  const culprit = network.node(name).identity.node.publicKey;
  const reader = new IncidentReader(backend, RUNTIME_ID);
  let committed: bigint | undefined;
  let resolved: bigint | undefined;
  let slashed: bigint | undefined;
  const stop = backend.onBlock((block) => {
    for (const carrier of block.outcome.results.flatMap(({ events }) => events)) {
      const commit = readRuntimeEvent(carrier, block.height, EMPTY_HASH)?.executorCommitted?.commit;
      if (commit !== undefined && equalBytes(commit.nodeId, culprit)) committed ??= block.height;
    }
    for (const { type } of reader.read(block)) {
      if (type === "resolved") resolved ??= block.height;
      if (type === "slashed") slashed ??= block.height;
    }
  });
  switches.set(name, way);
  const [started, height] = [performance.now(), backend.latestHeight];
  await client.client.submitTx(sender.next());
  const ms = performance.now() - started;
  switches.set(name);
  stop();
  const end = resolved !== undefined && slashed !== undefined ? (resolved > slashed ? resolved : slashed) : undefined;
  const punishedAfter = end !== undefined && committed !== undefined ? Number(end - committed) : undefined;
  return { ms, blocks: Number(backend.latestHeight - height), punishedAfter };
}

/** Repeats a trouble until it has happened so many times; some fall on the change of an epoch. */
export async function troubles(
  bench: Bench,
  sender: Sender,
  plan: { readonly rank: number; readonly way: Misconduct; readonly times: number },
): Promise<Trouble[]> {
  const found: Trouble[] = [];
  for (let i = 0; i < plan.times; i++) found.push(await trouble(bench, sender, plan.rank, plan.way));
  return found;
}
