// npm run bench [-- NAME …] [--keys N] [--json]: runs bench/NAME.bench.ts, or every one of them.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { nearest } from "./support/nearest.mjs";
import { ROOT } from "./support/run.mjs";
import { importTypeScript } from "./support/typescript.mjs";
import { setup } from "./setup.mjs";

const all = readdirSync(join(ROOT, "bench"))
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.slice(0, -".bench.ts".length))
  .sort();
const help = `npm run bench [-- NAME …] [--keys N] [--json]

Measures, and prints each figure with a ratio to something outside of this project.
  NAME    one or more of: ${all.join(", ")} (default: all)
  --keys  how many keys mkvs works on (default: 100000; a million shows what it is for)
  --json  one JSON object per benchmark on a line of its own instead of a table
  --help  this text
`;

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  process.stdout.write(help);
  process.exit(0);
}
const json = args.includes("--json");
const keysAt = args.indexOf("--keys");
const keys = keysAt < 0 ? undefined : Number(args[keysAt + 1]);
if (keys !== undefined && !(Number.isSafeInteger(keys) && keys > 0)) {
  process.stderr.write("bench: --keys takes a whole number, such as 100000\n");
  process.exit(2);
}
const names = args.filter((arg, i) => arg !== "--json" && (keysAt < 0 || (i !== keysAt && i !== keysAt + 1)));
for (const name of names) {
  if (all.includes(name)) continue;
  const known = name.startsWith("-") ? ["--json", "--keys", "--help"] : all;
  const what = name.startsWith("-") ? "option" : "benchmark";
  process.stderr.write(
    `bench: no ${what} ${name}; the nearest is ${nearest(name, known)}. There are: ${known.join(", ")}\n`,
  );
  process.exit(2);
}

await setup();
let failed = 0;
for (const name of names.length > 0 ? names : all) {
  const { run } = await importTypeScript(`bench/${name}.bench.ts`);
  try {
    const result = await run({ root: ROOT, json, keys, progress: (line) => process.stderr.write(`${line}\n`) });
    process.stdout.write(json ? `${JSON.stringify({ bench: name, ...result })}\n` : table(name, result));
  } catch (error) {
    failed += 1;
    process.stderr.write(`bench ${name}: ${error.message}\n`);
  }
}
process.exit(failed === 0 ? 0 : 1);

/** A benchmark whose result is no list of figures prints its own lines. */
function table(name, result) {
  if (result?.figures === undefined) return "";
  const width = Math.max(24, ...result.figures.map((figure) => figure.name.length));
  const rows = result.figures.map((figure) => {
    const limit = figure.limit === undefined ? "" : `  (wanted: <= ${figure.limit})`;
    const spread = figure.min === undefined ? "" : `  min ${show(figure.min)}, max ${show(figure.max)}`;
    const wanted = figure.wanted === undefined ? "" : `  (wanted: >= ${figure.wanted})`;
    const ratio = figure.ratio === undefined ? "" : `  = ${figure.ratio.toFixed(2)} x ${figure.to}${wanted}`;
    return `  ${figure.name.padEnd(width)} ${show(figure.value).padStart(10)} ${figure.unit}${spread}${ratio}${limit}`;
  });
  return `${name}\n${rows.join("\n")}\n`;
}

function show(value) {
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
}
