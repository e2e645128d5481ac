import { afterEach, describe, expect, test } from "vitest";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { deployment, Life, version, versions } from "./support/life.ts";
import { nodeNames } from "./support/local-network.ts";

let life: Life;
afterEach(() => life.stop());

async function start(made: Life): Promise<void> {
  life = made;
  await life.start();
}

const COMPUTES = nodeNames("compute");

/** Announces version 1.0.0 for an epoch. */
async function announce(validFrom: bigint): Promise<void> {
  await life.update((runtime) => {
    runtime.deployments = [...runtime.deployments, deployment(version(1), validFrom)];
  });
}

describe("an upgrade of a running network's runtime", () => {
  test("is hosted and registered ahead, takes over at its epoch, and the old version goes; the state is kept", async () => {
    await start(new Life());
    const before = await life.insert("old", "kept");
    expect(await life.makerOf(before)).toBe("0.0.0");
    expect(life.registered("compute-0")).toEqual(["0.0.0"]);
    const from = life.epoch + 3n;
    await announce(from);
    await life.net.until(() => COMPUTES.every((name) => life.registered(name).length === 2));
    expect(life.registered("compute-4")).toEqual(["0.0.0", "1.0.0"]);
    expect(await life.makerOf(await life.insert("between", "0"))).toBe("0.0.0");
    await life.reach(from);
    const after = await life.insert("new", "1");
    expect(await life.makerOf(after)).toBe("1.0.0");
    expect(await life.textAt(after, "old")).toBe("kept");
    expect(await life.textAt(after, "between")).toBe("0");
    await life.net.until(() => COMPUTES.every((name) => life.registered(name).length === 1));
    expect(life.registered("compute-0")).toEqual(["1.0.0"]);
    expect(life.net.worker("compute-0").host.info?.runtimeVersion).toEqual(version(1));
    // The descriptor may forget what is over.
    await life.update((runtime) => {
      runtime.deployments = runtime.deployments.filter((known) => known?.validFrom === from);
    });
    expect(await life.makerOf(await life.insert("later", "2"))).toBe("1.0.0");
    expect(new Set(life.events)).toEqual(new Set(["started"]));
  });

  test("that only some nodes have is served by them alone", async () => {
    const upgraded = ["compute-0", "compute-1", "compute-2", "compute-3", "client-0"];
    await start(new Life(versions((node, { major }) => major === 0 || upgraded.includes(node))));
    await life.insert("old", "kept");
    const from = life.epoch + 2n;
    await announce(from);
    await life.reach(from);
    expect(life.committee).not.toContain("compute-4");
    const round = await life.insert("new", "1");
    expect([await life.makerOf(round), await life.textAt(round, "old")]).toEqual(["1.0.0", "kept"]);
    expect(life.registered("compute-4")).toEqual(["0.0.0"]);
  });

  test("that no node has suspends the runtime until the nodes get it; then it goes on where it was", async () => {
    let arrived = false;
    await start(new Life(versions((_, { major }) => major === 0 || arrived)));
    await life.insert("old", "kept");
    const from = life.epoch + 2n;
    await announce(from);
    await life.reach(from);
    expect(life.isSuspended).toBe(true);
    expect(life.events).toContain("suspended event");
    expect(life.events).toContain("suspended block");
    const { round } = life.net.worker("client-0").history.block(ROUND_LATEST)?.header ?? { round: 0n };
    arrived = true;
    await life.reach(from + 1n);
    await life.net.until(() => !life.isSuspended);
    expect(life.events.at(-1)).toBe("started");
    await life.reach(life.epoch + 2n);
    const after = await life.insert("new", "1");
    expect(after).toBeGreaterThan(round);
    expect([await life.makerOf(after), await life.textAt(after, "old")]).toEqual(["1.0.0", "kept"]);
  });

  test("that comes when the nodes have been restarted is taken up all the same", async () => {
    await start(new Life());
    const from = life.epoch + 3n;
    await announce(from);
    await life.net.until(() => COMPUTES.every((name) => life.registered(name).length === 2));
    const { disks } = life.net;
    await life.stop();
    await start(new Life(versions(), {}, new Map(disks)));
    await life.reach(from);
    expect(await life.makerOf(await life.insert("new", "1"))).toBe("1.0.0");
  });
});
