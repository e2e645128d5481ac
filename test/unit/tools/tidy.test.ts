import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { format, tidyFiles, tidyRepository } from "../../../tools/tidy/index.ts";

const MANIFEST = JSON.stringify({
  name: "qanat",
  imports: {
    "#kernels": { types: "./dist/k.d.ts", source: { node: "./src/platform/k.ts", default: "./src/common/k.ts" } },
    ...Object.fromEntries(
      ["common", "mkvs", "consensus", "runtime", "worker", "sdk", "platform", "cli"].map((layer) => [
        `#${layer}/*.js`,
        { source: `./src/${layer}/*.ts`, default: `./dist/${layer}/*.js` },
      ]),
    ),
  },
  exports: { "./runtime": { source: "./src/runtime/kit/index.ts", default: "./dist/runtime/kit/index.js" } },
  dependencies: { "@noble/hashes": "1", lmdb: "1" },
  devDependencies: { vitest: "1" },
});

const SOUND: Readonly<Record<string, string>> = {
  "package.json": MANIFEST,
  "docs/vocabulary.md": "| noun | place | words |\n| --- | --- | --- |\n| hash | `src/common/hash.ts` | digest |\n",
  "src/common/hash.ts": "export const size = 32;\n",
  "src/common/k.ts": "export const sign = 1;\n",
  "src/platform/k.ts": "export const sign = 2;\n",
  "src/runtime/kit/index.ts": "export const kit = 1;\n",
  "src/cli/main.ts":
    'import { size } from "#common/hash.js";\nimport { sign } from "#kernels";\nexport const all = [size, sign];\nall.pop();\n',
};

/** The faults of the sound tree with some files laid over it; each extra file is kept alive by a test that imports it. */
function faultsWith(extra: Readonly<Record<string, string>>): string[] {
  const sources = Object.keys(extra).filter((path) => /^src\/.*\.ts$/.test(path));
  const keepAlive = sources.map((path, i) => `import * as file${i} from "../${path}";`).join("\n");
  return tidyFiles({ ...SOUND, "test/alive.test.ts": keepAlive, ...extra }).map(format);
}

function service(path: string, text = "export const x = 1;\n"): Record<string, string> {
  return { [`src/consensus/services/${path}`]: text };
}

describe("tidy on this repository", () => {
  test("finds nothing to object to", () => {
    expect(tidyRepository(resolve(import.meta.dirname, "../../..")).map(format)).toEqual([]);
  });

  test("objects to a folder in which it finds no source", () => {
    expect(tidyRepository(resolve(import.meta.dirname, "no-such-folder"))).toHaveLength(1);
  });
});

