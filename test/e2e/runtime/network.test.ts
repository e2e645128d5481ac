import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import { Sandbox } from "#platform/sandbox.js";
import { ProcessHost } from "#runtime/host/process.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { hasBubblewrap } from "./support/bubblewrap.ts";
import { bundleRuntime } from "./support/bundle.ts";
import { childrenOf } from "./support/hosted.ts";
import { rawRuntime } from "./support/scripts.ts";
import {
  insertCall,
  nodeNames,
  type Provision,
  provisionKeyValue,
  silentLog,
  type TestNetwork,
  testNetwork,
} from "../../unit/worker/support/local-network.ts";

let script = "";
beforeAll(async () => {
  script = await bundleRuntime("examples/kv/process.ts");
});

let net: TestNetwork | undefined;
afterEach(async () => {
  await net?.network.stop();
  net = undefined;
});

async function start(provision: Provision): Promise<TestNetwork> {
  net = testNetwork(provision);
  await net.network.start();
  return net;
}

function inProcessOf(path: string, sandbox?: Sandbox): Provision {
  return (_, site) => new ProcessHost({ ...site, launcher: new ProcessLauncher({ path, sandbox, log: silentLog }) });
}

let nonce = 0n;
/** Submits a transaction and returns the round that it ended up in. */
async function submit({ worker }: TestNetwork): Promise<bigint> {
  const { round } = await worker("client-0").client.submitTxMeta(
    insertCall("alice", nonce, `key ${nonce}`, `${nonce++}`),
  );
  return round;
}

describe("a network whose runtimes run in processes", () => {
  test.skipIf(!hasBubblewrap)("with each member's hosted in another way: all agree on every state", async () => {
    nonce = 0n;
    const sandboxed = inProcessOf(script, Sandbox.open());
    const apart = inProcessOf(script);
    const ways = [provisionKeyValue, apart, sandboxed];
    const running = await start((member, site) => {
      const way = ways[Number(member.name.replace(/\D/g, "")) % ways.length] ?? provisionKeyValue;
      return way(member, site);
    });
    const reports = running.worker("client-0").watchRounds();
    let last = 0n;
    for (let i = 0; i < 12; i++) last = await submit(running);
    await running.settled(last);
    for (let report = (await reports.next()).value; ; report = (await reports.next()).value) {
      expect(report?.finalizedBy).toBe("workers");
      if (report === undefined || report.round >= last) break;
    }
    const roots = nodeNames("compute", "client").map((name) => {
      const block = running.worker(name).history.block(last);
      return toHex(block?.header.stateRoot ?? new Uint8Array(0));
    });
    expect(new Set(roots).size).toBe(1);
  });

  test("goes on while they are killed one after the other", async () => {
    nonce = 0n;
    const running = await start(inProcessOf(script));
    await submit(running);
    expect(childrenOf(process.pid, script)).toHaveLength(nodeNames("compute", "client").length);
    for (const pid of childrenOf(process.pid, script)) {
      process.kill(pid, "SIGKILL");
      await submit(running);
    }
    const { header } = running.worker("client-0").history.block(ROUND_LATEST) ?? expect.unreachable("no block");
    expect(header.round).toBeGreaterThan(5n);
  });

  test.each<[string, string]>([
    ["never answers", ""],
    ["answers nonsense", `socket.on("data", () => frame(Buffer.from("nonsense")));`],
    ["ends at once", "process.exit(1);"],
  ])("goes on when the one of a member %s", async (_, lines) => {
    nonce = 0n;
    const broken = inProcessOf(rawRuntime(lines));
    const running = await start((member, site) =>
      member.name === "compute-2" ? broken(member, site) : provisionKeyValue(member, site),
    );
    for (let i = 0; i < 3; i++) await submit(running);
    expect(running.worker("compute-2").host.info).toBeUndefined();
  });
});
