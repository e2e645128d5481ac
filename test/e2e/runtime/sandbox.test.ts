import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { text } from "#common/schema/index.js";
import { type ProcessSpec, startProcess } from "#platform/processes.js";
import { DEFAULT_LIMITS, Sandbox } from "#platform/sandbox.js";
import { REFERENCE_POLICY } from "#runtime/host/sandbox/seccomp.js";
import { KeptLog } from "../../unit/runtime/support/world.ts";
import { hasBubblewrap } from "./support/bubblewrap.ts";
import { bundleRuntime } from "./support/bundle.ts";
import { hosted, insertCall, PATIENCE_MS } from "./support/hosted.ts";
import { syscallProgram } from "./support/scripts.ts";

const MIB = 1024 * 1024;
/** Where a sandboxed runtime may make files. */
const SCRATCH = "/tmp";
const answer = text({ max: 4096 });
/** Calls of x86-64; elsewhere the programs that make them do not run. */
const onX86 = process.arch === "x64";

test("without bubblewrap the sandbox is refused with the name of what is missing", () => {
  expect(() => Sandbox.open({ bubblewrap: "/nowhere/bwrap" })).toThrow("/nowhere/bwrap is missing: install bubblewrap");
});

test.skipIf(!hasBubblewrap)(
  "qanat net refuses to sandbox without bubblewrap, in words, and runs nothing unsandboxed",
  () => {
    // Here bubblewrap itself makes a world in which there is none.
    const world = ["--dev-bind", "/", "/", "--ro-bind", "/dev/null", "/usr/bin/bwrap"];
    const net = [
      process.execPath,
      "dist/qanat.mjs",
      "net",
      "--port",
      "0",
      "--rounds",
      "1",
      "--runtime-host",
      "sandbox",
    ];
    const { status, stderr, stdout } = spawnSync("/usr/bin/bwrap", [...world, ...net], { encoding: "utf8" });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("/usr/bin/bwrap is missing: install bubblewrap");
    expect(stderr).toContain("--runtime-host process runs it without a sandbox");
  },
);