describe("tidy on imports", () => {
  test("is content with a sound tree", () => {
    expect(faultsWith({})).toEqual([]);
  });

  test("names the file and line of an import that leads nowhere", () => {
    expect(faultsWith({ "src/mkvs/a.ts": '\nimport { b } from "./b.js";\nb();\n' })).toEqual([
      "src/mkvs/a.ts:2: unresolvable: ./b.js: src/mkvs/b.ts does not exist",
    ]);
    expect(faultsWith({ "src/mkvs/a.ts": 'import "#nowhere/b.js";\n' })[0]).toContain(
      "package.json has no line for it",
    );
    expect(faultsWith({ "src/mkvs/a.ts": 'import "left-pad";\n' })[0]).toContain("left-pad is not in package.json");
    expect(faultsWith({ "src/mkvs/a.ts": 'import "vitest";\n' })[0]).toContain("development dependency");
    expect(faultsWith({ "src/mkvs/a.ts": 'import "fs";\n' })[0]).toContain("write node:fs");
    expect(faultsWith({ "src/cli/a.ts": "const p = String(1);\nvoid import(p);\n" })[0]).toContain("must be a literal");
  });

  test("refuses an import of a higher layer and of a layer of the same rank", () => {
    const up = faultsWith({ "src/mkvs/a.ts": 'import "#consensus/b.js";\n', "src/consensus/b.ts": "" });
    expect(up).toEqual(["src/mkvs/a.ts:1: layers: mkvs may not import consensus: imports go downward only"]);
    const side = faultsWith({ "src/worker/a.ts": 'import "#sdk/b.js";\n', "src/sdk/b.ts": "" });
    expect(side).toEqual(["src/worker/a.ts:1: layers: worker may not import sdk: imports go downward only"]);
  });

  test("refuses a relative path out of a layer, a package that is not listed and a builtin of Node.js", () => {
    expect(faultsWith({ "src/mkvs/a.ts": 'import "../common/hash.js";\n' })[0]).toContain("write #common/hash.js");
    expect(faultsWith({ "src/mkvs/a.ts": 'import "lmdb";\n' })[0]).toContain("mkvs may not use the package lmdb");
    expect(faultsWith({ "src/platform/a.ts": 'import "lmdb";\nimport "node:fs";\n' })).toEqual([]);
    expect(faultsWith({ "src/common/a.ts": 'import "node:fs";\n' })[0]).toContain("common may not use node:fs");
    expect(faultsWith({ "src/other/a.ts": "" })[0]).toContain("other is not a layer");
  });

  test("lets every layer use the kernels", () => {
    expect(faultsWith({ "src/common/a.ts": 'import { sign } from "#kernels";\nsign.toString();\n' })).toEqual([]);
  });

  test("refuses a cycle and shows its files once", () => {
    const faults = faultsWith({
      "src/mkvs/a.ts": 'import "./b.js";\n',
      "src/mkvs/b.ts": 'import "./c.js";\n',
      "src/mkvs/c.ts": 'import type { A } from "./a.js";\nexport type C = A;\n',
    });
    expect(faults).toEqual([
      "src/mkvs/a.ts:1: import cycle: src/mkvs/a.ts -> src/mkvs/b.ts -> src/mkvs/c.ts -> src/mkvs/a.ts",
    ]);
  });

  test("keeps the order inside consensus", () => {
    const app = faultsWith({
      "src/consensus/app/a.ts": 'import "../services/beacon/types.js";\n',
      ...service("beacon/types.ts", ""),
    });
    expect(app).toEqual(["src/consensus/app/a.ts:1: consensus order: consensus/app may not import consensus/services"]);
    const light = { "src/consensus/light/a.ts": 'import "../block/b.js";\n', "src/consensus/block/b.ts": "" };
    expect(faultsWith(light)).toEqual([]);
    const block = {
      "src/consensus/block/a.ts": 'import "../transaction/b.js";\n',
      "src/consensus/transaction/b.ts": "",
    };
    expect(faultsWith(block)[0]).toContain("consensus/block may not import consensus/transaction");
    const odd = { "src/consensus/odd/a.ts": 'import "../block/b.js";\n', "src/consensus/block/b.ts": "" };
    expect(faultsWith(odd)[0]).toContain("odd has no place in the order");
  });

  test("refuses a source file that no entry reaches, and an export that nobody uses", () => {
    expect(tidyFiles({ ...SOUND, "src/mkvs/a.ts": "" }).map(format)).toEqual([
      "src/mkvs/a.ts: dead file: nothing imports it",
    ]);
    const faults = tidyFiles({
      ...SOUND,
      "src/mkvs/a.ts": "export const used = 1;\nexport function unused(): void {}\n",
      "test/a.test.ts": 'import { used } from "../src/mkvs/a.ts";\nused.toString();\n',
    });
    expect(faults.map(format)).toEqual(["src/mkvs/a.ts:2: dead export: unused is used nowhere"]);
  });

  test("counts a worker thread's file as imported", () => {
    const worker = 'export const url = new URL("./worker.js", import.meta.url);\nurl.toString();\n';
    const files = { ...SOUND, "src/platform/worker.ts": "", "src/platform/a.ts": worker };
    const alive = { ...files, "test/a.test.ts": 'import "../src/platform/a.ts";\n' };
    expect(tidyFiles(alive).map(format)).toEqual([]);
  });
});

