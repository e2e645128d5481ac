// Compiles src to dist and bundles the command line into dist/qanat.mjs. With --only bundle the compiler is left out.
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { alone, markBuilt, sourcePrint } from "./support/fresh.mjs";
import { ROOT, run, TSC } from "./support/run.mjs";

/** Packages with native parts: they find their binaries beside their own files, so they stay outside the bundle. */
const NATIVE = ["lmdb", "sodium-native", "esbuild"];

/** Compiles and bundles; ends the process when the compiler refuses. */
export async function build() {
  const started = performance.now();
  const print = sourcePrint();
  process.stderr.write("setup: building\n");
  removeOrphans("");
  const code = await run(process.execPath, [TSC, "-b"], { stdio: ["ignore", process.stderr, process.stderr] });
  if (code !== 0) {
    process.stderr.write("build: the compiler found errors\n");
    process.exit(1);
  }
  await bundle();
  markBuilt(print);
  process.stderr.write(`setup: built in ${Math.round(performance.now() - started)} ms\n`);
}

/** One file for the command line: reading one file starts several times faster than reading hundreds. */
export async function bundle() {
  if (!existsSync(join(ROOT, "src/cli/main.ts"))) {
    process.stderr.write("build: src/cli/main.ts does not exist, so there is no dist/qanat.mjs\n");
    return;
  }
  await bundleFile("src/cli/main.ts", "dist/qanat.mjs");
  // A runtime is one file too: its sandbox shows it no other.
  await bundleFile("examples/kv/process.ts", "dist/runtimes/kv.mjs");
}

async function bundleFile(entry, output) {
  const esbuild = await import("esbuild");
  const outfile = join(ROOT, output);
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["source", "node"],
    external: NATIVE,
    sourcemap: "linked",
    sourcesContent: false,
    logLevel: "warning",
    legalComments: "eof",
    banner: {
      // Bundled CommonJS packages call require, which a module does not have.
      js: '#!/usr/bin/env node\nimport { createRequire as qanatRequire } from "node:module";\nconst require = qanatRequire(import.meta.url);',
    },
  });
  chmodSync(outfile, 0o755);
}

/** Removes compiled files whose source is gone: else a deleted module would still resolve. */
function removeOrphans(folder) {
  const path = join(ROOT, "dist", folder);
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (below === "runtimes") continue;
    if (entry.isDirectory()) {
      if (existsSync(join(ROOT, "src", below))) removeOrphans(below);
      else rmSync(join(ROOT, "dist", below), { recursive: true });
      continue;
    }
    const source = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(below);
    if (source !== null && !existsSync(join(ROOT, "src", `${source[1]}.ts`))) rmSync(join(ROOT, "dist", below));
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  if (args.length === 0) await alone(build);
  else if (args.join(" ") === "--only bundle") await alone(bundle);
  else {
    process.stderr.write(`build: unknown option ${args.join(" ")}; the only one is --only bundle\n`);
    process.exit(2);
  }
}
