import { describe, expect, test } from "vitest";
import { concatBytes, fromHex, utf8 } from "#common/bytes.js";
import { snakeCase } from "#common/schema/struct.js";
import type { TransactionMethod } from "#consensus/app/define-service.js";
import { GasCostTable } from "#consensus/app/parameters.js";
import { EXECUTION_ORDER } from "#consensus/services/index.js";
import { Chance, encodePlain, generatedBody, plainBody } from "./bodies.ts";
import { RUNTIME_ID, said, TestChain } from "./support.ts";

/** The code of a body that does not decode, by the service that the method belongs to. */
const MALFORMED: Readonly<Record<string, string>> = {
  staking: "staking/1",
  registry: "registry/1",
  roothash: "roothash/1",
  governance: "governance/1",
  vault: "vault/1",
  keymanager: "keymanager/1",
  "keymanager/churp": "consensus/6",
};

/** Methods that look at something else first, or never at the body. */
const OTHERWISE: Readonly<Record<string, string>> = {
  // Switched off on chains whose epochs are real.
  "beacon.SetEpoch": "unknown/1",
  // Too early in the epoch for proofs.
  "beacon.VRFProve": "unknown/1",
  // The body is ignored, and the account belongs to no entity with nodes or has runtimes.
  "registry.DeregisterEntity": "registry/19",
};

const methods: readonly TransactionMethod[] = EXECUTION_ORDER.flatMap((service) => service.transactions);
const malformedCode = ({ method }: TransactionMethod): string =>
  OTHERWISE[method] ?? MALFORMED[method.slice(0, method.lastIndexOf("."))] ?? "none";

/** Encodings that are no body of any method. */
const WRONG: readonly (readonly [string, Uint8Array])[] = [
  ["an integer", Uint8Array.of(0x01)],
  ["a negative integer", Uint8Array.of(0x20)],
  ["a text", concatBytes(Uint8Array.of(0x65), utf8("hello"))],
  ["a list of one", Uint8Array.of(0x81, 0x01)],
  ["true", Uint8Array.of(0xf5)],
  ["a float", fromHex("f93e00")],
  ["bytes", fromHex("4401020304")],
  ["an unknown field", encodePlain(new Map([["no such field", 1]]))],
  ["a key that is no text", encodePlain(new Map([[1, 1]]))],
];

/** Encodings that the protocol forbids anywhere: with them a transaction cannot even be opened. */
const BROKEN: readonly (readonly [string, Uint8Array])[] = [
  ["a tag", fromHex("c1a0")],
  ["a map without end", fromHex("bfff")],
  ["a map that is cut off", fromHex("a1")],
  ["a map that says it has 2^63 entries", fromHex("bb8000000000000000")],
  ["bytes that say they have 2^63", fromHex("5b8000000000000000")],
  ["nested lists without end", new Uint8Array(1000).fill(0x81)],
  ["lists nested a thousand deep", concatBytes(new Uint8Array(1000).fill(0x81), Uint8Array.of(0xf6))],
];

/** Whether a field of a body takes any encoded item. */
function takesAnything({ body }: TransactionMethod, wireName: string): boolean {
  const { description: d } = body;
  if (d.kind !== "struct") return false;
  return Object.entries(d.fields).some(
    ([name, field]) => (field.wireName ?? snakeCase(name)) === wireName && field.description.kind === "raw",
  );
}

