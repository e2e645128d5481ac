import { describe, expect, test } from "vitest";
import { fromUtf8, utf8 } from "#common/bytes.js";
import { CodedError, DecodeError, InvalidInput } from "#common/errors/index.js";
import { type Json, parseJson, printJson } from "#common/json.js";
import { checkGenesis } from "#consensus/genesis/check.js";
import { chainContext, type GenesisDocument, parseGenesis } from "#consensus/genesis/document.js";
import { ReplayDifference } from "#consensus/replay/difference.js";
import { RECORDING_FLAGS } from "#consensus/replay/replay.js";
import { vectorText } from "../support/vectors.ts";
import { Random } from "../../unit/mkvs/support/random.ts";
import { openRecording, recordingNames, runThrough, startReplay } from "./support/recordings.ts";

type Path = readonly (string | number)[];

/** Every value of a document that is no container, with the way to it. */
function* leaves(value: Json, path: Path = []): Generator<[Path, Json]> {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* leaves(item as Json, [...path, i]);
  else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* leaves(item as Json, [...path, key]);
  } else yield [path, value];
}

/** The document with another value at the end of a way. */
function replaced(value: Json, path: Path, leaf: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return leaf;
  if (Array.isArray(value)) return value.map((item: Json, i) => (i === step ? replaced(item, rest, leaf) : item));
  const object = value as { readonly [key: string]: Json };
  return { ...object, [step]: replaced(object[step] ?? null, rest, leaf) };
}

/** What reading and checking a document says; anything but the three kinds of refusal is a bug and leaves here. */
function verdict(json: Json): { field: string; reason: string } | undefined {
  let document: GenesisDocument;
  try {
    document = parseGenesis(printJson(json));
  } catch (error) {
    if (error instanceof DecodeError) return { field: error.path, reason: error.reason };
    if (error instanceof InvalidInput || error instanceof CodedError) return { field: "", reason: error.message };
    throw error;
  }
  return checkGenesis(document, RECORDING_FLAGS)[0];
}

/** A short recording, of which the first height is replayed as it is. */
const recording = openRecording("debond");
const [, second = ""] = recording.lines;

/** The difference that a changed second line makes. */
function differenceOf(line: string): ReplayDifference {
  const replay = startReplay(recording, { verifyCommits: true });
  runThrough(replay, recording, 1);
  try {
    replay.step(line);
  } catch (error) {
    if (error instanceof ReplayDifference) return error;
    throw error;
  }
  throw new TypeError("the damage was not noticed");
}

/** The line with one bit of a character flipped so that it stays a hexadecimal digit or a letter. */
function flip(line: string, at: number): string {
  return line.slice(0, at) + String.fromCharCode(line.charCodeAt(at) ^ 1) + line.slice(at + 1);
}

