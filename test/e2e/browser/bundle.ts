import { gzipSync } from "node:zlib";
import { build } from "esbuild";

export interface Bundle {
  readonly code: string;
  readonly gzipped: number;
  /** Bytes that each module contributes, largest first. */
  readonly modules: readonly (readonly [path: string, bytes: number])[];
  /** Modules of Node.js that the bundle would need. */
  readonly builtins: readonly string[];
}

/** Bundles an entry as a web application would: the package's conditions for a browser, nothing left outside. */
export async function bundleForBrowser(entry: string, globalName: string): Promise<Bundle> {
  const builtins: string[] = [];
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "iife",
    globalName,
    target: "es2022",
    conditions: ["source", "browser"],
    logLevel: "silent",
    plugins: [
      {
        name: "builtins",
        setup(setup) {
          setup.onResolve({ filter: /^node:/ }, ({ path }) => {
            builtins.push(path);
            return { path, external: true };
          });
        },
      },
    ],
  });
  const output = result.outputFiles[0];
  const inputs = Object.values(result.metafile.outputs)[0]?.inputs ?? {};
  const code = output?.text ?? "";
  const modules = Object.entries(inputs)
    .map(([path, { bytesInOutput }]) => [path, bytesInOutput] as const)
    .sort((a, b) => b[1] - a[1]);
  return { code, gzipped: gzipSync(code, { level: 9 }).length, modules, builtins };
}
