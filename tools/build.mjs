// Compiles src to dist and bundles the command line into dist/qanat.cjs, which dist/qanat.mjs starts. With --only bundle
// the compiler is left out.
import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { alone, markBuilt, sourcePrint } from "./support/fresh.mjs";
import { ROOT, run, TSC } from "./support/run.mjs";

/** Packages with native parts: they find their binaries beside their own files, so they stay outside the bundle. */
const NATIVE = ["lmdb", "sodium-native", "esbuild"];

const KEEP_CODE_TIMEOUT_MS = 60_000;

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
  await bundleFile("src/cli/main.ts", "dist/qanat.cjs", {
    format: "cjs",
    define: { "import.meta.url": "qanatUrl" },
    banner: { js: 'const qanatUrl = require("node:url").pathToFileURL(__filename).href;' },
  });
  // A runtime is one file too: its sandbox shows it no other.
  await bundleFile("examples/kv/process.ts", "dist/runtimes/kv.mjs", {
    format: "esm",
    banner: {
      // Bundled CommonJS packages call require, which a module does not have.
      js: 'import { createRequire as qanatRequire } from "node:module";\nconst require = qanatRequire(import.meta.url);',
    },
  });
  const program = join(ROOT, "dist/qanat.mjs");
  copyFileSync(join(ROOT, "tools/support/launcher.mjs"), program);
  chmodSync(program, 0o755);
  await keepCode(program);
}

async function bundleFile(entry, output, how) {
  const esbuild = await import("esbuild");
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: join(ROOT, output),
    bundle: true,
    platform: "node",
    target: "node20",
    conditions: ["source", "node"],
    external: NATIVE,
    sourcemap: "linked",
    sourcesContent: false,
    logLevel: "warning",
    legalComments: "eof",
    ...how,
  });
}

/** Runs a network for one round and keeps what V8 compiled; without that the program is slower to start, no more. */
async function keepCode(program) {
  const code = await run(process.execPath, [program, "net", "--rounds", "1", "--json", "--port", "0"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, QANAT_KEEP_CODE: "1" },
    timeout: KEEP_CODE_TIMEOUT_MS,
  });
  if (code !== 0) process.stderr.write(`build: a network for one round ended with code ${code}; no code was kept\n`);
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
