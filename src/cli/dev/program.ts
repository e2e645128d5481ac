import { existsSync, type FSWatcher, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildFailure, BuildOptions, Plugin } from "esbuild";
import { InvalidInput } from "#common/errors/index.js";
import { inputFile } from "../input-file.js";

/** Editors write a file in several steps; a build begins when so long nothing has changed, in milliseconds. */
const QUIET_MS = 30;

/** The file that a runtime's author edits does not exist, or does not build for the first time. */
const NAME = "file";

/** One attempt to make a program of what the author has saved. */
export type Built =
  | { readonly ok: true; readonly path: string; readonly changed: boolean; readonly ms: number }
  | { readonly ok: false; readonly problems: readonly string[] };

type Esbuild = typeof import("esbuild");

/** By require: the code that the build keeps compiled does not remember how to import. */
function loadEsbuild(): Esbuild {
  try {
    return createRequire(import.meta.url)("esbuild") as Esbuild;
  } catch {
    throw new InvalidInput(NAME, "qanat dev needs the package esbuild: npm install --save-dev esbuild");
  }
}

/** The folder of the package that this command belongs to. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

/** A runtime need not install the kit to be tried: where it is not found, it is that of this command. */
const ownKit: Plugin = {
  name: "kit",
  setup(build) {
    build.onResolve({ filter: /^qanat\// }, ({ path, kind, resolveDir, pluginData }) => {
      if (pluginData === ownKit) return undefined;
      const again = (from: string) => build.resolve(path, { kind, resolveDir: from, pluginData: ownKit });
      return again(resolveDir).then((found) => (found.errors.length === 0 ? found : again(packageFolder())));
    });
  },
};

/** Lines that start the program which a file exports: as its default, or as its only one. */
function startLines(file: string): string {
  return `import * as all from ${JSON.stringify(file)};
import { startRuntime } from "qanat/runtime/process";
const isProgram = (value) => typeof value === "object" && value !== null && "methods" in value && "beginBlock" in value;
const found = isProgram(all.default) ? [all.default] : Object.values(all).filter(isProgram);
if (found.length !== 1) throw new TypeError("the file must export one runtime, made by defineRuntime");
startRuntime(found[0]);`;
}

function problemsOf(failure: BuildFailure): string[] {
  return failure.errors.map(({ text, location }) =>
    location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
  );
}

/** Makes one file of a runtime's sources, again whenever they change. */
export class ProgramBuilder {
  private readonly folder = mkdtempSync(join(tmpdir(), "qanat-dev-"));
  private readonly watchers = new Map<string, FSWatcher>();
  private builds = 0;
  private content: Buffer | undefined;
  private timer: NodeJS.Timeout | undefined;
  private wake: (() => void) | undefined;
  /** Files that the latest program was made of. */
  private sources: ReadonlySet<string>;
  /** Whether the latest build failed: then a file that is not among them may be what it lacks. */
  private failed = false;

  private constructor(
    private readonly esbuild: Esbuild,
    private readonly file: string,
  ) {
    this.sources = new Set([file]);
  }

  /** @throws InvalidInput when there is no such file, or no esbuild */
  static open(file: string): ProgramBuilder {
    const path = resolve(inputFile(NAME, file));
    return new ProgramBuilder(loadEsbuild(), path);
  }

  async build(): Promise<Built> {
    const started = performance.now();
    // Each build is a file of its own: a process that is just being started reads it while the next one is written.
    const outfile = join(this.folder, `${this.builds++}-${basename(this.file).replace(/\.[^.]*$/, "")}.mjs`);
    try {
      const { metafile } = await this.esbuild.build({ ...this.options(outfile), metafile: true });
      const inputs = Object.keys(metafile.inputs).filter((input) => !/node_modules|^</.test(input));
      this.sources = new Set([this.file, ...inputs.map((input) => resolve(input))]);
      this.failed = false;
      if (this.wake !== undefined) this.follow();
    } catch (error) {
      if (!(error instanceof Error && "errors" in error)) throw error;
      this.failed = true;
      return { ok: false, problems: problemsOf(error as BuildFailure) };
    }
    const content = readFileSync(outfile);
    const changed = this.content === undefined || !content.equals(this.content);
    this.content = content;
    return { ok: true, path: outfile, changed, ms: Math.round(performance.now() - started) };
  }

  private options(outfile: string): BuildOptions {
    return {
      stdin: { contents: startLines(this.file), resolveDir: dirname(this.file), sourcefile: "<start>" },
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      conditions: ["node"],
      minifyWhitespace: true,
      logLevel: "silent",
      plugins: [ownKit],
    };
  }

  /** Calls back when something was saved. */
  watch(saved: () => void): void {
    this.wake = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(saved, QUIET_MS);
    };
    this.follow();
  }

  /** Watches every folder that holds sources. */
  private follow(): void {
    for (const folder of new Set([...this.sources].map((source) => dirname(source)))) {
      if (this.watchers.has(folder) || !existsSync(folder)) continue;
      const watcher = watch(folder, (_, name) => {
        if (name !== null && this.concerns(join(folder, name))) this.wake?.();
      });
      watcher.on("error", () => this.watchers.delete(folder));
      this.watchers.set(folder, watcher);
    }
  }

  private concerns(path: string): boolean {
    return this.sources.has(path) || (this.failed && /\.[cm]?[jt]sx?$/.test(path));
  }

  close(): void {
    clearTimeout(this.timer);
    for (const watcher of this.watchers.values()) watcher.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
