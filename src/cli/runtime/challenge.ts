import { equalBytes, toBase64, toHex } from "#common/bytes.js";
import type { KeyedSignature } from "#common/crypto/signature.js";
import { CodedError, InvalidInput } from "#common/errors/index.js";
import type { Event, RoundRoots } from "#consensus/services/roothash/types.js";
import { challengeId, StorageChallenge } from "#consensus/services/roothash/types/challenges.js";
import { ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { onOutput } from "../colours.js";
import { type NodeConnection, type NodeOptions, signerOf, type SignerOptions, withNode } from "../node-connection.js";
import { amount, hex32, publicKey } from "./words.js";

/** Most consensus blocks that are looked through for a receipt. */
const MOST_BLOCKS = 2000;

export interface ChallengeOptions extends NodeOptions, SignerOptions {
  /** Identity of the storage node that is challenged; any one that signed when absent. */
  readonly storageNode?: string;
  readonly round?: number;
  readonly tree: "state" | "io";
  readonly json: boolean;
}

/** A receipt that stands on the chain, for a round that is final. */
interface Found {
  readonly round: bigint;
  readonly receipt: KeyedSignature;
}

/** What is looked for. */
interface Wanted {
  readonly runtimeId: Uint8Array;
  readonly node: Uint8Array | undefined;
  readonly round: bigint | undefined;
}

/** The first receipt in the events of a block that is for the roots that became final. */
async function receiptIn(events: readonly Event[], wanted: Wanted, node: NodeConnection): Promise<Found | undefined> {
  for (const { runtimeId, executorCommitted } of events) {
    if (executorCommitted === undefined || !equalBytes(runtimeId, wanted.runtimeId)) continue;
    const { header, storageSigs = [] } = executorCommitted.commit;
    const { round, ioRoot, stateRoot } = header.header;
    if (wanted.round !== undefined && round !== wanted.round) continue;
    const receipt = storageSigs.find((sig) => wanted.node === undefined || equalBytes(sig.publicKey, wanted.node));
    if (receipt === undefined || ioRoot === undefined || stateRoot === undefined) continue;
    const roots: RoundRoots | null = await node.rootHash.GetRoundRoots({ runtimeId, height: 0n, round });
    if (roots !== null && equalBytes(roots[0], stateRoot) && equalBytes(roots[1], ioRoot)) return { round, receipt };
  }
  return undefined;
}

async function findReceipt(wanted: Wanted, node: NodeConnection): Promise<Found> {
  const state = await node.rootHash.GetRuntimeState({ runtimeId: wanted.runtimeId, height: 0n });
  let height = state.lastNormalHeight;
  for (let looked = 0; looked < MOST_BLOCKS && height > 0n; looked++, height--) {
    const events = await eventsAt(height, node);
    if (events === undefined) break;
    const found = await receiptIn(events, wanted, node);
    if (found !== undefined) return found;
  }
  throw new InvalidInput("id", "the blocks that are still there hold no such receipt");
}

/** Events of a block; undefined for one that the node does not have any more. */
async function eventsAt(height: bigint, { rootHash }: NodeConnection): Promise<readonly Event[] | undefined> {
  try {
    return (await rootHash.GetEvents(height)) ?? [];
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

type Outcome = { readonly answered: true } | { readonly answered: false; readonly slashed: bigint };

/** How a challenge ends, as soon as it does. */
async function outcomeOf(id: Uint8Array, events: AsyncIterable<Event>): Promise<Outcome> {
  for await (const { storageChallengeAnswered: answer, storageUnavailable: lost } of events) {
    if (answer !== undefined && equalBytes(answer.challenge, id)) return { answered: true };
    if (lost !== undefined && equalBytes(lost.challenge, id)) return { answered: false, slashed: lost.slashed };
  }
  throw new InvalidInput("node", "the node ended before the challenge did");
}

function say(json: boolean, event: string, fields: Record<string, string | number>, text: string): void {
  process.stdout.write(json ? `${JSON.stringify({ event, ...fields })}\n` : `${text}\n`);
}

function tell(outcome: Outcome, challenge: string, json: boolean): void {
  if (outcome.answered) say(json, "answered", { challenge }, onOutput.green("answered: the node has the data"));
  else {
    const slashed = outcome.slashed.toString();
    say(json, "unavailable", { challenge, slashed }, onOutput.red(`no answer: the node lost ${slashed} base units`));
  }
}

/** `qanat runtime challenge ID`: makes a storage node prove that it has what it signed for, and waits for the outcome. */
export function challengeStorage(id: string, options: ChallengeOptions): Promise<void> {
  return withNode(options, async (node) => {
    const runtimeId = hex32("id", id);
    const signer = signerOf(options);
    const key = options.storageNode === undefined ? undefined : publicKey("--storage-node", options.storageNode);
    const round = options.round === undefined ? undefined : BigInt(options.round);
    const found = await findReceipt({ runtimeId, node: key, round }, node);
    const { publicKey: storageNode, signature } = found.receipt;
    const rootType = options.tree === "io" ? ROOT_IO : ROOT_STATE;
    const challenge = { id: runtimeId, node: storageNode, round: found.round, rootType, signature };
    const name = challengeId(challenge);
    const outcome = outcomeOf(name, node.rootHash.WatchEvents(runtimeId));
    // When sending fails, that is what counts.
    outcome.catch(() => undefined);
    const maxFee = options.maxFee === undefined ? undefined : amount("--max-fee", options.maxFee);
    const sender = await node.sender(signer, maxFee);
    await sender.send("roothash.StorageChallenge", StorageChallenge.encode(challenge));
    const { json, tree } = options;
    const fields = { challenge: toHex(name), node: toBase64(storageNode), round: Number(found.round), tree };
    say(json, "challenged", fields, `challenged ${toBase64(storageNode)} for the ${tree} of round ${found.round}`);
    tell(await outcome, toHex(name), json);
  });
}
