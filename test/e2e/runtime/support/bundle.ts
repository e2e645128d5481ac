import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "qanat-bundles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes one file of a runtime's program. @param entry path from the root of the repository */
export async function bundleRuntime(entry: string): Promise<string> {
  const outfile = join(folder, `${entry.replaceAll(/[^a-z0-9]/g, "-")}.mjs`);
  await build({
    entryPoints: [resolve(entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["source", "node"],
    logLevel: "warning",
    banner: { js: 'import { createRequire as hostRequire } from "node:module";\nconst require = hostRequire("/");' },
  });
  return outfile;
}
