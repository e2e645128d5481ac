import { afterEach, expect, test } from "vitest";
import { ROLE_STORAGE } from "#common/node-roles.js";
import { getNode } from "#consensus/services/registry/state.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { Life, versions } from "./support/life.ts";

let life: Life;
afterEach(() => life.stop());

/** How many storage nodes have a registration that has not expired. */
function storageNodes(): number {
  return ["storage-0", "storage-1", "storage-2"].filter((name) => {
    const { node } = life.net.network.node(name).identity;
    const found = getNode(life.state, node.publicKey);
    return found?.roles === ROLE_STORAGE && found.expiration >= life.epoch;
  }).length;
}

test("storage nodes leave when the runtime needs no receipts any more, and come back when it does", async () => {
  life = new Life(versions(), { receipts: true });
  await life.start();
  const first = await life.insert("a", "1");
  expect(storageNodes()).toBe(3);
  const wanted = life.descriptor.storage.committee;
  await life.update((runtime) => {
    runtime.storage = { ...runtime.storage, committee: undefined } as Runtime["storage"];
  });
  await life.reach(life.epoch + 4n);
  expect(life.isSuspended).toBe(false);
  expect(await life.insert("b", "2")).toBeGreaterThan(first);
  expect(storageNodes()).toBe(0);
  for (const name of ["storage-0", "storage-1", "storage-2"]) {
    expect(life.net.network.node(name).registrationAttempts?.lastError).toBeUndefined();
  }

  await life.update((runtime) => {
    const committee = { ...wanted, validFrom: life.epoch + 4n } as NonNullable<typeof wanted>;
    runtime.storage = { ...runtime.storage, committee } as Runtime["storage"];
  });
  await life.reach(life.epoch + 6n);
  expect(storageNodes()).toBe(3);
  expect(life.isSuspended).toBe(false);
  const last = await life.insert("c", "3");
  expect(await life.textAt(last, "a")).toBe("1");
  expect(await life.textAt(last, "c")).toBe("3");
});
