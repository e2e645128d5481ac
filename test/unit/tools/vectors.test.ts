import { describe, expect, test } from "vitest";
import { hasVectors, listVectors, vectors } from "../../vectors/support/vectors.ts";

describe("the loader of vectors", () => {
  test.skipIf(!hasVectors)("finds the folder of vectors and reads a file of it", () => {
    expect(listVectors("common").length).toBeGreaterThan(0);
    const first = listVectors("common").find((file) => file.endsWith(".json"));
    expect(typeof vectors<object>(first ?? "")).toBe("object");
  });

  test.skipIf(!hasVectors)("refuses a file that is not there by name", () => {
    if ((process.env["QANAT_VECTORS"] ?? "") !== "") return;
    expect(() => vectors("common/no-such-file.json")).toThrow("common/no-such-file.json");
  });
});
