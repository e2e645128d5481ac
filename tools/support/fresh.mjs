import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run.mjs";

const INSTALLED = join(ROOT, "node_modules/.qanat-stamp");
const BUILT = join(ROOT, "dist/.qanat-build");

/** Whether node_modules holds what package-lock.json asks for. */
export function isInstalled() {
  const lock = readFileSync(join(ROOT, "package-lock.json"));
  const print = createHash("sha256").update(lock).digest("hex");
  if (read(INSTALLED) === print) return true;
  if (!matchesLock(JSON.parse(lock.toString()))) return false;
  writeFileSync(INSTALLED, print);
  return true;
}

/** Records that node_modules follows the present package-lock.json. */
export function markInstalled() {
  const lock = readFileSync(join(ROOT, "package-lock.json"));
  writeFileSync(INSTALLED, createHash("sha256").update(lock).digest("hex"));
}

/** npm writes down what it installed: where that agrees with the lock, nothing needs to be downloaded again. */
function matchesLock(lock) {
  const text = read(join(ROOT, "node_modules/.package-lock.json"));
  if (text === undefined) return false;
  const installed = JSON.parse(text).packages;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = installed[path];
    if (found === undefined) return wanted.optional === true;
    return wanted.link === true || found.version === wanted.version;
  });
}

/** Whether dist was built from the present sources. */
export function isBuilt() {
  return existsSync(join(ROOT, "dist")) && read(BUILT) === sourcePrint();
}

/** Records what dist was built from: taken before the build, so that an edit during the build is not missed. */
export function markBuilt(print) {
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  writeFileSync(BUILT, print);
}

const TOOLS = ["tools/build.mjs", "tools/support/launcher.mjs"];

/** One line that changes when any source or any setting of the build changes. */
export function sourcePrint() {
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.base.json", ...TOOLS]) {
    hash.update(`${file}\n${readFileSync(join(ROOT, file))}`);
  }
  for (const folder of ["src", "examples"]) printFolder(hash, folder);
  return hash.digest("hex");
}

function printFolder(hash, folder) {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === "dist") continue;
    const below = `${folder}/${entry.name}`;
    if (entry.isDirectory()) printFolder(hash, below);
    else if (entry.isFile()) {
      const { size, mtimeMs } = statSync(join(ROOT, below));
      hash.update(`${below} ${size} ${mtimeMs}\n`);
    }
  }
}

/** Keeps two set-ups in one checkout from writing over each other: the second waits, then finds all done. */
export async function alone(work) {
  const lock = join(ROOT, ".cache/setup.lock");
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (isAbandoned(lock)) rmSync(lock, { force: true });
      else await new Promise((wake) => setTimeout(wake, 100));
    }
  }
  const release = () => rmSync(lock, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

function isAbandoned(lock) {
  const text = read(lock);
  if (text === undefined) return false;
  const owner = Number(text);
  // A file without a number yet is being written; one that stays so for ten seconds has lost its writer.
  if (!Number.isInteger(owner) || owner <= 0) return ageMs(lock) > 10_000;
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function ageMs(file) {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
