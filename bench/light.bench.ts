/**
 * A light client's work for one real header with 107 signatures, on Node.js and in the form in which a browser has it:
 * bundled for one, with no kernel of OpenSSL. Beside it the bare signatures, each checked by itself.
 */
import { createPublicKey, verify as opensslVerify } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ed25519 } from "@noble/curves/ed25519.js";
import { build } from "esbuild";
import { type BenchOptions, type BenchResult, type Figure, spread } from "./support/bench.ts";
import type * as Verifier from "./support/light-verifier.ts";

const HEIGHTS = [25300000, 25300001] as const;
const ROUNDS = 15;
const WARM_UP_MS = 3000;
/** Milliseconds that the work may take, by kernel. */
const LIMITS = { node: 15, browser: 150 } as const;
type Kernel = keyof typeof LIMITS;

/** The two Mainnet light blocks in the engine's encoding. */
function recorded(root: string): Uint8Array[] {
  const folder = process.env["QANAT_VECTORS"] ?? join(root, "../shared/vectors");
  return HEIGHTS.map((height) => {
    const path = join(folder, `consensus/light_block_${height}.json`);
    if (!existsSync(path)) throw new RangeError(`no ${path}: set QANAT_VECTORS`);
    const { meta } = JSON.parse(readFileSync(path, "utf8")) as { meta: string };
    return new Uint8Array(Buffer.from(meta, "base64"));
  });
}

/** The verifier bundled for a kernel, without the memory of valid signatures: each round meets them for the first time. */
async function load(root: string, kernel: Kernel, folder: string): Promise<typeof Verifier> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ["bench/support/light-verifier.ts"],
    bundle: true,
    minify: kernel === "browser",
    write: false,
    platform: kernel,
    format: "esm",
    target: "es2022",
    conditions: ["source", kernel],
    logLevel: "silent",
    plugins: [
      {
        name: "forget",
        setup(setup) {
          setup.onResolve({ filter: /\/recent-map\.js$/ }, ({ importer }) =>
            importer.endsWith("ed25519.ts") ? { path: join(root, "bench/support/forgetful-map.ts") } : undefined,
          );
        },
      },
    ],
  });
  const file = join(folder, `${kernel}.mjs`);
  writeFileSync(file, result.outputFiles[0]?.text ?? "");
  return (await import(pathToFileURL(file).href)) as typeof Verifier;
}

/** CPU milliseconds of this process: other processes on the machine do not count. */
function cpu(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Each signature by itself, in keys and digests that are ready: what the work comes down to without this project. */
function bareWork(kernel: Kernel, claims: Verifier.Work["claims"]): () => void {
  const checks = claims.map(({ publicKey, message, signature }): (() => boolean) => {
    if (kernel === "browser") return () => ed25519.verify(signature, message, publicKey, { zip215: true });
    const x = Buffer.from(publicKey).toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return () => opensslVerify(null, message, key, signature);
  });
  return () => {
    if (!checks.every((check) => check())) throw new TypeError("a recorded signature is refused");
  };
}

function figures(kernel: Kernel, work: Verifier.Work): Figure[] {
  const [where, to] = kernel === "node" ? ["Node.js", "bare OpenSSL"] : ["pure JavaScript", "bare @noble"];
  const bare = bareWork(kernel, work.claims);
  const count = work.claims.length;
  const figure = (name: string, run: () => void, limit?: number): Figure => {
    const [ours, ratios]: [number[], number[]] = [[], []];
    // The compiler's threads count as this process, so it must have done its work.
    for (let spent = 0; spent < WARM_UP_MS; ) spent += cpu(run) + cpu(bare);
    for (let i = 0; i < ROUNDS; i++) {
      // In turn, so that a busy machine disturbs both alike.
      const [own, other] = [cpu(run), cpu(bare)];
      ours.push(own);
      ratios.push(own / other);
    }
    const ratio = spread(ratios).value;
    return {
      name: `${name}, ${where}`,
      ...spread(ours),
      unit: "ms",
      ratio,
      to: `${to}, ${count} signatures`,
      ...(limit === undefined ? {} : { limit }),
    };
  };
  return [
    figure(`verify a header, all ${count} signatures`, work.everySignature, LIMITS[kernel]),
    figure("verify the next header, two thirds", work.enoughSignatures, LIMITS[kernel]),
    figure("decode and hash it", work.form),
  ];
}

export async function run({ root, progress }: BenchOptions): Promise<BenchResult> {
  const blocks = recorded(root);
  const folder = mkdtempSync(join(tmpdir(), "qanat-bench-light-"));
  const found: Figure[] = [];
  try {
    for (const kernel of ["node", "browser"] as const) {
      progress(`light: ${kernel}`);
      const verifier = await load(root, kernel, folder);
      found.push(...figures(kernel, verifier.prepare(blocks[0] as Uint8Array, blocks[1] as Uint8Array)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { figures: found };
}
