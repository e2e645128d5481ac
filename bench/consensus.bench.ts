import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { MemorySample } from "./consensus/memory.ts";
import { type BenchOptions, type BenchResult, type Figure, spread } from "./support/bench.ts";

type Program = typeof import("./consensus/program.ts");

const PROGRESS_BLOCKS = 1000;
/** Accounts that each block of the growing chain makes. */
const NEW_ACCOUNTS = 100;
const CHAINS = ["all-methods-fees", "all-methods-mock", "all-methods-vrf"];
const OBSERVED: Readonly<Record<string, string>> = {
  "#kernels": "observed-kernels.ts",
  "#common/crypto/vrf.js": "observed-vrf.ts",
  "../recent-map.js": "forgetful-map.ts",
  "#common/recent-map.js": "forgetful-map.ts",
};

/** Puts the observed modules in the place of the real ones, which they wrap. */
function observe(root: string): Plugin {
  const folder = join(root, "bench/consensus");
  return {
    name: "observe",
    setup(bundler) {
      bundler.onResolve({ filter: /^#kernels$|vrf\.js$|recent-map\.js$/ }, ({ path, importer }) => {
        const file = OBSERVED[path];
        return file === undefined || importer.startsWith(folder) ? undefined : { path: join(folder, file) };
      });
    },
  };
}

const programOf = (root: string): string => join(root, ".cache/bench-consensus-program.mjs");

async function load(root: string): Promise<Program> {
  const outfile = programOf(root);
  await build({
    absWorkingDir: root,
    entryPoints: ["bench/consensus/program.ts"],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    conditions: ["source", "node"],
    plugins: [observe(root)],
    sourcemap: "inline",
    logLevel: "warning",
  });
  return (await import(pathToFileURL(outfile).href)) as Program;
}

function recordings(root: string): string | undefined {
  const folders = [process.env["QANAT_VECTORS"], join(root, "../shared/vectors")];
  return folders.map((folder) => join(folder ?? "", "chains")).find((folder) => existsSync(folder));
}

/** Grows a chain in a process of its own, whose memory nothing else uses. */
async function measureMemory({ root, progress }: BenchOptions): Promise<Figure[]> {
  const url = JSON.stringify(pathToFileURL(programOf(root)).href);
  const script = `import(${url}).then((program) => program.growChain((s) => console.log(JSON.stringify(s))))`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  const samples: MemorySample[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const sample = JSON.parse(line) as MemorySample;
    samples.push(sample);
    if (sample.blocks % PROGRESS_BLOCKS === 0) progress(`${sample.blocks} blocks: ${Math.round(sample.mib)} MiB`);
  }
  const code = await ended;
  if (code !== 0) throw new RangeError(`the growing chain ended with ${code}`);
  const last = samples.at(-1)?.blocks ?? 0;
  const late = samples.filter(({ blocks }) => blocks > last / 2).map(({ mib }) => mib);
  const half = late.length >> 1;
  const peak = Math.round(Math.max(...samples.map(({ mib }) => mib)));
  const growth = Math.round(spread(late.slice(half)).value - spread(late.slice(0, half)).value);
  return [
    { name: `memory at most, ${last} blocks, ${last * NEW_ACCOUNTS} accounts`, unit: "MiB", value: peak, limit: 1024 },
    { name: "memory, growth in the second half", unit: "MiB", value: growth },
  ];
}

/**
 * The consensus layer: transfers through pool, execution and a flushed disk; a node as its clients see it; memory of a
 * chain that grows; replays of recorded chains beside the bare signature checks and proofs in them.
 */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const program = await load(options.root);
  const folder = recordings(options.root);
  const figures: Figure[] = [];
  options.progress("transfers");
  figures.push(...(await program.measureTransfers()));
  options.progress("a node's gRPC socket");
  figures.push(...(await program.measureGrpc(options.root)));
  options.progress("a growing chain");
  figures.push(...(await measureMemory(options)));
  for (const name of folder === undefined ? [] : CHAINS) {
    options.progress(`replay ${name}`);
    figures.push(...program.measureReplays(folder as string, [name]));
  }
  return { figures };
}
