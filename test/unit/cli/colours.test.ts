import { expect, test } from "vitest";
import { wantsColours } from "../../../src/cli/colours.ts";

test("a terminal gets colours, a pipe does not", () => {
  expect(wantsColours(true, {})).toBe(true);
  expect(wantsColours(true, { TERM: "xterm" })).toBe(true);
  expect(wantsColours(true, { TERM: "dumb" })).toBe(false);
  expect(wantsColours(false, { TERM: "xterm" })).toBe(false);
  // A stream that is no terminal does not have the member at all.
  expect(wantsColours(undefined, {})).toBe(false);
});

test("continuous integration alone is no reason for colours in a pipe", () => {
  const environment = { CI: "true", TERM: "xterm" };
  expect(wantsColours(false, environment)).toBe(false);
});

test("FORCE_COLOR and NO_COLOR decide before the stream does, and FORCE_COLOR first, as in Node.js", () => {
  expect(wantsColours(false, { FORCE_COLOR: "1" })).toBe(true);
  expect(wantsColours(true, { FORCE_COLOR: "0" })).toBe(false);
  expect(wantsColours(true, { NO_COLOR: "1" })).toBe(false);
  expect(wantsColours(true, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(true);
  expect(wantsColours(true, { FORCE_COLOR: "", NO_COLOR: "" })).toBe(true);
});
