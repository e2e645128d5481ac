// Installs the packages and builds, each only when needed: with nothing to do it ends within a few milliseconds.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { alone, isBuilt, isInstalled, markInstalled } from "./support/fresh.mjs";
import { ROOT, run } from "./support/run.mjs";

const OLDEST = [20, 20];

/** Installs and builds what is missing or stale. Ends the process with a plain message when a step fails. */
export async function setup() {
  refuseOldNode();
  if (isInstalled() && isBuilt()) return;
  await alone(async () => {
    if (!isInstalled()) await install();
    if (!isBuilt()) {
      const { build } = await import("./build.mjs");
      await build();
    }
  });
}

async function install() {
  process.stderr.write("setup: installing packages (npm ci)\n");
  // Tests and the build need what NODE_ENV=production would leave out, and a registry may fail now and then.
  const options = ["--include=dev", "--include=optional", "--fetch-retries=5", "--loglevel=error"];
  const code = await run("npm", ["ci", "--no-audit", "--no-fund", ...options], {
    stdio: ["ignore", process.stderr, process.stderr],
    shell: process.platform === "win32",
  });
  if (code !== 0 || !existsSync(`${ROOT}/node_modules`)) stop(`npm ci failed with exit code ${code}`);
  markInstalled();
}

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  stop(`Node.js ${OLDEST.join(".")} or newer is needed, this is ${process.versions.node}`);
}

function stop(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await setup();
