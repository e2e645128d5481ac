/** A runtime that tries to get out of its sandbox: each query is one attempt and answers what came of it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { networkInterfaces, hostname } from "node:os";
import { Worker } from "node:worker_threads";
import { CodedError } from "#common/errors/index.js";
import { defineRuntime, type Method, method, text } from "qanat/runtime";
import { startRuntime } from "qanat/runtime/process";

const answer = text({ max: 4096 });
const WAIT_MS = 30_000;

/** Runs lines in a thread with an event loop and waits for the text that they `say`. */
function inThread(lines: string): string {
  const shared = new SharedArrayBuffer(4 + 1024);
  const done = new Int32Array(shared, 0, 1);
  new Worker(
    `const { workerData } = require("node:worker_threads");
     const say = (text) => {
       new Uint8Array(workerData, 4).set(new TextEncoder().encode(String(text)).subarray(0, 1024));
       Atomics.store(new Int32Array(workerData, 0, 1), 0, 1);
       Atomics.notify(new Int32Array(workerData, 0, 1), 0);
     };
     process.once("uncaughtException", (error) => say(error.code ?? error.message));
     ${lines}`,
    // Engines reserve much for code, which counts as memory used: several threads would not fit.
    { eval: true, workerData: shared, resourceLimits: { codeRangeSizeMb: 16 } },
  );
  if (Atomics.wait(done, 0, 0, WAIT_MS) === "timed-out") return "no answer";
  return Buffer.from(new Uint8Array(shared, 4)).toString("utf8").replace(/\0+$/, "");
}

/** What an attempt threw, or that it worked. */
function outcome(attempt: () => unknown): string {
  try {
    return `worked: ${String(attempt()).slice(0, 1000)}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

const attempts: Readonly<Record<string, (argument: string) => string>> = {
  read: (path) => outcome(() => readFileSync(path).length),
  list: (path) => outcome(() => readdirSync(path).sort().join(" ")),
  write: (path) => outcome(() => writeFileSync(path, "x")),
  make: (path) => outcome(() => mkdirSync(path)),
  fill: (folder) =>
    outcome(() => {
      for (let i = 0; ; i++) writeFileSync(`${folder}/${i}`, new Uint8Array(1 << 20));
    }),
  room: (folder) => outcome(() => statfsSync(folder).blocks * statfsSync(folder).bsize),
  run: (file) => outcome(() => execFileSync(file, ["-e", "0"])),
  environment: () => Object.keys(process.env).sort().join(" "),
  // The names of the machine's network, of which none but the loop back to itself may be there.
  network: () => outcome(() => Object.keys(networkInterfaces()).join(" ")),
  hostname: () => hostname(),
  user: () => `${process.pid}`,
  connect: (port) => inThread(`require("node:net").connect(${port}, "127.0.0.1", () => say("connected"));`),
  listen: () => inThread(`require("node:net").createServer().listen(0, "127.0.0.1", () => say("listening"));`),
  datagram: () =>
    inThread(`require("node:dgram").createSocket("udp4").send("x", 9, "127.0.0.1", (e) => say(e ? e.code : "sent"));`),
  connectUnix: (path) => inThread(`require("node:net").connect(${JSON.stringify(path)}, () => say("connected"));`),
  kill: (pid) => outcome(() => process.kill(Number(pid), "SIGKILL")),
  threads: () =>
    outcome(() => {
      for (;;) new Worker("Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", { eval: true });
    }),
  memory: () =>
    outcome(() => {
      const held: Uint8Array[] = [];
      for (;;) held.push(new Uint8Array(1 << 24).fill(1));
    }),
  spin: () => {
    for (;;);
  },
  busyUntil: (file) => {
    while (!existsSync(file));
    return "done";
  },
  crash: () => {
    throw new TypeError("bug");
  },
  exit: (code) => process.exit(Number(code)),
  shout: () => {
    for (let i = 0; i < 2000; i++) process.stdout.write(`${"x".repeat(1000)}\n`);
    return "done";
  },
  codedError: () => {
    throw new CodedError("hostile", 7, "as asked");
  },
};

const queries: Record<string, Method> = {};
for (const [name, attempt] of Object.entries(attempts)) {
  queries[name] = method({ args: answer, result: answer, execute: (_, argument) => attempt(argument) });
}

startRuntime(defineRuntime({ version: { major: 1, minor: 2, patch: 3 }, methods: {}, queries }));
