import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyValue } from "@qanat/example-kv";
import { beforeAll, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Subscription } from "#common/event-hub.js";
import { text } from "#common/schema/index.js";
import { systemClock } from "#platform/clock.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import type { RuntimeHostEvent } from "#runtime/host/host.js";
import { EXECUTION_MODE } from "#runtime/rhp/messages/index.js";
import { RUNTIME_ID, TestNode } from "../../unit/runtime/support/node.ts";
import { KeptLog } from "../../unit/runtime/support/world.ts";
import { bundleRuntime } from "./support/bundle.ts";
import { childrenOf, hosted, insertCall, keyArgs, PATIENCE_MS } from "./support/hosted.ts";
import { rawRuntime } from "./support/scripts.ts";

let script = "";
let hostile = "";
beforeAll(async () => {
  script = await bundleRuntime("examples/kv/process.ts");
  hostile = await bundleRuntime("test/e2e/runtime/support/hostile-runtime.ts");
});

const answer = text({ max: 4096 });

/** Resolves with the next event of a kind. */
async function next(events: Subscription<RuntimeHostEvent>, type: RuntimeHostEvent["type"]): Promise<RuntimeHostEvent> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) return expect.unreachable("no more events");
    if (value.type === type) return value;
  }
}

describe("a runtime of the kit in a process of its own", () => {
  test("executes rounds with the same results and roots as in this process", async () => {
    const apart = hosted(script);
    const here = new TestNode();
    const inProcess = new InProcessHost({
      runtimeId: RUNTIME_ID,
      program: keyValue,
      chainContext: "00",
      environment: { nodeId: new Uint8Array(32), localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID) },
      port: here,
      clock: systemClock,
      log: new KeptLog(),
    });
    await Promise.all([apart.host.start(), inProcess.start()]);
    expect(apart.host.info).toEqual(inProcess.info);
    for (let round = 0; round < 4; round++) {
      const inputs = Array.from({ length: 20 }, (_, i) =>
        insertCall(`s${i}`, round, `key ${i * (round + 1)}`, `${round}`),
      );
      const batch = await apart.host.call("RuntimeExecuteTxBatchRequest", apart.node.scheduling(inputs), PATIENCE_MS);
      expect(batch).toEqual(await inProcess.call("RuntimeExecuteTxBatchRequest", here.scheduling(inputs), PATIENCE_MS));
      const again = { ...apart.node.scheduling(inputs), mode: EXECUTION_MODE.execute, ioRoot: batch.txInputRoot };
      expect(await apart.host.call("RuntimeExecuteTxBatchRequest", again, PATIENCE_MS)).toEqual(batch);
      apart.node.finalize(batch);
      here.finalize(batch);
    }
    const query = await apart.host.call(
      "RuntimeQueryRequest",
      apart.node.querying("get", keyArgs("key 4")),
      PATIENCE_MS,
    );
    expect(toHex(query.data)).toBe(`61${toHex(utf8("3"))}`);
    await Promise.all([apart.host.stop(), inProcess.stop()]);
  });

  test("answers many requests at once, also while it reads state", async () => {
    const { node, host } = hosted(script);
    await host.start();
    const checks = Array.from({ length: 50 }, (_, i) =>
      host.call("RuntimeCheckTxBatchRequest", node.checking([insertCall(`s${i}`, 0, "k", "v")]), PATIENCE_MS),
    );
    const batch = host.call(
      "RuntimeExecuteTxBatchRequest",
      node.scheduling([insertCall("a", 0, "k", "v")]),
      PATIENCE_MS,
    );
    for (const { results } of await Promise.all(checks)) expect(results.map(({ error }) => error.code)).toEqual([0]);
    expect((await batch).txHashes).toHaveLength(1);
    await host.stop();
  });

  test("answers pings while it works", async () => {
    const { node, host } = hosted(hostile);
    await host.start();
    const release = join(mkdtempSync(join(tmpdir(), "qanat-busy-")), "release");
    const busy = host.call("RuntimeQueryRequest", node.querying("busyUntil", answer.encode(release)), PATIENCE_MS);
    let worked = false;
    void busy.then(() => (worked = true));
    await host.call("RuntimePingRequest", {}, PATIENCE_MS);
    expect(worked).toBe(false);
    writeFileSync(release, "");
    await busy;
    await host.stop();
  });

  test("is gone after the stop, and nothing of it is left", async () => {
    // A folder of this test alone: others on this machine make temporary files too.
    const folder = mkdtempSync(join(tmpdir(), "qanat-left-"));
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder;
    try {
      const { host } = hosted(script);
      await host.start();
      expect(childrenOf(process.pid, script)).toHaveLength(1);
      await host.stop();
      expect(childrenOf(process.pid, script)).toEqual([]);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("sees only the environment that it is given", async () => {
    const { node, host } = hosted(hostile, { env: { COLOUR: "blue" } });
    await host.start();
    const { data } = await host.call(
      "RuntimeQueryRequest",
      node.querying("environment", answer.encode("")),
      PATIENCE_MS,
    );
    expect(answer.decode(data)).toBe("COLOUR OASIS_WORKER_HOST");
    await host.stop();
  });

  test("tells who started it by hand what it lacks", () => {
    try {
      execFileSync(process.execPath, [script], { env: {}, stdio: "pipe" });
      expect.unreachable("it ran without a host");
    } catch (error) {
      expect(String((error as { stderr: Buffer }).stderr)).toContain("OASIS_WORKER_HOST: not set");
    }
  });
});

describe("a runtime that breaks", () => {
  test.each(["crash", "exit", "spin"])("after a %s is started anew and works on", async (attempt) => {
    const { node, host } = hosted(hostile);
    await host.start();
    const events = host.watch();
    // Only the one that never ends has to be given up.
    const deadlineMs = attempt === "spin" ? 1000 : PATIENCE_MS;
    const query = host.call("RuntimeQueryRequest", node.querying(attempt, answer.encode("0")), deadlineMs);
    await expect(query).rejects.toMatchObject({ problem: attempt === "spin" ? "deadline" : "closed" });
    if (attempt === "spin") void host.abort();
    await next(events, "started");
    const again = await host.call("RuntimeQueryRequest", node.querying("hostname", answer.encode("")), PATIENCE_MS);
    expect(answer.decode(again.data).length).toBeGreaterThan(0);
    await host.stop();
  });

  test("tells why in the log, and one that is ended says nothing", async () => {
    const { node, host, log } = hosted(hostile);
    await host.start();
    const events = host.watch();
    const query = host.call("RuntimeQueryRequest", node.querying("crash", answer.encode("0")), PATIENCE_MS);
    await expect(query).rejects.toMatchObject({ problem: "closed" });
    await next(events, "started");
    expect(log.lines.join("\n")).toContain("TypeError: bug");
    const before = log.lines.length;
    await host.stop();
    expect(log.lines.slice(before)).toEqual([]);
  });

  test("by a signal from outside is started anew", async () => {
    const { host } = hosted(script);
    await host.start();
    const events = host.watch();
    for (const pid of childrenOf(process.pid, script)) process.kill(pid, "SIGKILL");
    await next(events, "stopped");
    await next(events, "started");
    await host.stop();
  });

  test("an error of its own code is an answer", async () => {
    const { node, host } = hosted(hostile);
    await host.start();
    const query = host.call("RuntimeQueryRequest", node.querying("codedError", answer.encode("")), PATIENCE_MS);
    await expect(query).rejects.toMatchObject({ module: "hostile", code: 7 });
    await host.stop();
  });

  test("by shouting costs us no more than a few lines", async () => {
    const { node, host, log } = hosted(hostile);
    await host.start();
    await host.call("RuntimeQueryRequest", node.querying("shout", answer.encode("")), PATIENCE_MS);
    await host.stop();
    expect(log.lines.join("").length).toBeLessThan(1_000_000);
  });

  test.each<[string, string]>([
    ["never answers", ""],
    ["answers nonsense", `socket.on("data", () => frame(Buffer.from("nonsense")));`],
    ["announces a frame of 4 GiB", `socket.on("data", () => socket.write(Buffer.alloc(8, 255)));`],
    [
      "answers twice and with wrong numbers",
      `socket.on("data", () => { for (let i = 0; i < 9; i++) frame(Buffer.from("a362696418" + (90 + i) + "64626f6479a165456d707479a06c6d6573736167655f7479706502", "hex")); });`,
    ],
    [
      "answers with another kind",
      `socket.on("data", () => frame(Buffer.from("a36269640064626f6479a165456d707479a06c6d6573736167655f7479706502", "hex")));`,
    ],
    ["closes at once", `socket.on("connect", () => socket.destroy());`],
    ["ends before it connects", `process.exit(3);`],
  ])("one that %s does not start, and trying stops with the host", async (_, lines) => {
    const path = rawRuntime(lines);
    const { host, events } = hosted(path);
    const watched = host.watch();
    const started = host.start();
    started.catch(() => undefined);
    await next(watched, "failed-to-start");
    await next(watched, "failed-to-start");
    await host.stop();
    await expect(started).rejects.toMatchObject({ problem: "closed" });
    expect(events.every(({ type }) => type === "failed-to-start")).toBe(true);
    expect(childrenOf(process.pid, path)).toEqual([]);
  });

  test("a file that is not there is refused at once", () => {
    expect(() => new ProcessLauncher({ path: "/nowhere/runtime", log: new KeptLog() })).toThrow("does not exist");
  });
});
