import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { LogStore } from "#platform/managed/component-log.js";
import { lineLog } from "#platform/log.js";

const folder = mkdtempSync(join(tmpdir(), "qanat-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a component's lines are kept for this user only, and go where they went before", () => {
  const seen: string[] = [];
  const store = new LogStore(folder);
  const log = store.keep("rofl.first", lineLog({ level: "debug", write: (line) => seen.push(line) }));
  log.info("hello", { round: 7n });
  const [line = ""] = store.read("rofl.first", 0n);
  expect(JSON.parse(line)).toMatchObject({ level: "info", msg: "hello", round: "7" });
  expect(seen).toHaveLength(1);
  expect(statSync(join(folder, "rofl.first", "log")).mode & 0o777).toBe(0o600);
});

test("a component that still writes after its log was removed harms nobody", () => {
  const seen: string[] = [];
  const store = new LogStore(folder);
  const log = store.keep("rofl.second", lineLog({ level: "debug", write: (line) => seen.push(line) }));
  store.remove("rofl.second");
  log.warn("last words");
  expect(seen).toHaveLength(1);
  expect(store.read("rofl.second", 0n)).toEqual([]);
});
