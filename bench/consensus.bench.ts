import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { BenchOptions, BenchResult, Figure } from "./support/bench.ts";

type Program = typeof import("./consensus/program.ts");

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

async function load(root: string): Promise<Program> {
  const outfile = join(root, ".cache/bench-consensus-program.mjs");
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

/**
 * The consensus layer: replays of recorded chains beside the bare signature checks and proofs in them, and transfers
 * through pool, execution and a flushed disk.
 */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const program = await load(options.root);
  const folder = recordings(options.root);
  const figures: Figure[] = [];
  options.progress("transfers");
  figures.push(...(await program.measureTransfers()));
  options.progress("a node's gRPC socket");
  figures.push(...(await program.measureGrpc(options.root)));
  for (const name of folder === undefined ? [] : CHAINS) {
    options.progress(`replay ${name}`);
    figures.push(...program.measureReplays(folder as string, [name]));
  }
  return { figures };
}
