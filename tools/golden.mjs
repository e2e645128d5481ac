// node tools/golden.mjs: writes the golden bytes of every wire type anew. Look at the difference before you commit it:
// a change of bytes is a change of the protocol.
import { ROOT, run } from "./support/run.mjs";

const code = await run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "test/vectors/golden"], {
  cwd: ROOT,
  env: { ...process.env, QANAT_GOLDEN: "write" },
});
process.exit(code);