describe("bodies of transactions", () => {
  const plainChain = new TestChain();
  const extended = (): TestChain =>
    new TestChain(({ registry }) => void (registry.params.enableStorageCommittees = true));
  const chain = extended();
  /** How transactions with these bodies end, one after the other. */
  const results = ({ method }: TransactionMethod, bodies: Iterable<Uint8Array>): string[] =>
    chain.tryOut(...Array.from(bodies, (body, i) => chain.raw(method, body, { nonce: BigInt(i) }))).map(said);

  test.each(methods.map((method) => [method.method, method] as const))(
    "%s refuses what is no body with its own code, extra fields and fields of other types too",
    (_, method) => {
      const bodies = new Map(WRONG);
      if (method.method === "registry.ProveFreshness") {
        // An array of bytes of any length, or a list of them, is a blob.
        for (const label of ["bytes", "a list of one"]) bodies.delete(label);
      }
      const plain = plainBody(method.body);
      if (plain !== undefined) {
        bodies.set("an extra field", encodePlain(new Map([...plain, ["zzz", null]])));
        for (const name of plain.keys()) {
          if (takesAnything(method, name)) continue;
          bodies.set(`a float as ${name}`, encodePlain(new Map([...plain, [name, 1.5]])));
          bodies.set(`a list of lists as ${name}`, encodePlain(new Map([...plain, [name, [[], []]]])));
        }
      }
      const found = results(method, bodies.values());
      const expected = malformedCode(method);
      expect([...bodies.keys()].map((label, i) => `${label}: ${found[i]}`)).toEqual(
        [...bodies.keys()].map((label) => `${label}: ${expected}`),
      );
    },
  );

  test.each(methods.filter(({ enabled }) => enabled !== undefined).map(({ method }) => [method]))(
    "%s, a method of an extension, is no method on a chain without it, whatever its body",
    (method) => {
      const bodies = [new Uint8Array(0), ...WRONG.map(([, body]) => body)];
      const raws = bodies.map((body, i) => plainChain.raw(method, body, { nonce: BigInt(i) }));
      const none = plainChain.raw("roothash.Nothing", new Uint8Array(0), { nonce: BigInt(raws.length) });
      const [like, ...others] = plainChain.tryOut(none, ...raws);
      for (const result of others) {
        expect({ ...result, log: "" }).toEqual({ ...like, log: "", gasWanted: result.gasWanted });
        expect(result.log).toBe(`mux: unknown method: ${method}`);
      }
    },
  );

  test("what the protocol forbids anywhere keeps a transaction shut", () => {
    for (const { method } of methods) {
      for (const result of chain.tryOut(...BROKEN.map(([, body]) => chain.raw(method, body)))) {
        expect([said(result), result.gasWanted]).toEqual(["unknown/1", 0n]);
      }
    }
  });

  test.each(methods.map((method) => [method.method, method] as const))(
    "%s takes null, nothing and missing fields as zero values and answers with a code",
    (_, method) => {
      const plain = plainBody(method.body);
      const bodies: Uint8Array[] = [new Uint8Array(0), Uint8Array.of(0xf6), Uint8Array.of(0xa0)];
      for (const name of plain?.keys() ?? []) {
        bodies.push(encodePlain(new Map([...(plain ?? [])].filter(([key]) => key !== name))));
        bodies.push(encodePlain(new Map([...(plain ?? []), [name, null]])));
      }
      for (const result of results(method, bodies)) expect(result).toMatch(/^(ok|[a-z]+(\/[a-z]+)*\/\d+)$/);
    },
  );

  test("bodies made by chance always get an answer, and the chain goes on", () => {
    const seed = 1 + Math.floor(Math.random() * 2_000_000_000);
    const chance = new Chance(seed);
    const own = extended();
    const counts = new Map<string, number>();
    for (const method of methods) {
      const nonce = { value: 0n };
      const raws = Array.from({ length: 40 }, () => {
        const body = generatedBody(method.body, chance);
        // The network's runtime is what most methods ask for first.
        const aimed = chance.below(3) === 0 ? aimedAtRuntime(body) : body;
        return own.raw(method.method, aimed, { nonce: nonce.value++ });
      });
      let results;
      try {
        results = own.tryOut(...raws);
      } catch (error) {
        throw new Error(`seed ${seed}, ${method.method}: ${String(error)}`, { cause: error });
      }
      expect(results).toHaveLength(40);
      for (const result of results) {
        counts.set(said(result), (counts.get(said(result)) ?? 0) + 1);
        if (result.code !== 0) expect(result.codespace, `seed ${seed}`).not.toBe("");
      }
    }
    expect(counts.size, `seed ${seed}: ${[...counts.keys()].join(" ")}`).toBeGreaterThan(5);
    expect(own.block().results.map(said)).toEqual(["ok"]);
  });
});

/** Puts the identifier of the network's runtime where some other identifier of 32 bytes stands first. */
function aimedAtRuntime(body: Uint8Array): Uint8Array {
  for (let i = 0; i + 34 <= body.length; i++) {
    if (body[i] !== 0x58 || body[i + 1] !== 0x20) continue;
    const out = Uint8Array.from(body);
    out.set(RUNTIME_ID, i + 2);
    return out;
  }
  return body;
}

test("gas operations of a parameter change are as many and as long as a transaction has room for", () => {
  const names = Array.from({ length: 300 }, (_, i) => `${"operation ".repeat(10)}${i}`);
  const costs = new Map(names.map((name) => [name, 7n]));
  const table = GasCostTable.decode(encodePlain(costs), "untrusted");
  expect(table.size).toBe(300);
  expect(table.get(names[299] as string)).toBe(7n);
});
