import { mkdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.js";

const system = tmpdir();
const made: string[] = [];
afterEach(() => {
  process.env["TMPDIR"] = system;
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function make(prefix: string): string {
  const folder = temporaryFolder(prefix);
  made.push(folder);
  return folder;
}

describe("a temporary folder", () => {
  test("is made where the system wants such folders, for this user alone", () => {
    const folder = make("qanat-a-");
    expect(dirname(folder)).toBe(system);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test("has a path short enough for sockets, however long that of the system's folder is", () => {
    const long = join(system, "long".repeat(20));
    made.push(long);
    mkdirSync(long);
    process.env["TMPDIR"] = long;
    expect(dirname(make("qanat-b-"))).toBe("/tmp");
  });

  test("that cannot be made is refused with the place where it was to be", () => {
    process.env["TMPDIR"] = "/nowhere";
    expect(() => make("qanat-c-")).toThrow(/^TMPDIR: cannot make a folder in \/nowhere: ENOENT/);
  });
});
