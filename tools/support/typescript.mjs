import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./run.mjs";

/**
 * Imports a TypeScript file of the repository: Node 20 reads no TypeScript, so it is bundled first. Packages stay
 * outside the bundle; `#layer/` imports are taken from `src`, so the result is never older than the sources.
 * @param {string} file path relative to the repository
 */
export async function importTypeScript(file) {
  const { build } = await import("esbuild");
  const outfile = join(ROOT, ".cache", `${file.replace(/\.ts$/, "").replaceAll("/", "-")}.mjs`);
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    conditions: ["source", "node"],
    sourcemap: "inline",
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}