describe.skipIf(!hasBubblewrap)("a runtime in the sandbox", () => {
  let hostile = "";
  let script = "";
  const folder = mkdtempSync(join(tmpdir(), "qanat-sandbox-test-"));
  const secret = join(folder, "secret");
  writeFileSync(secret, "of the host");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(async () => {
    script = await bundleRuntime("examples/kv/process.ts");
    hostile = await bundleRuntime("test/e2e/runtime/support/hostile-runtime.ts");
  });

  /** Lets a runtime make attempts and returns what came of each; the runtime must survive them. */
  async function attempts(...list: [string, string][]): Promise<string[]> {
    const limits = { ...DEFAULT_LIMITS, scratchBytes: 8 * MIB };
    const { node, host } = hosted(hostile, { sandbox: Sandbox.open({ limits }) });
    await host.start();
    const outcomes: string[] = [];
    for (const [name, argument] of list) {
      const query = node.querying(name, answer.encode(argument));
      const { data } = await host.call("RuntimeQueryRequest", query, PATIENCE_MS);
      outcomes.push(answer.decode(data));
    }
    await host.stop();
    return outcomes;
  }

  test("executes rounds as outside of it", async () => {
    const inside = hosted(script, { sandbox: Sandbox.open() });
    const outside = hosted(script);
    await Promise.all([inside.host.start(), outside.host.start()]);
    const inputs = Array.from({ length: 10 }, (_, i) => insertCall(`s${i}`, 0, `k${i}`, "v"));
    const batch = await inside.host.call("RuntimeExecuteTxBatchRequest", inside.node.scheduling(inputs), PATIENCE_MS);
    const same = await outside.host.call("RuntimeExecuteTxBatchRequest", outside.node.scheduling(inputs), PATIENCE_MS);
    expect(batch).toEqual(same);
    await Promise.all([inside.host.stop(), outside.host.stop()]);
  });

  test("sees none of the machine's files, processes or names", async () => {
    const [shadow, own, root, name, env, proc, etc] = await attempts(
      ["read", "/etc/passwd"],
      ["read", secret],
      ["list", "/"],
      ["hostname", ""],
      ["environment", ""],
      ["list", "/proc"],
      ["list", "/etc"],
    );
    expect([shadow, own, proc, etc]).toEqual(["ENOENT", "ENOENT", "ENOENT", "ENOENT"]);
    expect(root).toMatch(/^worked: dev entrypoint host\.sock (lib |lib64 )+runtime\.mjs tmp usr$/);
    expect(name).toBe("oasis-core");
    expect(env).toBe("OASIS_WORKER_HOST PWD");
  });

  test("writes nowhere but to a small scratch space in memory", async () => {
    const outcomes = await attempts(
      ["write", "/file"],
      ["write", "/runtime.mjs"],
      ["write", "/entrypoint"],
      ["make", "/usr/lib/x"],
      ["make", "/dev/x"],
      ["write", `${SCRATCH}/file`],
      ["fill", SCRATCH],
      ["fill", "/dev/shm"],
      ["room", SCRATCH],
    );
    const refused = ["EROFS", "EROFS", "EROFS", "EROFS", "EROFS"];
    expect(outcomes).toEqual([...refused, "worked: undefined", "ENOSPC", "ENOSPC", `worked: ${8 * MIB}`]);
  });

  test("reaches no network, not even this machine", async () => {
    const server = createServer((socket) => socket.destroy());
    let reached = 0;
    server.on("connection", () => reached++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const hidden = createServer();
    const abstract = `\0qanat-${process.pid}-${Date.now()}`;
    await new Promise<void>((resolve) => hidden.listen(abstract, resolve));
    const outcomes = await attempts(
      ["connect", `${port}`],
      ["listen", ""],
      ["datagram", ""],
      ["connectUnix", abstract],
      ["connectUnix", join(folder, "nothing.sock")],
      ["network", ""],
    );
    expect(outcomes.slice(0, 3)).toEqual(["EPERM", "EPERM", "EPERM"]);
    expect(outcomes[3]).toBe("ECONNREFUSED");
    expect(outcomes[4]).toBe("ENOENT");
    expect(outcomes[5]).toMatch(/^(worked: (lo)?|EPERM|ERR_SYSTEM_ERROR)$/);
    expect(reached).toBe(0);
    server.close();
    hidden.close();
  });

  test("as off-chain logic reaches the network, and still no file and no other program", async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { node, host } = hosted(hostile, { sandbox: Sandbox.open(), network: true });
    await host.start();
    const outcomes: string[] = [];
    for (const [attempt, argument] of [
      ["connect", `${port}`],
      ["listen", ""],
      ["read", secret],
      ["run", "/entrypoint"],
    ] as const) {
      const { data } = await host.call(
        "RuntimeQueryRequest",
        node.querying(attempt, answer.encode(argument)),
        PATIENCE_MS,
      );
      outcomes.push(answer.decode(data));
    }
    await host.stop();
    server.close();
    expect(outcomes).toEqual(["connected", "listening", "ENOENT", "EPERM"]);
  });

  test("starts no other program and ends no process of the machine", async () => {
    const outcomes = await attempts(["run", "/entrypoint"], ["kill", `${process.pid}`], ["user", ""]);
    expect(outcomes).toEqual(["EPERM", "ESRCH", "2"]);
  });

  test.each(["memory", "threads"])("that takes all %s ends, and only it", async (attempt) => {
    const limits = { ...DEFAULT_LIMITS, memoryBytes: 256 * MIB };
    const { node, host } = hosted(hostile, { sandbox: Sandbox.open({ limits }) });
    await host.start();
    const events = host.watch();
    const query = host.call("RuntimeQueryRequest", node.querying(attempt, answer.encode("")), PATIENCE_MS);
    const outcome = await query.then(
      ({ data }) => answer.decode(data),
      (error: unknown) => String(error),
    );
    // Either the limit is an error that it can see, or it does not survive it.
    expect(outcome).toMatch(/ERR_WORKER|out of memory|Array buffer allocation failed|closed|no answer/i);
    if (outcome.includes("closed")) {
      for (let event = await events.next(); event.value?.type !== "started"; event = await events.next());
    }
    await host.abort(true);
    for (let event = await events.next(); event.value?.type !== "started"; event = await events.next());
    await host.call("RuntimePingRequest", {}, PATIENCE_MS);
    await host.stop();
  });

  test("that never returns is ended when it is aborted", async () => {
    const { node, host } = hosted(hostile, { sandbox: Sandbox.open() });
    await host.start();
    const events = host.watch();
    const query = host.call("RuntimeQueryRequest", node.querying("spin", answer.encode("")), 500);
    await expect(query).rejects.toMatchObject({ problem: "deadline" });
    await host.abort();
    for (let event = await events.next(); event.value?.type !== "started"; event = await events.next());
    await host.stop();
  });

  /** How a program ends in the sandbox. */
  async function ends(spec: ProcessSpec): Promise<string> {
    const child = await startProcess(spec, new KeptLog());
    return await child.ended;
  }

  const bare = { env: {}, readWrite: [], readOnly: [] };

  test("shared libraries of an executable are found and shown", async () => {
    const sandbox = Sandbox.open();
    expect(await ends(sandbox.wrap({ ...bare, executable: "/bin/true", args: [] }))).toBe("exit code 0");
    expect(await ends(sandbox.wrap({ ...bare, executable: "/bin/cat", args: ["/etc/hostname"] }))).toBe("exit code 1");
    const there = sandbox.wrap({
      ...bare,
      readOnly: [{ path: secret, inside: "/a/b/c" }],
      executable: "/bin/cat",
      args: ["/a/b/c"],
    });
    expect(await ends(there)).toBe("exit code 0");
  });

  test.skipIf(!onX86).each<[string, number, number[], number]>([
    ["ask for its number", 39, [], 0],
    ["open a socket of the internet", 41, [2, 1, 0], 1],
    ["open a socket within the machine", 41, [1, 1, 0], 0],
    ["fork", 57, [], 1],
    ["vfork", 58, [], 1],
    ["make a process with clone", 56, [17], 1],
    ["make a namespace with clone", 56, [0x10000000], 1],
    ["use clone3", 435, [], 38],
    ["unshare", 272, [0x10000000], 1],
    ["trace", 101, [0], 1],
    ["mount", 165, [], 1],
    ["change its root", 161, [], 1],
    ["load a kernel program", 321, [], 1],
    ["read another process's memory", 310, [], 1],
    ["make a device", 133, [], 1],
    ["use keys of the kernel", 250, [], 1],
    ["restart the machine", 169, [], 1],
    ["enter another namespace", 308, [0, 0], 1],
    ["write another process's memory", 311, [], 1],
    ["queue work for the kernel", 425, [1], 1],
    ["open a file by its handle", 304, [], 1],
    ["load another kernel", 246, [], 1],
    ["handle page faults", 323, [], 1],
    ["watch the machine's counters", 298, [], 1],
    ["reach its ports", 172, [3], 1],
    // These the filter lets through; they fail for want of a capability or by a limit.
    ["give itself groups", 116, [0, 0], 1],
    ["go before all others", 141, [0, 0, -20], 13],
    ["keep all its memory from being swapped", 151, [1], 1],
  ])("a program that tries to %s is answered as the filter says", async (_, number, args, errno) => {
    const program = syscallProgram(number, args);
    expect(await ends(Sandbox.open().wrap({ ...bare, executable: program, args: [] }))).toBe(`exit code ${errno}`);
  });

  test.skipIf(!onX86)("a call of the other convention of the machine kills the program", async () => {
    const program = syscallProgram(0x40000000 + 39);
    expect(await ends(Sandbox.open().wrap({ ...bare, executable: program, args: [] }))).toMatch(
      /signal|exit code (159|31)/,
    );
  });

  test.skipIf(!onX86)("the reference's policy lets a program fork, but not leave", async () => {
    const sandbox = Sandbox.open({ policy: REFERENCE_POLICY });
    const run = (number: number, args: number[] = []): Promise<string> =>
      ends(sandbox.wrap({ ...bare, executable: syscallProgram(number, args), args: [] }));
    expect(await run(57)).toBe("exit code 0");
    expect(await run(56, [0x10000000])).toBe("exit code 1");
    expect(await run(272, [0x10000000])).toBe("exit code 1");
  });
});
