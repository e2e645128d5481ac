import { type BenchOptions, type BenchResult, spread } from "./support/bench.ts";
import { emptyNodeMs, runNetwork, type Summary } from "./support/network.ts";

const RUNS = 10;
const LONG_ROUNDS = 200;
const SHORT_TIMEOUT_MS = 120_000;
const LONG_TIMEOUT_MS = 1_800_000;

/**
 * How soon the local network lives and what it costs: to the first block and to the first finalised round with a
 * transaction (median of ten fresh networks), and its memory after 200 rounds.
 */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const empty: number[] = [];
  const starts: Summary[] = [];
  for (let i = 1; i <= RUNS; i++) {
    empty.push(await emptyNodeMs());
    const summary = await runNetwork(options.root, ["--rounds", "1"], SHORT_TIMEOUT_MS);
    options.progress(`start ${i}/${RUNS}: block ${summary.first_block_ms} ms, round ${summary.first_round_ms} ms`);
    starts.push(summary);
  }
  options.progress(`one network for ${LONG_ROUNDS} rounds`);
  const long = await runNetwork(options.root, ["--rounds", String(LONG_ROUNDS)], LONG_TIMEOUT_MS);
  const node = spread(empty);
  const timed = (name: string, values: readonly number[], limit: number) => {
    const { value, min, max } = spread(values);
    return { name, unit: "ms", value, min, max, ratio: value / node.value, to: "an empty node -e 0", limit };
  };
  const blocks = starts.map((summary) => summary.first_block_ms);
  const rounds = starts.map((summary) => summary.first_round_ms);
  return {
    figures: [
      { name: "node -e 0", unit: "ms", ...node },
      timed("first_block_ms", blocks, 800),
      timed("first_round_ms", rounds, 1500),
      { name: `memory_mb, ${LONG_ROUNDS} rounds`, unit: "MB", value: long.memory_mb, limit: 400 },
      { name: `transactions, ${LONG_ROUNDS} rounds`, unit: "", value: long.transactions },
      { name: `blocks, ${LONG_ROUNDS} rounds`, unit: "", value: long.blocks },
    ],
  };
}
