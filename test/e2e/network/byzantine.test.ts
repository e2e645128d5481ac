import { describe, expect, test } from "vitest";
import { processes } from "./support/processes.ts";
import type { Event } from "./support/qanat.ts";

const net = processes("net", "--json", "--port", "0");

const height = (event: Event): number => event.height as number;

describe("qanat net --byzantine", () => {
  test("shows how the lies of a node are disputed, decided against it and paid for within three blocks", async () => {
    const liar = net("--byzantine", "compute-1=wrong-results");
    const slashed = await liar.event("slashed");
    const resolved = await liar.event("resolved");
    const discrepancy = liar.events.find((e) => e.event === "discrepancy" && e.round === resolved.round) as Event;
    expect(discrepancy).toMatchObject({ rank: expect.any(Number), timeout: false });
    expect(slashed).toMatchObject({ amount: "1000000000000", reason: "runtime-incorrect-results" });
    expect(slashed.entity).toMatch(/^oasis1/);
    expect(height(resolved) - height(discrepancy)).toBeLessThanOrEqual(3);
    expect(height(slashed)).toBe(height(resolved));
    const round = await liar.event("round", (e) => e.round === resolved.round);
    expect(round).toMatchObject({ finalized_by: "backup" });
  });

  test("shows how a node that contradicts itself is told on and pays", async () => {
    const slashed = await net("--byzantine", "compute-2=equivocate").event("slashed");
    expect(slashed).toMatchObject({ amount: "500000000000", reason: "runtime-equivocation" });
  });

  test("goes on without a silent node", async () => {
    const { code } = await net("--rounds", "20", "--byzantine", "compute-0=straggler").exited;
    expect(code).toBe(0);
  });

  test("goes on with the receipts of two storage nodes when the third keeps nothing", async () => {
    const started = net("--byzantine", "storage-1=no-store");
    const { signers } = await started.event("receipts");
    expect(signers).toEqual(["storage-0", "storage-2"]);
  });

  test("names what it does not know", async () => {
    const [node, way, none] = await Promise.all([
      net("--byzantine", "compute-9=failure").exited,
      net("--byzantine", "compute-1=laziness").exited,
      net("--no-receipts", "--byzantine", "storage-1=no-store").exited,
    ]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('got "storage-1=no-store"') });
    expect(node).toMatchObject({ code: 2, stderr: expect.stringContaining('got "compute-9=failure"') });
    expect(way).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown way "laziness"') });
  });
});

describe("qanat net", () => {
  test("shows who has signed that a round is kept; with --no-receipts nobody has to", async () => {
    const plain = net("--no-receipts", "--rounds", "3");
    const started = net("--rounds", "3");
    const receipts = await started.event("receipts");
    const round = await started.event("round", (e) => e.round === receipts.round);
    expect(round).toMatchObject({ finalized_by: "workers" });
    expect(receipts.signers).toHaveLength(2);
    for (const signer of receipts.signers as string[]) expect(signer).toMatch(/^storage-[012]$/);
    await started.exited;
    expect(started.events.filter((e) => e.event === "receipts").length).toBeGreaterThanOrEqual(3);
    expect(await plain.exited).toMatchObject({ code: 0 });
    expect(plain.events.some((e) => e.event === "receipts")).toBe(false);
  });
});
