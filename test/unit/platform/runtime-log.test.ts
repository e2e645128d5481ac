import { describe, expect, test } from "vitest";
import { lineLog } from "#platform/log.js";
import { relayedLog } from "#platform/runtime-log.js";

/** What is logged when a runtime writes a line to its standard error. */
function logged(line: string): string {
  let text = "";
  const log = lineLog({ level: "debug", nowMs: () => 0, write: (out) => (text += out) });
  relayedLog(log.child("runtime")).warn(line);
  return text.replace("1970-01-01T00:00:00.000Z ", "");
}

describe("what a runtime writes", () => {
  test.each<[string, string]>([
    [
      '{"msg":"Runtime is starting","level":"INFO","ts":"2026-11-21T18:46:13.38Z","module":"runtime"}',
      "info  runtime: Runtime is starting module=runtime\n",
    ],
    ['{"msg":"round","level":"DEBG","round":3,"check_only":false}', "debug runtime: round round=3 check_only=false\n"],
    ['{"level":"ERRO","msg":"Failed","err":"two words"}', 'error runtime: Failed err="two words"\n'],
    ['{"level":"CRIT","msg":"Gone"}', "error runtime: Gone\n"],
  ])("as a line of its log is logged at that line's level: %s", (line, expected) => {
    expect(logged(line)).toBe(expected);
  });

  test("as a line that was cut off is logged at its level", () => {
    expect(logged('{"msg":"Batch","level":"DEBG","round_results":"Round')).toMatch(/^debug runtime: \{/);
  });

  test.each([
    "panicked at src/main.rs:1:1",
    '{"msg":"no level"}',
    '{"msg":"odd","level":"LOUD"}',
    '{"msg":{"not":"text"},"level":"INFO!"}',
    "{",
    "[1]",
    "",
  ])("as anything else is logged as it came: %s", (line) => {
    expect(logged(line)).toBe(`warn  runtime: ${line}\n`);
  });

  test("after it was ended is dropped", () => {
    const lines: string[] = [];
    const relayed = relayedLog(lineLog({ level: "debug", write: (line) => lines.push(line) }));
    relayed.info("before");
    relayed.end();
    relayed.info("after");
    relayed.warn("after");
    expect(lines).toHaveLength(1);
  });

  test("cannot forge lines or flood one with fields", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, i]));
    const line = JSON.stringify({ msg: "a\nb", level: "INFO", "odd name": 1, deep: { x: 1 }, ...many });
    expect(logged(line).split("\n")).toHaveLength(2);
    expect(logged(line).split("=").length).toBeLessThan(20);
    expect(logged(line)).not.toContain("odd name");
  });
});
