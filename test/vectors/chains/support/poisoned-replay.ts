/**
 * A program of its own: replays recordings in an environment that tells nothing twice the same way. Time, chance and
 * locale throw when they are asked, maps and sets come in a random order, and every tenth height the application is
 * opened anew on its disk. Since a replay compares everything with the recording, reaching the end means agreeing.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { toHex } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { parseGenesis } from "#consensus/genesis/document.js";
import { readUpgrades } from "#consensus/replay/recording.js";
import { Replay } from "#consensus/replay/replay.js";

const RESTART_EVERY = 10;

function forbidden(what: string): () => never {
  return () => {
    throw new TypeError(`${what} was asked`);
  };
}

/** Puts something else in the place of a member of a built-in. */
function replace(target: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

let state = Number(process.argv[2] ?? "1") % 2_147_483_647 || 1;

function shuffled<T>(list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    state = (state * 48_271) % 2_147_483_647;
    const j = state % (i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

/** Makes every walk over a map or set a walk over a shuffled copy. */
function shuffleWalks(prototype: object, names: readonly PropertyKey[]): void {
  for (const name of names) {
    const walk = Reflect.get(prototype, name) as () => Iterable<unknown>;
    const all = function* (this: unknown): Generator<unknown> {
      const items: unknown[] = [];
      const iterator = walk.call(this)[Symbol.iterator]();
      for (let step = iterator.next(); step.done !== true; step = iterator.next()) items.push(step.value);
      yield* shuffled(items);
    };
    replace(prototype, name, all);
  }
  replace(prototype, "forEach", function (this: Map<unknown, unknown>, body: (...args: unknown[]) => void) {
    for (const [key, value] of this.entries()) body(value, key, this);
  });
}

function poison(): void {
  replace(globalThis, "Date", forbidden("Date"));
  replace(globalThis.performance, "now", forbidden("performance.now"));
  replace(Math, "random", forbidden("Math.random"));
  replace(globalThis.crypto, "getRandomValues", forbidden("crypto.getRandomValues"));
  replace(String.prototype, "localeCompare", forbidden("localeCompare"));
  for (const prototype of [Number.prototype, BigInt.prototype, Array.prototype, String.prototype]) {
    for (const name of ["toLocaleString", "toLocaleUpperCase", "toLocaleLowerCase"]) {
      replace(prototype, name, forbidden(name));
    }
  }
  const { sort } = Array.prototype;
  replace(Array.prototype, "sort", function (this: unknown[], order?: (a: unknown, b: unknown) => number) {
    if (order === undefined) throw new TypeError("sort without an order was asked");
    return sort.call(this, order);
  });
  shuffleWalks(Map.prototype, ["entries", "keys", "values", Symbol.iterator]);
  shuffleWalks(Set.prototype, ["entries", "keys", "values", Symbol.iterator]);
}

interface Input {
  readonly name: string;
  readonly genesis: string;
  readonly upgrades: string | undefined;
  readonly lines: readonly string[];
}

function read(folder: string): Input {
  const text = (file: string): string => readFileSync(join(folder, file), "utf8");
  const upgrades = existsSync(join(folder, "upgrades.json")) ? text("upgrades.json") : undefined;
  const blocks = gunzipSync(readFileSync(join(folder, "blocks.jsonl.gz"))).toString("utf8");
  const lines = blocks.split("\n").filter((line) => line !== "");
  return { name: folder, genesis: text("genesis.json"), upgrades, lines };
}

function replayRestarting({ genesis, upgrades, lines }: Input): string {
  const document = parseGenesis(genesis);
  const told = upgrades === undefined ? [] : readUpgrades(upgrades);
  const disk = new MemoryDisk();
  let replay = new Replay(document, { upgrades: told, disk });
  lines.forEach((line, i) => {
    if (i > 0 && i % RESTART_EVERY === 0) replay = new Replay(document, { upgrades: told, disk });
    replay.step(line);
  });
  return toHex(replay.app.appHash);
}

const inputs = process.argv.slice(3).map(read);
poison();
const hashes = inputs.map(replayRestarting);
process.stdout.write(`${hashes.join("\n")}\n`);