describe("a damaged recording", () => {
  const texts = "block commit app_hash last_results_hash consensus_param_updates data codespace type key value";
  const numbers = "height gas_wanted gas_used";
  const fields = [...texts.split(" ").map((key) => `"${key}":"`), ...numbers.split(" ").map((key) => `"${key}":`)];
  for (const field of fields) {
    test(`with one flipped bit in ${field.replaceAll('"', "").replace(":", "")} differs at its height`, () => {
      const at = second.indexOf(field);
      if (at < 0) throw new TypeError(`${field} is not in the line`);
      const start = at + field.length;
      // A flipped bit in the middle of long values, past what only names a length.
      const end = second.slice(start).search(/[",}]/);
      const place = start + (end > 40 ? Math.floor(end / 2) : 0);
      const difference = differenceOf(flip(second, end === 0 ? start - 1 : place));
      expect(difference.height).toBe(field === '"height":' ? 3n : 2n);
      expect(difference.what).not.toBe("");
      expect(difference.message).toContain(`height ${difference.height}`);
    });
  }

  test("with a flipped bit anywhere in a block or commit is noticed", () => {
    const seed = Date.now();
    let random = seed % 2_147_483_647;
    const next = (limit: number): number => {
      random = (random * 48_271) % 2_147_483_647;
      return random % limit;
    };
    for (const field of ['"block":"', '"commit":"']) {
      const start = second.indexOf(field) + field.length;
      const size = second.indexOf('"', start) - start;
      for (let i = 0; i < 40; i++) {
        const at = start + next(size);
        const digit = Number.parseInt(second[at] ?? "0", 16) ^ (1 << next(4));
        const line = second.slice(0, at) + digit.toString(16) + second.slice(at + 1);
        expect(() => differenceOf(line), `seed ${seed}, character ${at} of the line`).not.toThrow();
      }
    }
  });

  test("names the transaction, method and service whose gas differs", () => {
    const line = second.replace(/"gas_used":\d+/, '"gas_used":7');
    const { what, place, expected } = differenceOf(line);
    expect(what).toMatch(/^gas used by transaction 0 \(/);
    expect(expected).toBe("7");
    expect(place).toMatchObject({ transaction: 0, service: expect.any(String) as string });
  });

  test("with a missing or unknown key is not readable, and says which", () => {
    expect(differenceOf(second.replace('"app_hash"', '"app_hast"')).expected).toContain('unknown key "app_hast"');
    expect(differenceOf("{}").what).toBe("height");
    expect(differenceOf(second.slice(0, -5)).expected).toMatch(/JSON/);
  });

  test("in which a height is missing says which one was expected", () => {
    const { height, found } = differenceOf(recording.lines[2] ?? "");
    expect([height, found]).toEqual([3n, "2"]);
  });
});

describe("a genesis document", () => {
  test.each(recordingNames)("of the recording %s is sound", (name) => {
    const document = parseGenesis(vectorText(`chains/${name}/genesis.json`));
    expect(checkGenesis(document, RECORDING_FLAGS)).toEqual([]);
  });

  test("of a development network is refused without the debug flags, by field", () => {
    const flags = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };
    const fields = checkGenesis(recording.document, flags).map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(["beacon.params.debug_mock_backend", "registry.params"]));
  });

  const json = parseJson(vectorText("chains/debond/genesis.json"));

  test("with any value of a wrong type is refused, and the field is named", () => {
    for (const [path, value] of leaves(json)) {
      if (value === null) continue;
      const wrong: Json = typeof value === "boolean" ? "yes" : true;
      const found = verdict(replaced(json, path, wrong));
      const named = path.filter((step) => typeof step === "string").find((step) => found?.field.includes(step));
      expect(named, `${path.join(".")}: ${found?.field ?? "accepted"}`).toBeDefined();
    }
  });

  test("with any number made negative or huge, or any text cut, is read or refused but never crashes", () => {
    for (const [path, value] of leaves(json)) {
      const damaged: Json[] = [];
      if (typeof value === "number" || typeof value === "bigint") damaged.push(-1, 2n ** 64n, 2n ** 63n);
      if (typeof value === "string") damaged.push(value.slice(0, -1), `${value}0`, "");
      for (const wrong of damaged) {
        const found = verdict(replaced(json, path, wrong));
        if (found !== undefined) expect(found.reason, path.join(".")).not.toBe("");
      }
    }
  }, 600_000);

  test("with one flipped bit anywhere inside a signed descriptor is refused, and the descriptor is named", () => {
    const random = new Random();
    for (const list of ["nodes", "entities"]) {
      for (let i = 0; i < 60; i++) {
        const path = ["registry", list, 0, "untrusted_raw_value"];
        const found = [...leaves(json)].find(([at]) => at.join() === path.join());
        const blob = Buffer.from(found?.[1] as string, "base64");
        const place = random.below(blob.length);
        blob[place] = (blob[place] ?? 0) ^ (1 << random.below(8));
        const { field, reason } = verdict(replaced(json, path, blob.toString("base64"))) ?? {
          field: "accepted",
          reason: "",
        };
        expect(field, `${random.label}, ${list}, byte ${place}: ${reason}`).toContain(`registry.${list}[0]`);
      }
    }
  });

  test("with one flipped bit anywhere in its text is refused with a reason, is another chain, or means the same", () => {
    const random = new Random();
    const text = utf8(vectorText("chains/debond/genesis.json"));
    const own = chainContext(parseGenesis(fromUtf8(text)));
    const outcomes = { refused: 0, "another chain": 0, "the same": 0 };
    for (let i = 0; i < 150; i++) {
      const damaged = text.slice();
      const place = random.below(damaged.length);
      damaged[place] = (damaged[place] ?? 0) ^ (1 << random.below(7));
      let json: Json;
      try {
        json = parseJson(fromUtf8(damaged));
      } catch (error) {
        expect(error, `${random.label}, byte ${place}`).toBeInstanceOf(DecodeError);
        outcomes.refused++;
        continue;
      }
      const found = verdict(json);
      if (found !== undefined) {
        expect(found.reason, `${random.label}, byte ${place}`).not.toBe("");
        outcomes.refused++;
      } else outcomes[chainContext(parseGenesis(printJson(json))) === own ? "the same" : "another chain"]++;
    }
    // Names of members that have their zero value may change without any effect, as in the reference.
    expect(outcomes.refused + outcomes["another chain"], random.label).toBeGreaterThan(120);
  });

  const damages: readonly [Path, Json, string][] = [
    [["height"], 0, "height"],
    [["chain_id"], " ", "chain_id"],
    [["beacon", "params", "backend"], "dice", "beacon.params.backend"],
    [["beacon", "base"], 2n ** 64n - 1n, "beacon.base"],
    [["staking", "token_symbol"], "test", "staking.token_symbol"],
    [["staking", "total_supply"], "1", "staking.total_supply"],
    [["staking", "governance_deposits"], "1", "governance.proposals"],
    [["governance", "params", "stake_threshold"], 50, "governance.params"],
    [["governance", "params", "voting_period"], 1000, "governance.params"],
    [["vault"], { params: { enabled: true } }, "vault.params"],
    [["scheduler", "params", "max_validators_per_entity"], 0, "registry.nodes"],
    [["consensus", "params", "timeout_commit"], 1, "consensus.params.timeout_commit"],
    [["registry", "nodes", 0, "signatures", 0, "signature"], `${"A".repeat(86)}==`, "registry.nodes[0]"],
    [["registry", "entities", 0, "signature", "signature"], `${"A".repeat(86)}==`, "registry.entities[0]"],
  ];
  for (const [path, value, field] of damages) {
    test(`with ${path.join(".")} = ${printJson(value).slice(0, 30)} is refused at ${field}`, () => {
      // Recordings skip the time-out, which would make its value indifferent.
      const timed = replaced(json, ["consensus", "params", "skip_timeout_commit"], false);
      expect(verdict(replaced(timed, path, value))?.field).toBe(field);
    });
  }
});
