import { describe, expect, test } from "vitest";
import { fromUtf8, toHex } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { consensusParametersCell } from "#consensus/app/parameters.js";
import { ReplayDifference } from "#consensus/replay/difference.js";
import { readHeight } from "#consensus/replay/recording.js";
import { RegistryParameters, registryParameters } from "#consensus/services/registry/params.js";
import type { UpgradeDescriptor } from "#consensus/services/governance/types.js";
import { UpgradeManager } from "#consensus/services/upgrades/index.js";
import { hasFile, openRecording, type Recording, startReplay } from "./support/recordings.ts";

const NAMES = ["node-upgrade-consensus240", "node-upgrade-consensus261"].filter((name) =>
  hasFile(name, "upgrades.json"),
);
const FALLBACK: UpgradeDescriptor = {
  v: 1,
  handler: "empty",
  target: {
    consensusProtocol: { major: 7, minor: 0, patch: 0 },
    runtimeHostProtocol: { major: 5, minor: 1, patch: 0 },
    runtimeCommitteeProtocol: { major: 5, minor: 0, patch: 0 },
  },
  epoch: 3n,
};

/** The first difference of a replay, after how many heights that agree. */
function difference(recording: Recording, disk?: MemoryDisk): [ReplayDifference, number] {
  const replay = startReplay(recording, { disk });
  let agreed = 0;
  try {
    for (const line of recording.lines) if (!replay.step(line).skipped) agreed++;
  } catch (error) {
    if (error instanceof ReplayDifference) return [error, agreed];
    throw error;
  }
  throw new TypeError("there is no difference");
}

function told(recording: Recording, change: Partial<UpgradeDescriptor>): Recording {
  const [first = FALLBACK] = recording.upgrades;
  return { ...recording, upgrades: [{ ...first, ...change }] };
}

describe.each(NAMES)("the recorded upgrade of %s", (name) => {
  const recording = openRecording(name);
  // The block in which the recorded handler ran.
  const upgradeHeight = name.endsWith("240") ? 11n : 13n;

  test("is missed when the node is not told: the state differs, and its keys are named", () => {
    const [found] = difference({ ...recording, upgrades: [] });
    expect(found.height).toBe(upgradeHeight);
    expect(found.what).toMatch(/^state/);
    expect(found.changes.length).toBeGreaterThan(0);
    expect(found.changes.every(({ service, key }) => service !== "unknown" && key.length > 0)).toBe(true);
  });

  test("runs once: an upgrade that is told twice is one", () => {
    const manager = new UpgradeManager();
    manager.submit(FALLBACK);
    expect(() => manager.submit(FALLBACK)).toThrow(/already pending/);
    expect(manager.upgrades).toHaveLength(1);
    manager.cancel(FALLBACK);
    expect(manager.upgrades).toEqual([]);
  });

  test("of a handler with a startup stage stops the node, which goes on after a restart", () => {
    const disk = new MemoryDisk();
    const test261 = told(recording, { handler: "__e2e-test-valid" });
    const [stopped] = difference(test261, disk);
    expect(stopped.height).toBe(upgradeHeight);
    expect(stopped.found).toContain('reached upgrade "__e2e-test-valid" at epoch 3');
    const [found, agreed] = difference(test261, disk);
    expect([found.height, agreed]).toEqual([upgradeHeight, 0]);
    // The entity of the test handler: signed descriptor and account.
    const added = found.changes.filter(({ before, after }) => before === undefined && after !== undefined);
    expect(added.map(({ key }) => key[0])).toEqual(expect.arrayContaining([0x10, 0x50]));
  });

  test("keeps transactions out of the pool while the node is stopped", () => {
    const replay = startReplay(told(recording, { handler: "__e2e-test-valid" }));
    for (const line of recording.lines) {
      if (replay.app.stopped !== undefined) break;
      replay.step(line);
    }
    expect(replay.app.stopped).toMatchObject({ height: upgradeHeight - 1n, epoch: 3n });
    const raw = recording.lines.map((line) => readHeight(line).block.data.txs[0]).find((tx) => tx !== undefined);
    expect(replay.app.checkTx(raw ?? new Uint8Array(0))).toMatchObject({ codespace: "consensus/transaction", code: 4 });
  });

  test.each([
    ["no handler of this program", { handler: "unheard-of" }],
    [
      "another consensus protocol",
      { target: { ...FALLBACK.target, consensusProtocol: { major: 8, minor: 0, patch: 0 } } },
    ],
  ])("with %s stops the node, and the same program does not start again", (_what, change) => {
    const disk = new MemoryDisk();
    const foreign = told(recording, change);
    expect(difference(foreign, disk)[0].height).toBe(upgradeHeight);
    expect(() => startReplay(foreign, { disk })).toThrow(Fault);
  });

  test("takes effect at the end of its block, for all later ones", () => {
    const replay = startReplay(recording);
    const before = consensusParametersCell.load(replay.app.stateAt(0n));
    for (const line of recording.lines) replay.step(line);
    const after = consensusParametersCell.load(replay.app.stateAt(0n));
    if (name.endsWith("240")) {
      expect([after.maxTxSize, after.maxBlockSize, after.maxBlockGas]).toEqual([131_072n, 4_194_304n, 5_000_000n]);
    } else expect(after.featureVersion).toEqual({ major: 26, minor: 1, patch: 0 });
    expect(after).not.toEqual(before);
  });

  test("may be joined by that of storage committees: until then every byte is v26.1's, then one parameter differs", () => {
    const [first = FALLBACK] = recording.upgrades;
    const joined = { ...recording, upgrades: [first, { ...first, handler: "storage-committees" }] };
    const [found, agreed] = difference(joined);
    const before = recording.lines.filter((line) => readHeight(line).block.header.height < upgradeHeight);
    expect([found.height, agreed]).toEqual([upgradeHeight, before.length]);
    // Of the services only the recorded upgrade's own changes and the gate: what v26.1 wrote, and the gate.
    const changed = found.changes.filter(({ service }) => service === "registry");
    expect(changed.map(({ key }) => toHex(key))).toEqual(["16"]);
    const replay = startReplay(recording);
    for (const line of recording.lines.slice(0, agreed + 1)) replay.step(line);
    const recorded = registryParameters.load(replay.app.stateAt(0n));
    const after = changed[0]?.after ?? new Uint8Array(0);
    expect(RegistryParameters.decode(after, "extended")).toEqual({ ...recorded, enableStorageCommittees: true });
  });

  test("survives a restart before each height", () => {
    const disk = new MemoryDisk();
    let last = "";
    for (const line of recording.lines) {
      const replay = startReplay(recording, { disk });
      replay.step(line);
      last = toHex(replay.app.appHash);
    }
    expect(last).toBe(toHex(readHeight(recording.lines.at(-1) ?? "").appHash));
    const kept = disk.openTable("upgrades").get(new TextEncoder().encode("descriptors"));
    expect(kept === undefined ? undefined : fromUtf8(kept)).toBeUndefined();
  });
});
