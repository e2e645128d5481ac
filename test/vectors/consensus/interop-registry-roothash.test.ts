import { expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import type { Schema } from "#common/schema/index.js";
import { MultiSigned } from "#common/crypto/signed.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { RoundRoots, RuntimeState } from "#consensus/services/roothash/types.js";
import { describeVectors } from "../support/vectors.ts";

interface Pair {
  what: string;
  key: string;
  value: string;
}

const TYPES: Record<string, Schema<unknown>> = {
  "registry/signed-node": MultiSigned,
  "registry/runtime": Runtime,
  "registry/suspended-runtime": Runtime,
  "roothash/runtime-state": RuntimeState,
  "roothash/past-roots": RoundRoots,
};

describeVectors<{ pairs: Pair[] }>("consensus/state_interop_kv.json", ({ pairs }) => {
  const known = pairs.filter((pair) => TYPES[pair.what] !== undefined);
  it.each(known.map((pair) => [pair.what, pair.key, pair] as const))("%s at %s round-trips", (what, _key, pair) => {
    const schema = TYPES[what] as Schema<unknown>;
    expect(toHex(schema.encode(schema.decode(fromHex(pair.value))))).toBe(pair.value);
    expect(schema.fromJson(schema.toJson(schema.decode(fromHex(pair.value))))).toBeDefined();
  });

  const nodes = pairs.filter((pair) => pair.what === "registry/signed-node");
  it.each(nodes.map((pair) => [pair.key, pair] as const))("the descriptor inside %s round-trips", (_key, pair) => {
    const { untrustedRawValue } = MultiSigned.decode(fromHex(pair.value));
    expect(toHex(Node.encode(Node.decode(untrustedRawValue)))).toBe(toHex(untrustedRawValue));
  });
});
