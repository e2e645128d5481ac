import { InvalidInput } from "#common/errors/index.js";

/**
 * Ways in which a compute node can misbehave.
 * - `wrong-results`: its runtime computes another state
 * - `straggler`: it says nothing at all
 * - `runaway`: it proposes batches and never commits
 * - `failure`: it commits to having failed
 * - `wrong-scheduler`: its proposals name a transaction that nobody has
 * - `equivocate`: it signs two proposals, and two commitments to the proposals of others
 * - `bad-messages`: everything that it sends is damaged
 */
export const MISCONDUCTS = [
  "wrong-results",
  "straggler",
  "runaway",
  "failure",
  "wrong-scheduler",
  "equivocate",
  "bad-messages",
] as const;

export type Misconduct = (typeof MISCONDUCTS)[number];

function isMisconduct(word: string): word is Misconduct {
  return (MISCONDUCTS as readonly string[]).includes(word);
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
    if (!isMisconduct(way)) {
      throw new InvalidInput("--byzantine", `unknown way "${way}", there are ${MISCONDUCTS.join(", ")}`);
    }
    ways.set(node, [...(ways.get(node) ?? []), way]);
  }
  const switches = new ByzantineSwitches();
  for (const [node, list] of ways) switches.set(node, ...list);
  return switches;
}
