#!/usr/bin/env node
// Becomes dist/qanat.mjs: runs dist/qanat.cjs from the code that V8 compiled when it was built. Parsing two and a half
// megabytes would be a fifth of the time to the first block.
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, Script } from "node:vm";

const PROGRAM = fileURLToPath(new URL("qanat.cjs", import.meta.url));
const CODE = `${PROGRAM}.code`;
const PRINT_SIZE = 32;

const source = readFileSync(PROGRAM);
// V8 itself compares only the length of the source with that of the code.
const print = createHash("sha256").update(source).digest();

/** Code of exactly this source; V8 refuses that of another version of itself, and then compiles as always. */
function compiled() {
  try {
    const code = readFileSync(CODE);
    return print.equals(code.subarray(0, PRINT_SIZE)) ? code.subarray(PRINT_SIZE) : undefined;
  } catch {
    return undefined;
  }
}

// The bundler writes ASCII only, so that no character is decoded.
const text = `(function (exports, require, module, __filename, __dirname) {${source.toString("latin1")}\n})`;
const script = new Script(text, {
  filename: PROGRAM,
  cachedData: compiled(),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
if (process.env["QANAT_KEEP_CODE"] === "1") {
  // At the end it holds the functions that ran, not only those that run at once.
  process.on("exit", () => {
    writeFileSync(`${CODE}.new`, Buffer.concat([print, script.createCachedData()]));
    renameSync(`${CODE}.new`, CODE);
  });
}
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(PROGRAM), module, PROGRAM, dirname(PROGRAM));
