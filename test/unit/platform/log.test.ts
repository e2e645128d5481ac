import { describe, expect, test } from "vitest";
import { jsonLog } from "#platform/log.js";

describe("a log of JSON objects", () => {
  test("writes a line per message, with whole numbers of any size and without fields that are not there", () => {
    const lines: string[] = [];
    const log = jsonLog((line) => lines.push(line));
    log.warn("answer to no request", { id: 2n ** 64n - 1n, absent: undefined });
    log.child("part").debug("said\nmore");
    expect(lines).toEqual([
      '{"msg":"answer to no request","level":"WARN","id":"18446744073709551615"}\n',
      '{"msg":"said\\nmore","level":"DEBG"}\n',
    ]);
  });
});
