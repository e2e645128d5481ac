import { describe, expect, test } from "vitest";
import { Fault } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Version } from "#common/version.js";
import type { RuntimeHostEvent } from "#runtime/host/host.js";
import type { RunningRuntime } from "#runtime/host/launcher.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { ProcessHost } from "#runtime/host/process.js";
import { queueStream } from "#runtime/host/queue-stream.js";
import { encodeFrame, FrameReader } from "#runtime/rhp/framing.js";
import { type Body, bodyOf, Message, MESSAGE_TYPE } from "#runtime/rhp/messages/index.js";
import { RUNTIME_ID } from "../support/node.ts";
import { KeptLog, ManualClock, settle } from "../support/world.ts";

const VERSION = { major: 1, minor: 2, patch: 3 };
const features = { keyManagerQuotePolicyUpdates: false, keyManagerStatusUpdates: false, endorsedCapabilityTee: false };
const INFO = bodyOf("RuntimeInfoResponse", {
  protocolVersion: { major: 5, minor: 1, patch: 0 },
  runtimeVersion: VERSION,
  features,
});

/** A host whose runtime answers as told; undefined leaves a request without an answer. */
function scripted(
  answer: (request: Body, run: number) => Body | undefined,
  launches: () => Promise<void> = async () => undefined,
  version?: Version,
) {
  const clock = new ManualClock();
  const log = new KeptLog();
  const counts = { runs: 0, killed: 0, pings: 0, aborts: 0 };
  const launch = async (): Promise<RunningRuntime> => {
    await launches();
    const run = ++counts.runs;
    const [stream, ours] = queueStream();
    const reader = new FrameReader();
    const data = (bytes: Uint8Array): void => {
      for (const frame of reader.push(bytes)) {
        const { id, body } = Message.decode(frame, "runtime");
        if (body.type === "RuntimePingRequest") counts.pings++;
        if (body.type === "RuntimeAbortRequest") counts.aborts++;
        const reply = answer(body, run);
        if (reply !== undefined) {
          ours.send(encodeFrame(Message.encode({ id, messageType: MESSAGE_TYPE.response, body: reply })));
        }
      }
    };
    let gone: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (gone = resolve));
    ours.open({ data, closed: () => undefined });
    const kill = (): void => {
      counts.killed++;
      gone();
    };
    return { stream, kill, ended };
  };
  const environment = { nodeId: new Uint8Array(32), localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID) };
  const host = new ProcessHost({
    runtimeId: RUNTIME_ID,
    chainContext: "00",
    environment,
    clock,
    log,
    launcher: { launch },
    version,
  });
  const events: RuntimeHostEvent["type"][] = [];
  const subscription = host.watch();
  void (async () => {
    for await (const { type } of subscription) events.push(type);
  })();
  return { host, clock, log, counts, events };
}

/** Answers the introduction; other requests as told. */
const introduced =
  (other: (request: Body) => Body | undefined = () => undefined) =>
  (request: Body): Body | undefined =>
    request.type === "RuntimeInfoRequest" ? INFO : other(request);