describe("tidy on services", () => {
  test("refuses a file that is no slot and a folder that is no service", () => {
    expect(faultsWith(service("staking/helpers.ts"))[0]).toContain("helpers is not a slot of a service");
    expect(faultsWith(service("banking/types.ts"))[0]).toContain("banking is not a service");
    expect(faultsWith(service("shared.ts"))[0]).toContain("no slot for it beside the services");
    const sound = { ...service("staking/README.md", ""), ...service("staking/transactions/transfer.ts") };
    expect(faultsWith(sound)).toEqual([]);
  });

  test("lets a lower half import only lower halves to its left", () => {
    const right = faultsWith({
      ...service("staking/state.ts", 'import "../registry/state.js";\n'),
      ...service("registry/state.ts"),
    });
    expect(right[0]).toContain("lower half of staking may not import registry, which stands to its right");
    const left = { ...service("registry/state.ts", 'import "../staking/state.js";\n'), ...service("staking/state.ts") };
    expect(faultsWith(left)).toEqual([]);
    const upper = {
      ...service("staking/block.ts", 'import "../registry/state.js";\n'),
      ...service("registry/state.ts"),
    };
    expect(faultsWith(upper)).toEqual([]);
  });

  test("lets only its own index and upper half import an upper half", () => {
    const other = {
      ...service("staking/block.ts", 'import "../registry/block.js";\n'),
      ...service("registry/block.ts"),
    };
    expect(faultsWith(other)[0]).toContain("registry/block is upper half");
    const lower = {
      ...service("staking/state.ts", 'import "./logic/shares.js";\n'),
      ...service("staking/logic/shares.ts"),
    };
    expect(faultsWith(lower)[0]).toContain("staking/logic is upper half");
    const own = {
      ...service("staking/index.ts", 'import "./block.js";\n'),
      ...service("staking/block.ts", 'import "./logic/shares.js";\n'),
      ...service("staking/logic/shares.ts"),
    };
    expect(faultsWith(own)).toEqual([]);
    const assembled = {
      ...service("registry/block.ts", 'import "../staking/index.js";\n'),
      ...service("staking/index.ts"),
    };
    expect(faultsWith(assembled)[0]).toContain("may not import an assembled service");
  });

  test("keeps the context out of logic", () => {
    const context = { "src/consensus/app/context.ts": "export const x = 1;\n" };
    const logic = service("staking/logic/shares.ts", 'import "../../../app/context.js";\n');
    expect(faultsWith({ ...context, ...logic })[0]).toContain("logic is pure functions");
    const verb = service("staking/block.ts", 'import "../../app/context.js";\n');
    expect(faultsWith({ ...context, ...verb })).toEqual([]);
  });
});

describe("tidy on determinism", () => {
  const core = (text: string): string[] => faultsWith({ "src/mkvs/tree/a.ts": text });

  test.each([
    ["export const x = new Date();\nx;\n", "Date"],
    ["export const x = Date.now();\nx;\n", "Date"],
    ["export const x = Math.floor(1);\nx;\n", "Math.floor"],
    ["export async function f(): Promise<void> {}\nf;\n", "async"],
    ["export function f(): unknown { return new Intl.Collator(); }\nf;\n", "Intl"],
    ['export const x = "a".toLocaleUpperCase();\nx;\n', "toLocaleUpperCase"],
    ["export const x = [2, 1].sort();\nx;\n", "sort"],
    ["export const x = [2, 1].toSorted();\nx;\n", "toSorted"],
    ["export function f(a: object): void { for (const k in a) f({ k }); }\nf;\n", "for..in"],
    ["export const x = Object.keys({});\nx;\n", "Object.keys"],
    ['export const x = JSON.parse("1") as unknown;\nx;\n', "JSON"],
    ["export const x = new WeakRef({});\nx;\n", "WeakRef"],
    ["export let x = 1;\nx;\n", "variable of the module"],
    ["export const x = 0.5;\nx;\n", "fractions"],
    ["const m = new Map<string, number>();\nfor (const e of m) e;\n", "Map or Set m"],
    ["const m = new Set<number>();\nexport const x = [...m];\nx;\n", "Map or Set m"],
    ["export function f(m: ReadonlyMap<string, number>): void { m.forEach(() => f(m)); }\nf;\n", "Map or Set m"],
    ["const m = new Map<string, number>();\nexport const x = Array.from(m.values());\nx;\n", "Map or Set m"],
  ])("refuses %j", (text, word) => {
    const faults = core(text);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.every((fault) => fault.startsWith("src/mkvs/tree/a.ts:"))).toBe(true);
    expect(faults.join("\n")).toContain(word);
  });

  test("lets min, max, comparators, lookups in a Map and members of those names be", () => {
    const text = [
      "const m = new Map<string, number>();",
      "export const x = [Math.min(1, 2), Math.max(1, 2), m.get(String(m.size))];",
      "x.sort((a, b) => Number(a) - Number(b));",
      "export const y = { Date: 1, JSON: 2 };",
      "x.push(y.Date, y.JSON);",
    ];
    expect(core(text.join("\n"))).toEqual([]);
  });

  test("looks only where the code must be deterministic", () => {
    expect(faultsWith({ "src/mkvs/db/a.ts": "export const x = Math.floor(1);\nx;\n" })).toEqual([]);
  });
});

