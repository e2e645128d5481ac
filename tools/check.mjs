// npm run check: compiles every configuration, then formatter, linter and tidy. All run, so one call shows all faults.
import { capture, ROOT, TSC } from "./support/run.mjs";
import { setup } from "./setup.mjs";

await setup();
const compile = (config) => () =>
  capture(process.execPath, [TSC, "-p", config, "--noEmit", "--composite", "false", "--incremental", "false"]);
const bin =
  (path, ...args) =>
  () =>
    capture(process.execPath, [`node_modules/${path}`, ...args]);

const steps = [
  ["compile", compile("tsconfig.json")],
  ["compile without Node's types", compile("tsconfig.pure.json")],
  ["compile tests and tools", compile("tsconfig.test.json")],
  ["format (biome)", bin("@biomejs/biome/bin/biome", "format", ".")],
  ["lint (oxlint)", bin("oxlint/bin/oxlint", "--type-aware", "--deny-warnings")],
  ["tidy", tidy],
];

let failed = 0;
for (const [name, step] of steps) {
  const started = performance.now();
  const { code, text } = await step();
  const took = `${Math.round(performance.now() - started)} ms`;
  process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${name} (${took})\n`);
  if (code !== 0) {
    failed += 1;
    process.stdout.write(`${text.trimEnd()}\n\n`);
  }
}
process.stdout.write(failed === 0 ? "check: all is well\n" : `check: ${failed} of ${steps.length} failed\n`);
process.exit(failed === 0 ? 0 : 1);

async function tidy() {
  const { importTypeScript } = await import("./support/typescript.mjs");
  const { tidyRepository, format } = await importTypeScript("tools/tidy/index.ts");
  const faults = tidyRepository(ROOT);
  return { code: faults.length === 0 ? 0 : 1, text: faults.map(format).join("\n") };
}
