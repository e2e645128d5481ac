import { describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { nextPemBlock } from "#common/tee/pem-blocks.js";

/** Type and bytes of every block of a text. */
function blocks(text: string): string[] {
  const out: string[] = [];
  let at = 0;
  for (;;) {
    const block = nextPemBlock(text, at);
    if (block === undefined) return out;
    out.push(`${block.type}:${toHex(block.bytes)}`);
    at = block.end;
  }
}

// "AQID" is 01 02 03. Each expectation was taken from Go's encoding/pem.
describe("PEM blocks", () => {
  const good = "-----BEGIN A-----\nAQID\n-----END A-----\n";

  test("are found one after the other, with any text between them", () => {
    expect(blocks(good + good)).toEqual(["A:010203", "A:010203"]);
    expect(blocks(`junk\n${good}more junk\n${good}rest`)).toEqual(["A:010203", "A:010203"]);
    expect(blocks("")).toEqual([]);
    expect(blocks("no block at all")).toEqual([]);
  });

  test("begin at the beginning of a line", () => {
    expect(blocks(`junk${good}`)).toEqual([]);
    expect(blocks(`junk${good}${good}`)).toEqual(["A:010203"]);
  });

  test("may have blanks at the ends of lines, inside their text, and other line ends", () => {
    expect(blocks("-----BEGIN A-----  \t\r\nAQ ID\t\r\n-----END A----- \t\r\n")).toEqual(["A:010203"]);
    expect(blocks("-----BEGIN A-----\nA\nQ\nI\nD\n-----END A-----")).toEqual(["A:010203"]);
    expect(blocks("-----BEGIN A-----\nAQID\n-----END A-----x\n")).toEqual([]);
  });

  test("may have headers, which need a line of their own before the end", () => {
    expect(blocks("-----BEGIN A-----\nKey: value\n\nAQID\n-----END A-----\n")).toEqual(["A:010203"]);
    expect(blocks("-----BEGIN A-----\nKey: value\nAQID\n-----END A-----\n")).toEqual(["A:010203"]);
    expect(blocks("-----BEGIN A-----\nKey: value\n-----END A-----\n")).toEqual([]);
    expect(blocks(`-----BEGIN A-----\nKey: value\n-----END A: x-----\n${good}`)).toEqual([]);
  });

  test("of which only the last beginning has an end are read from there", () => {
    expect(blocks(`-----BEGIN B-----\nAQID\n${good}`)).toEqual(["A:010203"]);
  });

  test("with another end, malformed text or no type line are skipped", () => {
    expect(blocks(`-----BEGIN A-----\nAQID\n-----END B-----\n${good}`)).toEqual(["A:010203"]);
    expect(blocks(`-----BEGIN A-----\nAQ*D\n-----END A-----\n${good}`)).toEqual(["A:010203"]);
    expect(blocks(`-----BEGIN A----\nAQID\n-----END A-----\n${good}`)).toEqual(["A:010203"]);
  });

  test("may be empty", () => {
    expect(blocks("-----BEGIN A-----\n-----END A-----\n")).toEqual(["A:"]);
    expect(blocks("-----BEGIN A-----\n\n-----END A-----\n")).toEqual(["A:"]);
  });

  test("are looked for in linear time in text full of beginnings and ends", () => {
    const ends = "\n-----END A-----".repeat(20_000);
    const begins = "-----BEGIN A-----\n".repeat(20_000);
    expect(blocks(ends)).toEqual([]);
    expect(blocks(begins + ends)).toEqual(["A:"]);
    expect(blocks("-----BEGIN A-----\na:b\n".repeat(20_000))).toEqual([]);
  });
});
