// npm start [-- OPTIONS]: set-up when needed, then the local network.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { exitCode, ROOT } from "./support/run.mjs";
import { setup } from "./setup.mjs";

await setup();
const program = join(ROOT, "dist/qanat.mjs");
if (!existsSync(program)) {
  process.stderr.write("start: dist/qanat.mjs is missing; run npm run build\n");
  process.exit(1);
}
// --data and the like are meant relative to where the command was typed, so the working folder stays.
const child = spawn(process.execPath, [program, "net", ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // A terminal sends its interrupt to the whole group; passing it on would make it two.
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    child.kill(signal);
  });
}
if (process.env["npm_lifecycle_event"] !== undefined) {
  // npm passes a signal on to its shell, which dies without passing it on to us: a lost parent means stop.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 200).unref();
}
child.on("error", (error) => {
  process.stderr.write(`start: ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(exitCode(code, signal)));