describe("tidy on files", () => {
  test("refuses long files and long functions, and code in a data file", () => {
    expect(faultsWith({ "src/mkvs/a.ts": "\n".repeat(401) })[0]).toContain("401 lines, limit 400");
    const long = `export function f(): void {\n${"f();\n".repeat(80)}}\nf();\n`;
    expect(faultsWith({ "src/mkvs/a.ts": long })).toEqual([
      "src/mkvs/a.ts:1: function length: f has 82 lines, limit 80",
    ]);
    expect(faultsWith({ "src/mkvs/a.data.ts": `export const x = [\n${"1,\n".repeat(500)}];\nx.pop();\n` })).toEqual([]);
    expect(faultsWith({ "src/mkvs/a.data.ts": "export const x = () => 1;\nx();\n" })[0]).toContain("holds data");
    expect(faultsWith({ "src/mkvs/aB.ts": "" })[0]).toContain("kebab-case");
  });

  test("refuses suppressions, any and postponed work wherever they stand", () => {
    const words = [
      "@ts-ignore",
      "@ts-expect-error",
      "biome-ignore x",
      "oxlint-disable",
      `TO${"DO"} later`,
      `FIX${"ME"}`,
    ];
    for (const word of words) {
      expect(faultsWith({ "test/unit/a.ts": `const x = 1;\n// ${word}\nvoid x;\n` })).toHaveLength(1);
      expect(faultsWith({ "src/mkvs/a.ts": `/* ${word} */\n` })).toHaveLength(1);
    }
    expect(faultsWith({ "src/mkvs/a.ts": "export const x = 1 as any;\nx;\n" })[0]).toContain("any");
    expect(faultsWith({ "src/mkvs/a.ts": 'export const x = "any, as any, biome-ignore";\nx;\n' })).toEqual([]);
  });

  test("refuses untyped errors", () => {
    expect(faultsWith({ "src/mkvs/a.ts": 'throw new Error("x");\n' })[0]).toContain("untyped error");
  });

  test("refuses folders of one machine in any text file", () => {
    for (const folder of ["work", "tmp", "root", "home"]) {
      expect(faultsWith({ "docs/a.md": `see ${["", folder, "x"].join("/")} there\n` })).toHaveLength(1);
    }
    expect(faultsWith({ "docs/a.md": "see src/worker and ../shared/vectors\n" })).toEqual([]);
  });

  test("refuses a vocabulary whose places do not exist or are not single", () => {
    const vocabulary = (...rows: string[]): string[] => faultsWith({ "docs/vocabulary.md": rows.join("\n") });
    expect(vocabulary("| hash | `src/common/hash.ts` | x |", "| kit | `src/runtime/kit` | x |")).toEqual([]);
    expect(vocabulary("| hash | `src/common/no.ts` | x |")[0]).toContain("src/common/no.ts does not exist");
    expect(vocabulary("| hash | `src/common/hash.ts` `src/common` | x |")[0]).toContain("exactly one path");
    expect(vocabulary("| merge node | none | retired |")).toEqual([]);
    expect(vocabulary("| hash | none | x |", "| Hash | none | x |")[0]).toContain("a place on line 1 already");
  });

  test("refuses a table of limits that names what is not there", () => {
    const limits = (row: string): string[] => faultsWith({ "docs/limits.md": `${row}\n` });
    expect(limits("| size | 32 | `src/common/hash.ts` | `size` |")).toEqual([]);
    expect(limits("| size | 32 | `src/common/hash.ts` | `MAX` |")[0]).toContain("does not contain MAX");
    expect(limits("| size | 32 | `src/common/no.ts` | `size` |")[0]).toContain("src/common/no.ts does not exist");
  });
});
