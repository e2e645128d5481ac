import { readdirSync, readFileSync } from "node:fs";
import { text, struct } from "#common/schema/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { systemClock } from "#platform/clock.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import type { Sandbox } from "#platform/sandbox.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { ProcessHost } from "#runtime/host/process.js";
import type { RuntimeHostEvent } from "#runtime/host/host.js";
import { u64, u8 } from "#common/schema/index.js";
import { KeptLog } from "../../../unit/runtime/support/world.ts";
import { call, RUNTIME_ID, TestNode } from "../../../unit/runtime/support/node.ts";

class Entry extends struct("Entry", {
  key: text({ max: 8000 }),
  value: text({ max: 1 << 20 }),
  generation: u64,
  churpId: u8,
}) {}
class Key extends struct("Key", { key: text({ max: 8000 }), generation: u64, churpId: u8 }) {}

/** Attempts to start that may fail on a busy machine. */
const MOST_FAILURES = 8;
/** How long an answer that must come is waited for, in milliseconds: a machine may be slow. */
export const PATIENCE_MS = 120_000;

export const entry = (key: string, value: string): Uint8Array =>
  Entry.encode({ key, value, generation: 0n, churpId: 0 });
export const keyArgs = (key: string): Uint8Array => Key.encode({ key, generation: 0n, churpId: 0 });

/** A transaction that stores a text. */
export const insertCall = (sender: string, nonce: number, key: string, value: string): Uint8Array =>
  call(sender, nonce, "insert", entry(key, value));

/** A runtime in a process of its own, with a node around it. */
export function hosted(
  path: string,
  options: { sandbox?: Sandbox; network?: boolean; env?: Record<string, string>; log?: KeptLog } = {},
) {
  const node = new TestNode();
  const log = options.log ?? new KeptLog();
  const host = new ProcessHost({
    runtimeId: RUNTIME_ID,
    chainContext: "00",
    environment: {
      nodeId: new Uint8Array(32).fill(7),
      localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID),
      runtimeTrees: new NodeDbSyncer(node.db),
    },
    launcher: new ProcessLauncher({ path, sandbox: options.sandbox, network: options.network, env: options.env, log }),
    clock: systemClock,
    log,
  });
  const events: RuntimeHostEvent[] = [];
  const subscription = host.watch();
  void (async () => {
    let failures = 0;
    for await (const event of subscription) {
      events.push(event);
      // Where it cannot run at all, trying for ever would only hide why.
      if (event.type !== "failed-to-start" || ++failures < MOST_FAILURES) continue;
      process.stderr.write(`a runtime does not start, giving up: ${String(event.error)}\n`);
      await host.stop();
    }
  })();
  return { node, host, log, events };
}

/** Processes below this one whose command line names a file. */
export function childrenOf(pid: number, file: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1];
      if (Number(parent) === pid && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(file))
        found.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}
