import { InvalidInput } from "#common/errors/index.js";

/**
 * Ways in which nodes can misbehave, compute nodes in all of them.
 * - `wrong-results`: its runtime computes another state
 * - `straggler`: it says nothing at all
 * - `runaway`: it proposes batches and never commits
 * - `failure`: it commits to having failed
 * - `wrong-scheduler`: its proposals name a transaction that nobody has
 * - `equivocate`: it signs two proposals, and two commitments to the proposals of others
 * - `bad-messages`: everything that it sends is damaged
 * - `no-store`: it commits without the receipts of storage nodes; a storage node keeps nothing and gives no receipts
 */
export const MISCONDUCTS = [
  "wrong-results",
  "straggler",
  "runaway",
  "failure",
  "wrong-scheduler",
  "equivocate",
  "bad-messages",
  "no-store",
] as const;

export type Misconduct = (typeof MISCONDUCTS)[number];

/** Ways in which storage nodes can misbehave. */
const STORAGE_MISCONDUCTS: readonly Misconduct[] = ["bad-messages", "no-store"];

function waysOf(node: string): readonly Misconduct[] {
  return node.startsWith("storage-") ? STORAGE_MISCONDUCTS : MISCONDUCTS;
}

/** Which nodes misbehave, and how; may be changed at any time. */
export class ByzantineSwitches {
  private readonly on = new Map<string, ReadonlySet<Misconduct>>();

  /** Nodes that misbehave at the moment. */
  get nodes(): string[] {
    return Array.from(this.on.keys());
  }

  /** Makes a node misbehave in the given ways and no others. */
  set(node: string, ...ways: Misconduct[]): void {
    if (ways.length === 0) this.on.delete(node);
    else this.on.set(node, new Set(ways));
  }

  /** Whether a node misbehaves in a way. */
  has(node: string, way: Misconduct): boolean {
    return this.on.get(node)?.has(way) === true;
  }
}

/**
 * Reads switches from words such as `compute-1=wrong-results`; a node may come several times.
 *
 * @param nodes names of the nodes that can misbehave
 * @throws InvalidInput for an unknown node or way
 */
export function parseSwitches(words: readonly string[], nodes: readonly string[]): ByzantineSwitches {
  const ways = new Map<string, Misconduct[]>();
  for (const word of words) {
    const [node = "", way = "", ...rest] = word.split("=");
    if (!nodes.includes(node) || rest.length > 0) {
      throw new InvalidInput("--byzantine", `expected NODE=WAY with a node of ${nodes.join(", ")}, got "${word}"`);
    }
    const known = waysOf(node).find((other) => other === way);
    if (known === undefined) {
      throw new InvalidInput("--byzantine", `unknown way "${way}" of ${node}, there are ${waysOf(node).join(", ")}`);
    }
    ways.set(node, [...(ways.get(node) ?? []), known]);
  }
  const switches = new ByzantineSwitches();
  for (const [node, list] of ways) switches.set(node, ...list);
  return switches;
}