describe("a supervised runtime", () => {
  test("is pinged every 15 seconds and lives as long as it answers", async () => {
    const { host, clock, counts } = scripted(introduced(() => bodyOf("Empty", {})));
    await host.start();
    for (let i = 0; i < 10; i++) await clock.advance(15_000);
    expect(counts).toEqual({ runs: 1, killed: 0, pings: 10, aborts: 0 });
    await host.stop();
    expect(clock.pending).toBe(0);
  });

  test("that leaves a ping unanswered for 5 seconds is killed and started anew", async () => {
    const { host, clock, counts, events, log } = scripted(introduced());
    await host.start();
    await clock.advance(15_000);
    await clock.advance(4999);
    expect(counts.killed).toBe(0);
    await clock.advance(1);
    expect(counts.killed).toBe(1);
    expect(log.lines).toContain("runtime does not answer, killing it");
    await clock.advance(0);
    expect(counts.runs).toBe(2);
    expect(host.info?.runtimeVersion).toEqual(VERSION);
    await host.stop();
    await settle();
    expect(events).toEqual(["started", "stopped", "started", "stopped"]);
  });

  test("has one second to introduce itself", async () => {
    const { host, clock, counts } = scripted((_, run) => (run === 1 ? undefined : INFO));
    const started = host.start();
    await settle();
    await clock.advance(999);
    expect(counts.killed).toBe(0);
    await clock.advance(1);
    expect(counts.killed).toBe(1);
    await clock.advance(0);
    await started;
    expect(counts.runs).toBe(2);
    await host.stop();
  });

  test("has to have the version that its bundle says", async () => {
    const bundled = { major: 1, minor: 2, patch: 4 };
    const { host, events } = scripted(introduced(), undefined, bundled);
    const watched = host.watch();
    const started = host.start();
    const { value } = await watched.next();
    expect(value).toMatchObject({ error: { message: "unexpected runtime version (expected: 1.2.4 got: 1.2.3)" } });
    await host.stop();
    await expect(started).rejects.toMatchObject({ problem: "closed" });
    expect(events).toEqual(["failed-to-start"]);
    const right = scripted(introduced(), undefined, VERSION);
    await right.host.start();
    expect(right.host.info?.runtimeVersion).toEqual(VERSION);
    await right.host.stop();
  });

  test("of another major version of the protocol is not accepted", async () => {
    const wrong = bodyOf("RuntimeInfoResponse", {
      protocolVersion: { major: 4, minor: 0, patch: 0 },
      runtimeVersion: VERSION,
      features,
    });
    const { host, log, events } = scripted(() => wrong);
    const started = host.start();
    await settle();
    expect(log.lines).toContain("runtime failed to start");
    await host.stop();
    await expect(started).rejects.toMatchObject({ problem: "closed" });
    expect(events).toEqual(["failed-to-start"]);
  });

  test("that does not abort within a second is killed", async () => {
    const { host, clock, counts } = scripted(introduced());
    await host.start();
    const aborted = host.abort();
    await clock.advance(1000);
    await aborted;
    expect(counts.killed).toBe(1);
    await clock.advance(0);
    expect(counts.runs).toBe(2);
    await host.stop();
  });

  test("that cannot be launched is tried again after pauses, and given up after a day", async () => {
    let attempts = 0;
    const { host, clock, log } = scripted(introduced(), async () => {
      attempts++;
      throw new Fault("no such file");
    });
    void host.start().catch(() => undefined);
    await settle();
    await clock.advance(0);
    expect(attempts).toBe(2);
    for (const [pause, expected] of [
      [499, 2],
      [1, 3],
      [749, 3],
      [1, 4],
    ] as const) {
      await clock.advance(pause);
      expect(attempts).toBe(expected);
    }
    for (let hours = 0; hours < 30; hours++) await clock.advance(3_600_000);
    expect(log.lines.at(-1)).toBe("runtime did not run well for a day, giving it up");
    const tried = attempts;
    for (let hours = 0; hours < 5; hours++) await clock.advance(3_600_000);
    expect(attempts).toBe(tried);
    await host.stop();
  });

  test("that is restarted by force starts at once, also while it waits for its next attempt", async () => {
    let works = false;
    const { host, clock, counts } = scripted(
      introduced(() => bodyOf("RuntimeAbortResponse", {})),
      async () => {
        if (!works) throw new Fault("not yet");
      },
    );
    const started = host.start();
    await settle();
    for (const pause of [0, 500, 750]) await clock.advance(pause);
    works = true;
    await host.abort(true);
    await clock.advance(0);
    await started;
    expect([counts.runs, counts.aborts]).toEqual([1, 0]);
    for (let i = 2; i < 6; i++) {
      await host.abort(true);
      await clock.advance(0);
      expect([counts.runs, counts.aborts]).toEqual([i, i - 1]);
    }
    await host.stop();
    expect(clock.pending).toBe(0);
  });

  test("that is launched while the host is stopped is killed at once", async () => {
    let launched: () => void = () => undefined;
    const { host, counts } = scripted(introduced(), () => new Promise((resolve) => (launched = resolve)));
    const started = host.start();
    await settle();
    const stopped = host.stop();
    await expect(started).rejects.toMatchObject({ problem: "closed" });
    launched();
    await stopped;
    expect(counts).toMatchObject({ runs: 1, killed: 1 });
  });
});
